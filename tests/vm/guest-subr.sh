# shellcheck shell=bash
# One boot of a guest: its initramfs, QEMU, and an end to it whatever happens.
# SPDX-License-Identifier: GPL-2.0-or-later

: "${here:?}" "${cache:?}" "${source:?}" "${kernel:=}" "${machine:=}" "${results:=}"
: "${build:?}" "${guest_root:=}" "${guest_build:=}" "${limit:=}" "${deadline:=}" "${activates:=}" "${ways:=}"
guest_pid=''

kernel_release() {
    basename "$(find "$kernel/lib/modules" -mindepth 1 -maxdepth 1 | head -n 1)"
}

# The ELF file in a bzImage, as the kernel's own scripts/extract-vmlinux finds it.
# Usage: vmlinux_extract BZIMAGE FILE
vmlinux_extract() {
    local tool magic offset
    while read -r tool magic; do
        for offset in $(LC_ALL=C grep -aobP "$magic" "$1" | cut -d: -f1); do
            # What follows the compressed part is no error.
            tail -c "+$((offset + 1))" "$1" | $tool -dc > "$2" 2> /dev/null
            [ "$(head -c 4 "$2" | tail -c 3)" = ELF ] && return
        done
    done << 'END'
xz \xfd7zXZ\x00
zstd \x28\xb5\x2f\xfd
gzip \x1f\x8b\x08
END
    return 1
}

# What QEMU boots: for x86 the ELF file, if it can be entered as such (PVH). Unpacking the bzImage in
# the guest takes longer than all else of the boot. Makes $results/kernel.
kernel_image_make() {
    local image
    image=$(find "$kernel/boot" -name 'vmlinuz-*' | head -n 1)
    [ -n "$image" ] || { echo "no boot/vmlinuz-* in $kernel"; return 1; }
    if [ "$machine" = x86_64 ] && vmlinux_extract "$image" "$results/kernel" &&
        readelf -n "$results/kernel" | grep -q Xen; then
        return
    fi
    cp "$image" "$results/kernel"
}

# A module as insmod of busybox takes it. Usage: module_copy FILE DIRECTORY
module_copy() {
    case $1 in
    *.xz) xz -dc "$1" > "$2/$(basename "$1" .xz)" ;;
    *.zst) zstd -qdc "$1" > "$2/$(basename "$1" .zst)" ;;
    *.gz) gzip -dc "$1" > "$2/$(basename "$1" .gz)" ;;
    *) cp "$1" "$2/" ;;
    esac
}

# The modules that the way to the root needs, in the order in which they are loaded.
modules_needed() {
    local release
    release=$(kernel_release)
    depmod -b "$kernel" "$release" || return
    modprobe -d "$kernel" -S "$release" --show-depends -a virtio_pci 9pnet_virtio 9p overlay |
        awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# The busybox of the guest's processor.
busybox_of_guest() {
    if [ "$guest_root" = / ]; then
        command -v busybox
    else
        echo "$guest_root/usr/bin/busybox"
    fi
}

# Makes $kernel/initramfs.gz from busybox, modules and init.sh.
initramfs_make() {
    local tree=$cache/initramfs module
    rm -rf "$tree"
    mkdir -p "$tree/bin" "$tree/modules" "$tree/proc" "$tree/sys" "$tree/dev" || return
    cp "$(busybox_of_guest)" "$tree/bin/busybox" && cp "$here/init.sh" "$tree/init" || return
    chmod 0755 "$tree/init" "$tree/bin/busybox"
    modules_needed > "$tree/needed" || return
    while read -r module; do
        module_copy "$module" "$tree/modules" || return
        basename "$module" | sed 's/\.ko\..*/.ko/' >> "$tree/modules/list"
    done < "$tree/needed"
    touch "$tree/modules/list"
    (cd "$tree" && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1 > "$results/initramfs.gz"
}

# Options for a directory of the host that the guest mounts by its tag, one word a line. Usage: share TAG DIRECTORY [on|off]
share() {
    printf '%s\n' -fsdev \
        "local,id=$1,path=${2//,/,,},security_model=none,multidevs=remap,readonly=${3:-on}" \
        -device "virtio-9p-pci,fsdev=$1,mount_tag=$1"
}

# The machine, one word a line; q35 because the clock of microvm does not stand a busy host.
qemu_command() {
    case $machine in
    x86_64) printf '%s\n' qemu-system-x86_64 -M q35 -cpu max ;;
    aarch64) printf '%s\n' qemu-system-aarch64 -M virt,gic-version=3 -cpu cortex-a57 ;;
    esac
}

console_of() {
    case $machine in
    x86_64) echo ttyS0 ;;
    aarch64) echo ttyAMA0 ;;
    esac
}

# What init.sh and guest.sh read. Usage: variables TESTS
variables() {
    printf "source='%s'\nbuild='%s'\nlimit='%s'\ntests='%s'\nactivates='%s'\nways='%s'\n" \
        "$source" "$build" "$limit" "$1" "$activates" "$ways"
}

# Ends the guest that runs, if one does.
guest_end() {
    [ -n "$guest_pid" ] || return 0
    kill -9 "$guest_pid" 2> /dev/null
    wait "$guest_pid" 2> /dev/null
    guest_pid=''
}

# Boots the kernel and waits until it is off again or the deadline is over. Prints what guest.sh
# says. False when it had to be ended. Usage: guest_run TESTS
guest_run() {
    local command status
    variables "$1" > "$results/variables"
    mapfile -t command < <(qemu_command; share root "$guest_root"; share source "$source"
        share build "$guest_build"; share kernel "$kernel"; share results "$results" off)
    # icount: time passes with the instructions that the guest was given, not with those that the
    # host gave to others. One processor: with two, each waits for the other's whole time slice.
    # pdeathsig: both end with whoever started them, however that ends.
    setpriv --pdeathsig KILL timeout --foreground -k 5 "$deadline" \
        setpriv --pdeathsig KILL "${command[@]}" \
        -accel tcg -icount shift=1 -smp 1 -m "${VMTEST_MEMORY:-2048}" -nodefaults -no-user-config \
        -display none -serial stdio -no-reboot -kernel "$results/kernel" \
        -initrd "$results/initramfs.gz" \
        -append "console=$(console_of) panic=-1 oops=panic quiet" < /dev/null \
        > >(tee "$results/console" | sed -u -n "s/\r//; s/^vmtest: /${results##*/}: /p") 2> "$results/qemu.err" &
    guest_pid=$!
    wait "$guest_pid"
    status=$?
    guest_pid=''
    rm -f "$results/kernel" "$results/initramfs.gz"
    [ "$status" -eq 0 ] && return
    echo "${results##*/}: QEMU ended with $status (124, 137: the deadline of $deadline s was over)"
    tail -n 5 "$results/qemu.err"
    return 1
}

# shellcheck shell=bash
# What the tests of all kinds of targets share: a world with programs in all forms, and their slots.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Uses tests/daemon-subr.sh. Targets tell what they run in a file, each in a slot of its own.

: "${srcdir:?}" "${builddir:?}" "${world:=}" "${root:=}" "${patches:=}"
declare -A slot_of
slots_used=0 late_seen=0 daemon_late=0 extra_mounts=() extra_groups=()

target_sources() {
    local name
    for name in target stacks threads limits libraries calls; do
        echo "$srcdir/tests/targets-$name.c"
    done
}

# One form of the program, with the functions unless FLAGS leave them out. Usage: compile_form NAME FLAGS...
compile_form() {
    local name=$1 functions=$srcdir/tests/inject-functions.S
    shift
    [ "$name" != host ] && [ "$name" != linked ] || functions=
    # shellcheck disable=SC2046,SC2086 # lists of files
    ${CC:-gcc} -O2 -g -std=gnu11 -D_GNU_SOURCE -I"$srcdir" "$(fresh_build_id)" -o "$root/usr/bin/$name" \
        $(target_sources) $functions "$@" -pthread -ldl -lrt
}

compile_forms() {
    compile_form pie -fPIE -pie && compile_form nopie -fno-pie -no-pie &&
        compile_form static -static -no-pie -DSTATIC_TARGET &&
        compile_form static-pie -static-pie -fPIE -DSTATIC_TARGET &&
        echo 'void quiet_sleep(void); void quiet_sleep(void) {}' > "$world/quiet.c" &&
        ${CC:-gcc} -O2 -shared -fPIC "$(fresh_build_id)" -o "$root/usr/lib64/libsct.so" "$world/quiet.c" \
            "$srcdir/tests/inject-functions.S" &&
        compile_form host -fPIE -pie -rdynamic &&
        compile_form linked -fPIE -pie -rdynamic -Wl,--no-as-needed -L"$root/usr/lib64" -l:libsct.so \
            -Wl,-rpath,"$root/usr/lib64" &&
        ${CC:-gcc} -O2 -std=gnu11 -D_GNU_SOURCE -I"$srcdir" -o "$world/look" \
            "$srcdir/tests/targets-look.c" &&
        ${CC:-gcc} -O2 -nostdlib -static -no-pie "$(fresh_build_id)" -o "$root/usr/bin/bare" \
            "$srcdir/tests/targets-bare.S" "$srcdir/tests/inject-functions.S"
}

# A patch of all forms. Usage: make_patch_of_all NAME BYTE [FUNCTION]...; uuids are made of BYTE and on
make_patch_of_all() {
    local name=$1 byte=$2 dir form entities=() number
    shift 2
    number=$((0x$byte)) dir=$patches/$(uuid_of "$byte")
    mkdir -p "$dir" || return
    for form in bin/pie bin/nopie bin/static bin/static-pie bin/bare lib64/libsct.so; do
        number=$((number + 1))
        byte=$(printf '%02x' "$number")
        make_object "$dir/${form#*/}" "$root/usr/$form" "$byte" "$@" || return
        entities+=("$(uuid_of "$byte")" "${form#*/}" "/usr/$form" "$root/usr/$form")
    done
    "$builddir/tests/daemon-patch-info" "$dir" "$(uuid_of "$(printf '%02x' $((number - 6)))")" \
        "$name" 1.0 "${entities[@]}"
}

# The functions with parameters of all kinds: the first of each is what a patch needs.
parameter_functions() {
    sed -n 's/^KEEP .*FUNCTION(\(p_[a-z0-9_]*\)).*/\1/p' "$srcdir/tests/targets-parameters-functions.c"
}

# The program with these functions, and a patch of all of them. Usage: make_parameters NAME BYTE
make_parameters() {
    local name=$1 byte=$2 dir entity
    dir=$patches/$(uuid_of "$byte") entity=$(printf '%02x' $((0x$byte + 1)))
    compile_form params -fPIE -pie -fcf-protection=full -Wno-psabi \
        "$srcdir/tests/targets-parameters.c" "$srcdir/tests/targets-parameters-functions.c" &&
        mkdir -p "$dir" && echo "#define ADD 1000
#include \"$srcdir/tests/targets-parameters-functions.c\"" > "$world/parameters.c" || return
    # shellcheck disable=SC2046 # a list of functions
    CC="${CC:-gcc} -I$srcdir -Wno-psabi" PATCH_SOURCE=$world/parameters.c \
        sh "$srcdir/tests/inject-make-patch.sh" "$dir/params" "$root/usr/bin/params" "0x$entity" \
        $(parameter_functions) &&
        "$builddir/tests/daemon-patch-info" "$dir" "$(uuid_of "$byte")" "$name" 1.0 \
            "$(uuid_of "$entity")" params /usr/bin/params "$root/usr/bin/params"
}

# Usage: targets_begin DIR
targets_begin() {
    umask 022
    rm -rf --one-file-system "$1"
    mkdir -p "$1/run" "$1/state" "$1/bpffs" "$1/patches" "$1/root/var/lib/rpm" "$1/home" \
        "$1/root/usr/bin" "$1/root/usr/lib64"
    world=$(cd "$1" && pwd)
    root=$world/root patches=$world/patches
    export HOME=$world/home
    mount -t bpf bpf "$world/bpffs" || return
    compile_forms && make_package 1.0 && install_package 1.0 &&
        make_patch_of_all T1 10 answer0 answer1 answer2 || return
    look clear 0 && chmod 0666 "$world/slots"
}

# Mounts are undone, and processes ended that nobody waits for.
targets_end() {
    local point name pid
    for name in "${!slot_of[@]}"; do
        for pid in $(pids_of "$name"); do
            kill -9 "$pid" 2> /dev/null
        done
    done
    world_end
    for point in "${extra_mounts[@]}"; do
        umount -l "$point"
    done
    for point in "${extra_groups[@]}"; do
        rmdir "$point"
    done
}

look() {
    "$world/look" "$world/slots" "$@"
}

# A slot for NAME, empty; a target that had it before is forgotten. Sets slot.
slot_take() {
    if [ -z "${slot_of[$1]:-}" ]; then
        slots_used=$((slots_used + 1))
        slot_of[$1]=$slots_used
    fi
    slot=${slot_of[$1]}
    look clear "$slot"
}

# Runs a target below other commands: SLOT stands for its slot. Usage: spawn NAME COMMAND...
spawn() {
    local name=$1 slot
    shift
    slot_take "$name"
    # A session of its own: it and its children can be found and ended.
    setpriv --pdeathsig KILL "${@/SLOT/$slot}" < /dev/null >> "$world/targets.log" 2>&1 &
    world_pids+=($!)
}

# The usual case. Usage: target NAME FORM KIND [ARGUMENT]...
target() {
    local name=$1 form=$2
    shift 2
    spawn "$name" "$root/usr/bin/$form" "$world/slots" SLOT "$@"
}

# All processes that have the slot of NAME in their command line.
pids_of() {
    pgrep -f -- " $world/slots ${slot_of[$1]}( |$)" || look get pid "${slot_of[$1]}"
}

# Waits until a target has begun: makes rounds. Usage: begun NAME...
begun() {
    local name
    for name in "$@"; do
        for _ in $(seq 1000); do
            [ "$(look get first "${slot_of[$name]}")" = 0 ] || continue 2
            sleep 0.01
        done
        echo "$name does not begin"
        tail -n 3 "$world/targets.log"
        return 1
    done
}

late_count() {
    grep -c 'RESULT=late' "$world/syscared.log"
}

# All of them run that code, nothing else, and nothing was damaged. Where the machine was so busy
# that the daemon came too late to a held caller, and says so, that process gets a second chance.
# Usage: all_run old|new NAME...
all_run() {
    local code=$1 name words=()
    shift
    for name in "$@"; do
        words+=("$name=${slot_of[$name]}")
    done
    look runs "$code" "${words[@]}" && return
    [ "$(late_count)" -gt "${late_seen:-0}" ] || return
    late_seen=$(late_count)
    sleep 2
    look runs "$code" "${words[@]}"
}

# Until it runs that code: for what is tried again later. Usage: comes_to_run old|new NAME
comes_to_run() {
    local end=$((SECONDS + 40))
    until look runs "$1" "$2=${slot_of[$2]}"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done > "$world/comes"
}

# Their first rounds were of that code. Usage: all_first old|new NAME...
all_first() {
    local code=$1 name words=()
    shift
    for name in "$@"; do
        words+=("$name=${slot_of[$name]}")
    done
    look first "$code" "${words[@]}"
}

# True if the daemon has said since it was last asked here that it came too late to a process.
daemon_was_late() {
    local count
    sleep 3 # the audit is every two seconds, and tells of those that nobody held
    count=$(grep -cE 'RESULT=(late|busy|traced)|audit: [0-9]+ processes' "$world/syscared.log")
    [ "$count" -gt "$daemon_late" ] && daemon_late=$count
}

# Its first round was of the new code. Where the machine was so busy that the daemon came too late,
# and says so, the target is started again, twice at most. Usage: first_is_new START NAME
first_is_new() {
    local try
    for try in 1 2 3; do
        all_first new "$2" && return
        [ "$try" -lt 3 ] && daemon_was_late || return
        all_end "$2"
        "$1" "$2"
        begun "$2" || return
    done
}

# A task of the target is stopped. Usage: any_stopped NAME
any_stopped() {
    local pid
    for pid in $(pids_of "$1"); do
        ! grep -q '^State:.*[Tt] (' /proc/"$pid"/task/*/status 2> /dev/null || return 0
    done
    return 1
}

# No task of theirs stays stopped: one that is just being patched may be. Usage: none_stopped NAME...
none_stopped() {
    local name
    for name in "$@"; do
        for _ in 1 2 3 4 5 6; do
            any_stopped "$name" || continue 2
            sleep 0.05
        done
        echo "a thread of $name is stopped"
        return 1
    done
}

# Ends them, and all their processes. Usage: all_end NAME...
all_end() {
    local name pid
    for name in "$@"; do
        for pid in $(pids_of "$name"); do
            kill -9 "$pid" 2> /dev/null
        done
    done
}

# What the daemon says of the processes of NAME, in one line each.
said_of() {
    local pid
    ctl -v status T1 > "$world/status"
    for pid in $(pids_of "$1"); do
        sed -n "s/^  $pid //p" "$world/status"
    done
}

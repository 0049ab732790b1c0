# shellcheck shell=bash
# What the tests of the daemon with real processes share: a world with a package, patches, a daemon
# and targets.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Everything is below one directory and in a mount namespace of its own. Processes are remembered
# and ended by world_end.

: "${srcdir:?}" "${builddir:?}"
export LC_ALL=C
world='' root='' daemon_pid=''
world_pids=()
# What the daemon is started by: a test may put restrictions around it.
daemon_wrapper=()
declare -A target_in target_out target_pid

# In a mount namespace of our own. Usage: world_namespace "$0" "$@"
world_namespace() {
    if [ -z "${SYSCARE_IN_NAMESPACE:-}" ]; then
        SYSCARE_IN_NAMESPACE=1 exec unshare --mount --propagation private "${BASH:-bash}" "$@"
    fi
    unset SYSCARE_IN_NAMESPACE
}

# A build-id that no other run of the tests has: daemons find targets by it on the whole machine.
fresh_build_id() {
    echo "-Wl,--build-id=0x$(od -An -v -tx1 -N 20 /dev/urandom | tr -d ' \n')"
}

# The programs to be patched: functions in the program, in a library, and in one that is opened.
compile_targets() {
    local cc=${CC:-gcc} functions=$srcdir/tests/inject-functions.S
    local target=$srcdir/tests/daemon-target.c
    mkdir -p "$root/usr/bin" "$root/usr/lib64" &&
        $cc -O2 "$(fresh_build_id)" -o "$root/usr/bin/sctarget" "$target" "$functions" -ldl \
            -lpthread &&
        $cc -O2 -shared -fPIC "$(fresh_build_id)" -o "$root/usr/lib64/libsct.so" "$functions" \
            -Wl,--unresolved-symbols=ignore-all &&
        $cc -O2 -DFUNCTIONS_BY_DLOPEN -Wl,--build-id -rdynamic -o "$world/opener" "$target" -ldl \
            -lpthread
}

# An empty package of that version, only for the RPM database. Usage: make_package VERSION
make_package() {
    cat > "$world/sctarget.spec" << END
Name: sctarget
Version: $1
Release: 1
Summary: A target for tests
License: GPL-2.0-or-later
%description
%files
END
    rpmbuild -bb --quiet --target x86_64 --define "_topdir $world/rpm" \
        --define 'debug_package %{nil}' "$world/sctarget.spec"
}

# Makes exactly that version the installed one. Usage: install_package VERSION|none
install_package() {
    rpm --root "$root" --dbpath /var/lib/rpm -e --justdb --nodeps sctarget 2> /dev/null
    [ "$1" != none ] || return 0
    rpm --root "$root" --dbpath /var/lib/rpm -i --justdb --nodeps --noscripts --ignoreos \
        "$world"/rpm/RPMS/x86_64/sctarget-"$1"-1.x86_64.rpm 2> /dev/null
}

uuid_of() {
    local two=$1$1
    echo "$two$two-$two-$two-$two-$two$two$two"
}

# A patch object for FILE; its uuid is 16 times the byte BYTE. Usage: make_object OUT FILE BYTE FUNCTION...
make_object() {
    local out=$1 file=$2 byte=$3
    shift 3
    CC=${CC:-gcc} sh "$srcdir/tests/inject-make-patch.sh" "$out" "$file" "0x$byte" "$@"
}

# A patch for the program, and for the library too if functions of it are named.
# Usage: make_patch NAME BYTE "EXE FUNCTIONS" ["LIB FUNCTIONS"]; uuids are made of BYTE, BYTE+1, BYTE+2
make_patch() {
    local name=$1 byte=$2 exe_byte lib_byte dir entities=()
    exe_byte=$(printf '%02x' $((0x$byte + 1))) lib_byte=$(printf '%02x' $((0x$byte + 2)))
    dir=$patches/$(uuid_of "$byte")
    [ -z "${SYSCARE_WORLDS:-}" ] || [ ! -d "$dir" ] || return 0 # it came with the world
    mkdir -p "$dir" || return
    # shellcheck disable=SC2086 # a list of functions
    make_object "$dir/sctarget" "$root/usr/bin/sctarget" "$exe_byte" $3 || return
    entities=("$(uuid_of "$exe_byte")" sctarget /usr/bin/sctarget "$root/usr/bin/sctarget")
    if [ -n "${4:-}" ]; then
        # shellcheck disable=SC2086
        make_object "$dir/libsct.so" "$root/usr/lib64/libsct.so" "$lib_byte" $4 || return
        entities+=("$(uuid_of "$lib_byte")" libsct.so /usr/lib64/libsct.so
            "$root/usr/lib64/libsct.so")
    fi
    "$builddir/tests/daemon-patch-info" "$dir" "$(uuid_of "$byte")" "$name" 1.0 "${entities[@]}"
}

# A machine on which compilers are slow takes worlds that were made elsewhere, at the same place:
# SYSCARE_MAKE_WORLDS=DIR only makes them there, SYSCARE_WORLDS=DIR has them.
# Usage: world_begin DIR
world_begin() {
    local made=${SYSCARE_WORLDS:-/nonexistent}/${1##*/}
    umask 022
    rm -rf --one-file-system "$1"
    mkdir -p "$1/run" "$1/state" "$1/bpffs" "$1/patches" "$1/root/var/lib/rpm" "$1/home"
    world=$(cd "$1" && pwd)
    root=$world/root patches=$world/patches
    export HOME=$world/home
    [ -n "${SYSCARE_MAKE_WORLDS:-}" ] || mount -t bpf bpf "$world/bpffs" || return
    if [ -d "$made" ]; then
        cp -a "$made/." "$world"
    else
        compile_targets && make_package 1.0 && make_package 2.0 && install_package 1.0
    fi
}

# The patches are made: ends a test that shall only make its world.
world_made() {
    [ -n "${SYSCARE_MAKE_WORLDS:-}" ] || return 0
    mkdir -p "$SYSCARE_MAKE_WORLDS" && mv "$world" "$SYSCARE_MAKE_WORLDS/"
    exit
}

world_end() {
    local pid own=()
    for pid in "${world_pids[@]}"; do
        # The number of one that ended long ago may be somebody else's by now.
        grep -qsx "PPid:[[:space:]]*$$" "/proc/$pid/status" || continue
        own+=("$pid")
        kill -CONT "$pid" 2> /dev/null
        kill "$pid" 2> /dev/null
    done
    for pid in "${own[@]}"; do
        timeout 5 tail --pid="$pid" -f /dev/null 2> /dev/null || kill -9 "$pid" 2> /dev/null
        wait "$pid" 2> /dev/null
    done
    world_pids=()
    mountpoint -q "$world/bpffs" && umount "$world/bpffs"
}

# Starts a daemon and waits until it answers. Usage: daemon_start [OPTION]...
daemon_start() {
    "${daemon_wrapper[@]}" setpriv --pdeathsig KILL "$builddir/runtime/syscared" --foreground --verbose \
        --run-dir "$world/run" --state-dir "$world/state" --patch-dir "$patches" --trust-parents \
        --bpffs "$world/bpffs/syscare" --root "$root" --libexec-dir "$builddir/runtime" "$@" \
        >> "$world/syscared.log" 2>&1 < /dev/null &
    daemon_pid=$!
    world_pids+=("$daemon_pid")
    for _ in $(seq 600); do
        ctl list > /dev/null 2>&1 && return 0
        kill -0 "$daemon_pid" 2> /dev/null || return 1
        sleep 0.05
    done
    return 1
}

daemon_stop() {
    kill "$daemon_pid" && wait "$daemon_pid"
}

daemon_kill() {
    kill -9 "$daemon_pid" 2> /dev/null
    wait "$daemon_pid" 2> /dev/null
    return 0
}

ctl() {
    "$builddir/runtime/syscare" --run-dir "$world/run" "$@"
}

# States of all patched files, one word if they agree. Usage: states [PATTERN]
states() {
    ctl list | awk -v pattern="${1:-.}" 'NR > 1 && $2 ~ pattern { print $3 }' | sort -u
}

# A target that takes commands. Usage: target_start NAME [PROGRAM]
target_start() {
    local name=$1 program=${2:-$root/usr/bin/sctarget} to from
    rm -f "$world/$name.in" "$world/$name.out"
    mkfifo "$world/$name.in" "$world/$name.out" || return
    setpriv --pdeathsig KILL "$program" < "$world/$name.in" > "$world/$name.out" 2>&1 &
    target_pid[$name]=$!
    world_pids+=("${target_pid[$name]}")
    exec {to}> "$world/$name.in" {from}< "$world/$name.out"
    target_in[$name]=$to target_out[$name]=$from
}

# One command, its answer on stdout. Usage: ask NAME COMMAND
ask() {
    local reply
    echo "$2" >&"${target_in[$1]}" || return
    IFS= read -r -t 10 -u "${target_out[$1]}" reply || reply="no answer"
    echo "$reply"
}

target_end() {
    kill "${target_pid[$1]}" 2> /dev/null
    wait "${target_pid[$1]}" 2> /dev/null
    return 0
}

# No pins of ours below the bpffs.
no_pins() {
    ! find "$world/bpffs" -name 'link-*' | grep .
}

# How many mappings of our patch objects a process has. Usage: patch_mappings PID
patch_mappings() {
    grep -c "$patches" "/proc/$1/maps"
}

# No thread of the process is stopped. Usage: target_threads_run PID
target_threads_run() {
    ! grep -l '^State:.*[Tt] (' /proc/"$1"/task/*/status
}

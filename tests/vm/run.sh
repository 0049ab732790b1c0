#!/bin/bash
# Runs tests on other kernels and processors than the host's, in virtual machines.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: run.sh        (`make vmtest`; top_srcdir and top_builddir are set)
#   VMTEST_KERNELS="6.1 5.10 6.1-aarch64"   Debian's kernels, fetched by apt; for this processor
#                        also a directory with boot/vmlinuz-* and lib/modules/ (9p and overlay)
#   VMTEST_TESTS="..."   names below tests/, instead of all that can run there
#   VMTEST_LIMIT=1800    seconds for one test
#   VMTEST_DEADLINE=7200 seconds for one kernel
#   VMTEST_MEMORY=2048   MiB of a guest
#
# All is kept in vmtest/ of the build directory: what was fetched, and results/<kernel>/ with the
# console and what each test printed. Processors are emulated, KVM is never used: about 20 times
# slower than the host, but the same everywhere. Exit status 1 when a test failed or did not run.
set -uo pipefail
export LC_ALL=C
source=${top_srcdir:?} build=${top_builddir:?}
cache=$build/vmtest
here=$source/tests/vm
# shellcheck source=tests/vm/fetch-subr.sh
. "$here/fetch-subr.sh"
# shellcheck source=tests/vm/guest-subr.sh
. "$here/guest-subr.sh"

kernels=${VMTEST_KERNELS:-6.1 5.10 6.1-aarch64}
limit=${VMTEST_LIMIT:-1800} deadline=${VMTEST_DEADLINE:-7200}

# What does not patch anything and so runs on every processor.
unit_tests="lib-unit capture-unit build-capture differ-layout author-edits package-linekeep
    daemon-unit truth-fuzz.sh"
# The runtime with real processes.
runtime_tests="inject-object inject-apply inject-uprobe vm/activate.sh daemon-ways.sh"
# What needs callers that are held.
hold_tests="daemon-run.sh truth-status.sh"

# Usage: tests_for MACHINE
tests_for() {
    if [ -n "${VMTEST_TESTS:-}" ]; then
        echo "$VMTEST_TESTS"
    elif [ "$1" = x86_64 ]; then
        echo $unit_tests $runtime_tests
        [[ $ways != *hold* ]] || echo $hold_tests
    else
        echo $unit_tests
    fi
}

# How first callers can be noticed there (KERNELS in syscared(8)): the best way, which the daemon must
# take by itself, and those that can be forced. Usage: ways_of VERSION
ways_of() {
    case $1 in
    5.10) echo perf-plain sample ;;
    6.1) echo perf-hold perf-async perf-plain sample ;;
    *) echo multi-hold perf-hold perf-async perf-plain sample ;;
    esac
}

# What the kernels' names say. Sets machine, kernel (the directory with it), ways and activates.
# Usage: kernel_prepare WORD
kernel_prepare() {
    machine=x86_64 activates=yes ways=
    case $1 in
    */*)
        # A kernel that we do not know: the daemon says what it can.
        kernel=$1 activates=
        ;;
    *-aarch64)
        machine=aarch64
        kernel=$cache/kernels/$1
        fetch_kernel "${1%-aarch64}" aarch64 "$kernel"
        ;;
    *)
        kernel=$cache/kernels/$1 ways=$(ways_of "$1")
        fetch_kernel "$1" x86_64 "$kernel"
        ;;
    esac
}

# The root and the build for the machine. Sets guest_root and guest_build.
root_prepare() {
    guest_root=/ guest_build=$build
    if [ "$machine" != "$(uname -m)" ]; then
        guest_root=$cache/$machine/root guest_build=$cache/$machine/build
        "$here/cross.sh" "$machine" "$cache"
    fi
}

# Programs and patches that tests would compile, made here: in the guest that takes minutes. A test
# whose world cannot be made here (without root) makes it there. Usage: worlds_make TEST...
worlds_make() {
    local name worlds=$cache/worlds
    rm -rf "$worlds"
    [ "$machine" = "$(uname -m)" ] || return 0
    for name in "$@"; do
        case $name in
        vm/activate.sh | daemon-run.sh | daemon-ways.sh | truth-status.sh)
            SYSCARE_MAKE_WORLDS=$worlds "$source/tests/$name"
            ;;
        esac
    done
}

# Usage: prepare WORD
prepare() {
    kernel_prepare "$1" && root_prepare && initramfs_make && kernel_image_make
}

# One kernel from the first download to its line of results; failures are counted, not passed on.
# Usage: kernel_run WORD
kernel_run() {
    local tests results=$cache/results/${1//\//_}
    rm -rf "$results"
    mkdir -p "$results"
    echo "$1: prepares"
    if ! prepare "$1" > "$results/prepare.log" 2>&1 < /dev/null; then
        tail -n 15 "$results/prepare.log"
        echo "$1: cannot be prepared (log: $results/prepare.log)"
        failed_kernels+=("$1")
        return
    fi
    tests=$(tests_for "$machine")
    # shellcheck disable=SC2086 # a list of names
    worlds_make $tests > "$results/worlds.log" 2>&1 < /dev/null
    guest_run "$tests" || failed_kernels+=("$1")
    # shellcheck disable=SC2086 # a list of names
    "$here/count.sh" "$1" "$results" $tests || failed_kernels+=("$1")
}

# What the kernels that were asked for need.
commands_needed() {
    local word
    echo busybox cpio depmod readelf setpriv
    for word in $kernels; do
        case $word in
        */*) echo qemu-system-x86_64 ;;
        *-aarch64) echo dpkg-deb qemu-system-aarch64 aarch64-linux-gnu-g++ qemu-aarch64-static ;;
        *) echo dpkg-deb qemu-system-x86_64 ;;
        esac
    done
}

need_commands() {
    local name
    for name in $(commands_needed); do
        command -v "$name" > /dev/null && continue
        "$source/scripts/setup-packages" --for-vmtest > "$cache/packages.log" 2>&1 < /dev/null &&
            return
        tail -n 5 "$cache/packages.log"
        echo "vmtest: $name is missing, and what it is in cannot be installed"
        exit 1
    done
}

# One function: the shell has read all of it before it begins, whoever edits this file meanwhile.
main() {
    local word
    failed_kernels=()
    if [ "$(uname -m)" != x86_64 ]; then
        echo "vmtest: guests share the root of an x86_64 host, and this is $(uname -m)"
        exit 1
    fi
    mkdir -p "$cache" || exit
    need_commands
    trap 'guest_end; exit 130' INT TERM HUP
    trap guest_end EXIT
    for word in $kernels; do
        kernel_run "$word"
    done
    [ "${#failed_kernels[@]}" -eq 0 ]
    exit
}

main

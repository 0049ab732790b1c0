#!/bin/bash
# What runs in a guest: the chosen tests, one after the other, each with a deadline.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Started by init.sh as the first process. For each test the results directory gets <test>.tap (what
# it printed), <test>.err and <test>.status; the host counts them. Its file `variables` says:
#   source, build   where both trees are, here as on the host
#   tests           names below tests/
#   limit           seconds that one test may take
#   activates       whether patches can be activated on this kernel: yes, no, or nothing known
#   ways            how first callers can be noticed there, the best first; nothing: not known
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export HOME=/vmtest/home TMPDIR=/tmp
results=/vmtest/results
source='' build='' limit='' tests='' activates='' ways=''

say() {
    echo "vmtest: $*"
}

# File systems that every machine has, beside those of init.sh.
mount_all() {
    mkdir -p /dev/pts /dev/shm /vmtest/home /sys/fs/cgroup /var/tmp
    mount -t devpts devpts /dev/pts
    mount -t tmpfs -o mode=1777 shm /dev/shm
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mount -t bpf bpf /sys/fs/bpf
    mount -t tracefs tracefs /sys/kernel/tracing
    # Modules of this kernel, not of the host's.
    mkdir -p /lib/modules
    mount --bind /vmtest/kernel/lib/modules /lib/modules
    ln -sfn /proc/self/fd /dev/fd
    ip link set lo up
}

# The build is copied: the programs that are patched shall not lie on an overlay. The same path as
# on the host, because some programs know where they were built.
copy_build() {
    mount -t tmpfs -o mode=0755 build "$build" &&
        (cd /vmtest/build && tar -c --exclude=./vmtest --exclude='*.o' --exclude='*.a' \
            --exclude='*.world' .) | tar -x -C "$build"
}

# Usage: run_test NAME
run_test() {
    local name=$1 out=$results/${1//\//_} program=$build/tests/$1 began=$SECONDS status
    [ -x "$program" ] || program=$source/tests/$1
    say "$name begins"
    (
        cd "$build" || exit
        export top_srcdir=$source top_builddir=$build CMOCKA_MESSAGE_OUTPUT=TAP
        export SYSCARE_WORLDS=/vmtest/build/vmtest/worlds
        export SYSCARE_ACTIVATES=$activates WAYS=$ways
        exec timeout -k 20 "$limit" "$program"
    ) > "$out.tap" 2> "$out.err" < /dev/null
    status=$?
    echo "$status" > "$out.status"
    say "$name ended with $status after $((SECONDS - began)) s"
}

# The machine is a thing of the test: it goes off without asking anybody.
power_off() {
    local key
    dmesg > "$results/dmesg"
    sync
    # Power off; where nothing can do that, start again, which QEMU takes for the end.
    for key in o b; do
        echo "$key" > /proc/sysrq-trigger
        sleep 5
    done
}

# shellcheck source=/dev/null # written by run.sh
. $results/variables
trap power_off EXIT
# An error that nobody sees to may not hang the guest either.
mount_all
copy_build || { say "no copy of the build"; exit 1; }
say "$(uname -srm) runs"
for name in $tests; do
    run_test "$name"
done
exit 0

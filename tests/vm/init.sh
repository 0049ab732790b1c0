#!/bin/busybox sh
# shellcheck shell=dash
# The first process of a guest: mounts the host's directories and goes on in them.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The root is what the host shares, read-only, with a tmpfs above it that takes all writes.

# The kernel ends with its first process: the host sees that there are no results.
fail() {
    echo "vmtest: the guest cannot start: $1"
    /bin/busybox poweroff -f
}

# Usage: share TAG DIRECTORY ro|rw
share() {
    local cache=none
    # What nobody changes meanwhile may be kept; results must reach the host at once.
    [ "$3" = rw ] || cache=loose
    mkdir -p "$2"
    mount -t 9p -o "trans=virtio,version=9p2000.L,msize=262144,cache=$cache,$3" "$1" "$2" ||
        fail "no 9p share $1"
}

/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do
    insmod "/modules/$module" 2> /dev/null || echo "vmtest: no module $module"
done < /modules/list
source='' build=''
share results /results rw
. /results/variables
share root /lower ro
mkdir /upper
mount -t tmpfs -o mode=0755 upper /upper
mkdir -p /upper/files /upper/work /root
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work root /root ||
    fail "no overlay"
# Before the trees: they may lie below one of these.
for directory in tmp run; do
    mkdir -p "/root/$directory"
    mount -t tmpfs -o mode=1777 "$directory" "/root/$directory"
done
share source "/root$source" ro
share build "/root/vmtest/build" ro
share kernel /root/vmtest/kernel ro
mkdir -p "/root$build"
for directory in proc sys dev; do
    mkdir -p "/root/$directory"
    mount -o move "/$directory" "/root/$directory"
done
mkdir -p /root/vmtest/results
mount -o move /results /root/vmtest/results
# Not `exec switch_root` with /bin/sh: which shell the root has is its own affair.
exec switch_root /root /usr/bin/env bash "$source/tests/vm/guest.sh" > /dev/console 2>&1

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes the targets and patch objects for the tests of the runtime.
# usage: inject-fixtures.sh SOURCE-DIRECTORY OUTPUT-DIRECTORY
set -eu
src=$1 out=$2
CC=${CC:-gcc}
export CC
mkdir -p "$out"
cd "$out"

build() { # NAME FLAGS...
    name=$1
    shift
    $CC -O2 -g -std=gnu11 -D_GNU_SOURCE -I"$src" -Wl,--build-id "$@" -o "$name" "$src/tests/inject-target.c" \
        "$src/tests/inject-functions.S" -pthread
}
patch() { "$src/tests/inject-make-patch.sh" "$@"; }

build pie -fPIE -pie
build nopie -fno-pie -no-pie
build static -static -no-pie
build static-pie -static-pie -fPIE
$CC -shared -Wl,--build-id -o library.so "$src/tests/inject-functions.S"
$CC -O2 -std=gnu11 -D_GNU_SOURCE -DFUNCTIONS_BY_DLOPEN -I"$src" -rdynamic -fPIE -pie -o dlopen \
    "$src/tests/inject-target.c" -pthread -ldl

for target in pie nopie static static-pie; do
    patch $target.patch $target 0x11 answer0 answer1 answer2 answer3
done
patch dlopen.patch library.so 0x11 answer0 answer1 answer2 answer3
patch quiet.patch pie 0x22 quiet:quiesce
patch second.patch pie 0x33 answer0
patch entry.patch pie 0x55 answer0:entry answer1
patch corrupt.patch pie 0x44 answer0 answer1:corrupt
: > 'done'

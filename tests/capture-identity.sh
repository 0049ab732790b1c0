#!/bin/bash
# What a package links is bit for bit the same with and without a capture.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/capture-subr.sh
. "${top_srcdir:?}/tests/capture-subr.sh"
capture_begin || tap_bail "cannot lay out a capture"
sources_make "$world/src"
mkdir "$world/out"
cd "$world/src" || exit

# Runs the build function twice at the same place, captured and not, and compares one output.
# Usage: same NAME OUTPUT BUILD_FUNCTION
same() {
    build() (
        set -e
        "$3"
    )
    tap_that "$1 builds without a capture" build "$@" || return
    mv "$2" "$world/out/plain"
    # shellcheck disable=SC2163 # the function that it names
    export -f "$3"
    tap_that "$1 builds in a capture" captured bash -ec "$3" || return
    tap_that "$1 is the same with and without a capture" cmp "$2" "$world/out/plain"
}

program() {
    gcc -g -O2 -pipe -I include -c main.c
    gcc -g -O2 -Wp,-DX -frecord-gcc-switches -c twice.c
    gcc -g -I include -c seven.S
    rm -f libtwice.a
    ar rc libtwice.a twice.o
    gcc -g main.o seven.o libtwice.a -Wl,--build-id=sha1 -o prog
}
same 'a program with an archive and debug information' prog program

at_once() {
    gcc -g -O2 -Iinclude main.c twice.c seven.S -o prog
}
same 'a program compiled and linked by one command' prog at_once

partial() {
    gcc -O2 -g -Iinclude -c main.c twice.c seven.S
    ld -r main.o twice.o -o part.o
    gcc -r part.o seven.o -o whole.o
    gcc whole.o -o prog
}
same 'a program linked in two steps with ld -r' prog partial

library() {
    mkdir -p .libs
    gcc -fPIC -DPIC -g -O2 -c twice.c -o .libs/twice.o
    gcc -shared .libs/twice.o -Wl,-soname,libtwice.so.1 -o libtwice.so.1
}
same 'a shared library' libtwice.so.1 library

plus() {
    g++ -g -O2 -c plus.cc
    g++ plus.o -o plus
}
same 'a C++ program' plus plus

lto() {
    gcc -O2 -flto=auto -ffat-lto-objects -g -Iinclude -c main.c twice.c
    gcc -O2 -flto=auto -g -Iinclude main.o twice.o seven.S -o prog
}
same 'a program with link-time optimisation' prog lto

for linker in gold lld; do
    command -v "ld.$linker" > /dev/null || continue
    eval "with_$linker() { gcc -O2 -g -Iinclude main.c twice.c seven.S -fuse-ld=$linker -o prog; }"
    same "a program linked by $linker" prog "with_$linker"
done

for other in $(compgen -c | grep -xE 'gcc-[0-9]+' | sort -u); do
    [ -e "$builddir/gcc/$("$other" -dumpmachine)/$("$other" -dumpversion)/syscare_record.so" ] || continue
    eval "with_other() { $other -O2 -g -Iinclude main.c twice.c seven.S -o prog; }"
    same "a program compiled by $other" prog with_other
done

debug_compare() {
    gcc -O2 -g -fcompare-debug -Iinclude -c main.c -o compared.o
    gcc -O2 -gsplit-dwarf --coverage -fstack-usage -c twice.c
    gcc -Iinclude main.c twice.c seven.S -o prog
}
same 'a build with -fcompare-debug, split debug information and coverage' prog debug_compare

has_no_note() {
    ! has_note prog && ! strings -a prog | grep -q syscare
}
tap_that 'a linked program keeps no trace of the capture' has_no_note
tap_done

#!/bin/bash
# `syscare build` of a package that two GCCs compile: each is recorded, and used again, by its own plugin.
# SPDX-License-Identifier: GPL-2.0-or-later
set -u
# shellcheck source=tests/build-subr.sh
. "${top_srcdir:?}/tests/build-subr.sh"

second=''
for gcc in $(compgen -c | grep -xE 'gcc-[0-9]+' | sort -u); do
    [ "$($gcc -dumpversion)" != "$(gcc -dumpversion)" ] &&
        [ -e "$top_builddir/gcc/$($gcc -dumpmachine)/$($gcc -dumpversion)/syscare_record.so" ] && second=$gcc
done
[ "$second" ] || tap_skip_all "needs a second GCC with plugin headers (gcc-11-plugin-dev)"

sources=$work/tiny
shipped=$work/shipped
mkdir -p "$shipped"
write_sources "$sources"
# the library and what both share by the other one
sed -i "s|^\\tgcc \\(.*-fPIC -c .*\\)|\\t$second \\1|" "$sources/Makefile"
grep -q "$second" "$sources/Makefile" || tap_bail "no rule of the Makefile for the second GCC"
make_srpm "$sources" 1.0 "$shipped" "$plain_build" || tap_bail "no source package"
ship "$shipped" || tap_bail "the package cannot be built"
make_patch "$sources" "$work/code.patch" sed -i 's/return 1000/return 100/' prog/other.c
make_patch "$sources" "$work/library.patch" sed -i 's/int sum = 0/int sum = count > 100/' lib/tiny.c

patched_in_both() {
    build_patch "$work/o" "$shipped" "$work/code.patch" -p "$work/library.patch" || return
    [ "$(patch_targets "$work/o")" = "/usr/bin/tiny /usr/lib64/libtiny.so.1 " ] ||
        [ "$(patch_targets "$work/o")" = "/usr/lib64/libtiny.so.1 /usr/bin/tiny " ]
}
tap_that "files_of_both_compilers_are_patched" patched_in_both
tap_done

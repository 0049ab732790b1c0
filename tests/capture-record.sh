#!/bin/bash
# Every way in which packages compile and link ends up in the records of a capture.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/capture-subr.sh
. "${top_srcdir:?}/tests/capture-subr.sh"
capture_begin || tap_bail "cannot lay out a capture"
sources_make "$world/src"
cd "$world/src" || exit

# Compiles with a command, and looks for the note. Usage: records NAME OBJECT COMMAND...
records() {
    compile() {
        rm -f "$1"
        captured "${@:2}" && has_note "$1"
    }
    tap_that "$1" compile "${@:2}"
}

# The compilers that packages call, by every name
records 'gcc from PATH records' main.o gcc -Iinclude -c main.c
records 'an absolute path to gcc records' main.o "$gcc" -Iinclude -c main.c
for name in "gcc-$version" "$target-gcc" "$target-gcc-$version"; do
    command -v "$name" > /dev/null && records "$name records" main.o "$name" -Iinclude -c main.c
done
records 'g++ records' plus.o g++ -c plus.cc
records 'a compile to assembler text and then to an object records' twice.o \
    sh -c 'gcc -S twice.c && gcc -c twice.s && rm twice.s'

# Options that changed what as and cc1 see
printf -- "-O2 -Iinclude -DTEXT='\"a b\"'\n" > flags.rsp
records 'options from a response file record' main.o gcc @flags.rsp -c main.c
records '-pipe with -I and its argument apart records' main.o gcc -pipe -I include -c main.c
records 'an assembler source records' seven.o gcc -I include -c seven.S
records 'an assembler source records under -pipe' seven.o gcc -pipe -I include -g -c seven.S
printf '.data\n.incbin "flags.rsp"\n.include "more.inc"\n' > data.s
printf '.byte 1\n' > more.inc
records 'a source without preprocessing records' data.o gcc -c data.s
records '-save-temps records' main.o gcc -save-temps -Iinclude -c main.c

tap_that 'preprocessing works as ever' captured sh -c 'gcc -E -Iinclude main.c | grep -q "twice(42)"'
tap_that 'dependency output works as ever' captured sh -c 'gcc -M -Iinclude main.c | grep -q answer.h'
tap_that 'a syntax check works as ever' captured gcc -fsyntax-only -Iinclude main.c
tap_that 'compiling from standard input works as ever' captured sh -c 'echo "int x;" | gcc -x c -c - -o x.o'
help_is_same() {
    [ "$(captured gcc --help=warnings)" = "$(gcc --help=warnings)" ]
}
tap_that '--help prints nothing of ours' help_is_same

# From the link back to the sources
link_by_archive() {
    captured sh -ec 'gcc -g -O2 -Iinclude -c main.c twice.c seven.S
        rm -f libtwice.a; ar rc libtwice.a twice.o
        gcc main.o seven.o libtwice.a -o by_archive'
}
tap_that 'a program with an archive links' link_by_archive
tap_that 'the link record has the main program' link_has by_archive main.o main.c
tap_that 'the link record has the assembler source' link_has by_archive seven.o seven.S
tap_that 'the link record has the archive member' link_has by_archive 'libtwice.a(twice.o)' twice.c
record_is() {
    grep -F "\"output\":\"$1\"" "$capture/links.jsonl" | tail -n 1 | grep -F "$2"
}
tap_that 'it says that this is a program' record_is by_archive '"kind":"exec"'
outputs_equal() {
    local id
    id=$(record_is "$1" '' | sed 's/.*"copy":"outputs\/\([^"]*\)".*/\1/')
    cmp "$1" "$capture/outputs/$id" && grep -q "LOAD" "$capture/maps/$id.map"
}
tap_that 'the capture keeps the output and the map' outputs_equal by_archive
has_dependency() {
    grep -F "$2" "$capture/tu/$(unit_of "$1").json"
}
tap_that 'a unit lists the headers that it read' has_dependency main.c '"include/answer.h"'
tap_that 'an assembler unit lists what cpp read' has_dependency seven.S '"include/answer.h"'
tap_that 'the options that -Wp, gives are recorded' sh -ec "
    $(declare -f captured); world=$world; captured gcc -Wp,-DFROM_WP -c twice.c
    strings -a twice.o | grep FROM_WP"

# Files that no #include names
mkdir pch
printf '#include "deep.h"\n' > pch/all.h
printf '#define DEEP 3\n' > pch/deep.h
printf '#include "pch/all.h"\nint deep(void) { return DEEP; }\n__asm__(".section .blob; .incbin \\"flags.rsp\\"");\n' > deep.c
precompiled() {
    captured sh -ec 'gcc pch/all.h -o pch/all.h.gch; gcc -Winvalid-pch -Werror -c deep.c; gcc -r deep.o -o deep_r.o'
}
tap_that 'a precompiled header is made and used' precompiled
tap_that 'a unit lists what its precompiled header was made of' has_dependency deep.c '"pch/deep.h"'
tap_that 'a unit lists its precompiled header' has_dependency deep.c '"pch/all.h.gch"'
included_by_assembler() {
    grep -F "\"tu\":\"$(unit_of deep.c)\"" "$capture/assembles.jsonl" | grep -F '"flags.rsp"'
}
tap_that 'what inline assembly includes is listed' included_by_assembler
twins() {
    mkdir -p one two
    echo 'int one(void) { return 1; }' > one/util.c
    echo 'int two(void) { return 2; }' > two/util.c
    # shellcheck disable=SC2016 # the inner shell expands it
    captured sh -ec 'for d in one two; do gcc -c $d/util.c -o $d/util.o; done; rm -f libutil.a
        ar qc libutil.a one/util.o two/util.o
        gcc -r -nostdlib -Wl,--whole-archive libutil.a -o util_r.o' &&
        link_has util_r.o 'libutil.a(util.o)' one/util.c && link_has util_r.o 'libutil.a(util.o)' two/util.c
}
tap_that 'two members of one name are both recorded' twins

# Notes on their way to the link
survive() {
    captured sh -ec 'gcc -g -Iinclude -c main.c twice.c seven.S
        strip -g main.o; objcopy --strip-unneeded seven.o
        ld -r main.o twice.o -o both.o; gcc both.o seven.o -o stripped'
}
tap_that 'a program of stripped and joined objects links' survive
tap_that 'ld -r and strip -g keep the first note' link_has stripped both.o main.c
tap_that 'ld -r keeps the second note' link_has stripped both.o twice.c
tap_that 'objcopy keeps the note that the assembler shim added' link_has stripped seven.o seven.S
thin() {
    captured sh -ec 'gcc -Iinclude -c main.c twice.c seven.S; rm -f libthin.a
        ar rcT libthin.a twice.o; gcc main.o seven.o libthin.a -o thin'
}
tap_that 'a program with a thin archive links' thin
tap_that 'members of thin archives are recorded' link_has thin twice.o twice.c
captured gcc -Iinclude main.c twice.c seven.S -o at_once
tap_that 'one command that compiles and links is recorded' \
    grep -q '"object":"twice.o"' "$capture/tu/$(unit_of twice.c).json"
whole() {
    captured sh -ec 'gcc -Iinclude -fPIC -c twice.c; rm -f libpic.a; ar rc libpic.a twice.o
        printf "%s\n" -Wl,--whole-archive libpic.a -Wl,--no-whole-archive > link.rsp
        gcc -shared -o libwhole.so @link.rsp'
}
tap_that 'a library from a response file links' whole
tap_that 'members that --whole-archive takes are recorded' link_has libwhole.so 'libpic.a(twice.o)' twice.c
tap_that 'it says that this is a shared library' record_is libwhole.so '"kind":"shared"'
for linker in gold lld; do
    command -v "ld.$linker" > /dev/null || continue
    captured gcc -fuse-ld=$linker main.o seven.o libtwice.a -o "by_$linker"
    tap_that "$linker: the link record has the main program" link_has "by_$linker" main.o main.c
    tap_that "$linker: the link record has the archive member" link_has "by_$linker" 'libtwice.a(twice.o)' twice.c
done

# Maps that the package makes itself
own_map() {
    captured gcc main.o seven.o libtwice.a -Wl,-Map=own.map -o own && [ -s own.map ] &&
        link_has own main.o main.c
}
tap_that "the package's own -Map is made, and used" own_map
printed_map() {
    captured gcc main.o seven.o libtwice.a -Wl,-M -o printed | grep -q '^LOAD main.o' &&
        link_has printed main.o main.c
}
tap_that 'a map on standard output is printed, and used' printed_map

# Outcomes pass through
tap_refuses 'a failing compile fails as ever' 1 'error' captured gcc -c include/answer.h main.c -DANSWER=
tap_refuses 'a failing link fails as ever' 1 'undefined reference' captured gcc twice.o -o nothing
failed_link_is_not_recorded() {
    ! grep -q '"output":"nothing"' "$capture/links.jsonl"
}
tap_that 'a failed link leaves no record' failed_link_is_not_recorded

# Many at once
mkdir many
for i in $(seq 40); do
    echo "int f$i(void) { return $i; }" > "many/f$i.c"
done
cat > Makefile << 'END'
all: $(patsubst %.c,%.o,$(wildcard many/*.c)); gcc -shared -o libmany.so $^
%.o: %.c; gcc -fPIC -c $< -o $@
END
tap_that 'a parallel make runs' captured make -s -j8
all_recorded() {
    local i
    for i in $(seq 40); do
        link_has libmany.so "many/f$i.o" "many/f$i.c" || return
    done
    ! grep -qvE '^\{"version":1,.*\}$' "$capture"/*.jsonl
}
tap_that 'every unit of a parallel make is recorded, every line whole' all_recorded
tap_that 'no run was left out' test ! -e "$capture/uncaptured.jsonl"
clean() {
    [ -z "$(find "$capture/tu" ! -name '*.json' -type f)" ]
}
tap_that 'no temporary files are left' clean
tap_done

#!/bin/bash
# A replayed compile gives the same code, function by function, and touches nothing but its output.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck source=tests/capture-subr.sh
. "${top_srcdir:?}/tests/capture-subr.sh"
capture_begin || tap_bail "cannot lay out a capture"
sources_make "$world/src"
mkdir "$world/out"
cd "$world/src" || exit

replay() {
    "$builddir/wrappers/syscare-replay" "$capture" "$@"
}

# The code and data of an object, without our note and debug information.
bare() {
    objcopy -R .syscare.build -g "$1" "$2"
}

# Instructions of each function, without the addresses that depend on where it was placed.
functions() {
    objdump -d --no-show-raw-insn "$1" | awk '
        /^[0-9a-f]+ <.*>:$/ { print $2; next }
        /\tnop|\txchg +%ax,%ax|\tcs nop|\tdata16/ { next } # padding between functions
        /^ / { sub(/^[^\t]*\t/, ""); sub(/#.*/, ""); sub(/<[^>]*>/, ""); gsub(/-?0x[0-9a-f]+\(%rip\)/, "X(%rip)")
               if ($1 ~ /^(call|j)/) print $1; else print }'
}

# Replays a source as compiled with these options; the same options with sections, given to gcc
# itself, must make the same object. Usage: replays NAME SOURCE COMPILER OPTION...
replays() {
    local name=$1 source=$2 object=$world/src/object.o
    shift 2
    rm -f object.o
    tap_that "$name: compiles" captured "$@" -c "$source" -o object.o || return
    captured gcc -r object.o -o joined.o
    id=$(link_units joined.o object.o)
    cp object.o "$world/out/original.o"
    find "$world/src" -printf '%p %T@ %s\n' | sort > "$world/before"
    tap_that "$name: replays" replay "$id" "$world/out/replay.o" || return
    find "$world/src" -printf '%p %T@ %s\n' | sort > "$world/after"
    tap_that "$name: replaying changes no file of the tree" cmp "$world/before" "$world/after"
    "$@" -ffunction-sections -fdata-sections -c "$source" -o "$world/out/direct.o"
    bare "$world/out/replay.o" "$world/out/replay.bare"
    bare "$world/out/direct.o" "$world/out/direct.bare"
    tap_that "$name: the object is what gcc makes with sections" cmp "$world/out/replay.bare" "$world/out/direct.bare"
    functions "$world/out/replay.o" | grep -v '^Disassembly' > "$world/out/replay.txt"
    functions "$object" | grep -v '^Disassembly' > "$world/out/original.txt"
    tap_that "$name: every function has the same code as in the original" \
        cmp <(sort "$world/out/replay.txt") <(sort "$world/out/original.txt")
    tap_that "$name: the note has the same id" grep -qF "\"id\":\"$id\"" "$world/out/replay.o"
}

replays 'plain' twice.c gcc -O2 -g
replays 'options by -Wp, and -Wa,' main.c gcc -O2 -pipe -I include -Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=2 -Wp,-MD,main.d \
    -Wa,-mbranches-within-32B-boundaries
replays 'output files on the side' twice.c gcc -O2 -g -MD -MP -MF deps.d -fstack-usage -fdump-tree-optimized
replays 'another language' main.c gcc -O2 -Iinclude -x c++ -fpermissive -w
replays 'C++' plus.cc g++ -O2 -g
replays '-save-temps' main.c gcc -O2 -Iinclude -save-temps=obj

has_section() {
    readelf -SW "$world/out/replay.o" | grep -q " $1 "
}
captured gcc -O1 -c twice.c && captured gcc -r twice.o -o twice_r.o
id=$(link_units twice_r.o twice.o)
tap_that 'a unit without debug information replays' replay "$id" "$world/out/replay.o"
tap_that 'functions have sections of their own' has_section .text.unused
tap_that 'objects have sections of their own' has_section .data.limit
tap_that 'it has debug information then: layouts are compared' has_section .debug_info
replays 'debug information without types' twice.c gcc -O2 -g1
tap_that 'types are there then' sh -c "readelf --debug-dump=info '$world/out/replay.o' | grep -q DW_TAG_base_type"
printf 'extern int far; int get(void) { return far; }\n' > far.c
captured gcc -O1 -c far.c && captured gcc -r far.o -o far_r.o
tap_that 'options after -- are given to the compiler' replay "$(link_units far_r.o far.o)" "$world/out/replay.o" -- -mno-direct-extern-access
uses_got() {
    objdump -dr "$world/out/replay.o" | grep -q GOTPCREL
}
tap_that 'and they have their effect' uses_got

# The environment of the recorded compile, not that of the caller
mkdir env
printf '#define FROM_ENV 5\n' > env/env.h
printf '#include <env.h>\nint v(void) { return FROM_ENV; }\nconst char *d(void) { return __DATE__; }\n' > env.c
CPATH=$PWD/env SOURCE_DATE_EPOCH=86400 captured gcc -O1 -c env.c && captured gcc -r env.o -o env_r.o
tap_that 'CPATH and SOURCE_DATE_EPOCH are those of the record' replay "$(link_units env_r.o env.o)" "$world/out/replay.o"
tap_that 'so the date is that of the record' grep -q 'Jan  2 1970' "$world/out/replay.o"

captured gcc -Iinclude -c seven.S && captured gcc -r seven.o -o seven_r.o
id=$(link_units seven_r.o seven.o)
tap_that 'a unit in assembler language replays as its object' replay "$id" "$world/out/replay.o"
tap_that 'that object is the one in the tree' cmp seven.o "$world/out/replay.o"
echo garbage > seven.o
tap_refuses 'another object in its place is refused' 1 'not an ELF object' replay "$id" "$world/out/replay.o"

# Links with link-time optimisation: one object of all inputs
link_id() {
    grep -F "\"output\":\"$1\"" "$capture/links.jsonl" | tail -n 1 | sed 's/.*"version":1,"id":"\([^"]*\)".*/\1/'
}
printf 'extern int in_b(int); static int state; int in_a(int x) { state += x; return in_b(state); }\n' > a.c
printf 'int in_b(int x) { static int last; int r = x * 3 + last; last = x; return r; }\n' > b.c
build_lto() {
    captured gcc -O2 -g -pipe -fPIC -flto=auto -ffat-lto-objects -Wa,--noexecstack -c a.c &&
        captured gcc -O2 -g -pipe -fPIC -flto=auto -ffat-lto-objects -c b.c &&
        captured gcc -O2 -g -pipe -shared -flto=auto -Wl,-Map=lto.map a.o b.o -o libab.so
}
tap_that 'a library with LTO links' build_lto
tap_that 'its record says so' grep -q '"output":"libab.so".*"lto":true' "$capture/links.jsonl"
find . -printf '%p %T@ %s\n' | sort > "$world/before"
tap_that 'its link replays' replay --link "$(link_id libab.so)" "$world/out/lto.o"
find . -printf '%p %T@ %s\n' | sort > "$world/after"
tap_that 'replaying a link changes no file of the tree' cmp "$world/before" "$world/after"
lto_functions() {
    readelf -SW "$world/out/lto.o" | grep -q ' \.text\.in_a ' &&
        readelf -SW "$world/out/lto.o" | grep -q ' \.text\.in_b ' &&
        readelf -SW "$world/out/lto.o" | grep -q ' \.bss\.state'
}
tap_that 'the one object has the functions of all inputs in their sections' lto_functions
one_function() {
    functions "$1" | awk -v name="<$2>:" '/^</ { wanted = $1 == name } wanted'
}
same_as_linked() {
    local name
    for name in in_a in_b; do
        one_function libab.so "$name" | grep -q '[a-z]' || return
        cmp <(one_function libab.so "$name") <(one_function "$world/out/lto.o" "$name") || return
    done
}
tap_that 'they have the code of the linked library' same_as_linked
tap_that 'nothing else is left beside the object' sh -c "! ls -d $world/out/lto.o.*"
tap_refuses 'a link without LTO is refused' 3 'without link-time' \
    replay --link "$(link_id far_r.o)" "$world/out/x.o"
tap_refuses 'a link that was not captured is an error' 1 'has no link' replay --link 1234 "$world/out/x.o"

tap_refuses 'an id that is none is a usage error' 2 'not the id' replay ../../etc/passwd "$world/out/x.o"
tap_refuses 'a unit that was not captured is an error' 1 'cannot open' replay 00000000000000000000000000000000 "$world/out/x.o"
printf 'int broken(\n' > far.c
tap_refuses 'a source that no longer compiles is an error' 1 'cc1 failed' \
    replay "$(link_units far_r.o far.o)" "$world/out/broken.o"
tap_that 'nothing is left of a failed replay' sh -c "! ls $world/out/broken.o*"
tap_refuses 'a wrong command line is a usage error' 2 'Usage' replay x
tap_done

#!/bin/bash
# Seeds of the fuzz targets, and inputs that once did harm, do none.
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Where `make fuzz` has built the targets with sanitizers, those are run.
set -uo pipefail
srcdir=${top_srcdir:?} builddir=${top_builddir:?}
# shellcheck source=tests/tap-subr.sh
. "$srcdir/tests/tap-subr.sh"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
export FUZZ_SCRATCH=$work ASAN_OPTIONS=detect_leaks=0

# Usage: within SECONDS COMMAND...; of the processor, for the machine may be busy
within() {
    (ulimit -t "$1" && shift && "$@")
}

# Usage: replay NAME; a target without inputs tests nothing, but where seeds.sh makes none
replay() {
    local files=() program=$builddir/tests/fuzz/work/build/tests/fuzz/replay-$1
    [ -x "$program" ] || program=$builddir/tests/fuzz/replay-$1
    mapfile -t files < <(find "$srcdir/tests/fuzz/seeds/$1" "$srcdir/tests/fuzz/found/$1" "$work/seeds/$1" \
        -type f 2> /dev/null)
    [ "${#files[@]}" -gt 0 ] || [ ! -d "$work/seeds/reloc" ] || return 1
    [ "${#files[@]}" -eq 0 ] || within 60 "$program" "${files[@]}"
}

# A table of strings as generators write them: each entry refers to one of a hundred thousand.
read_many() {
    awk 'BEGIN { print ".section .rodata.str1.1,\"aMS\",@progbits,1"
        for (i = 0; i < 100000; i++) printf ".L%d: .asciz \"entry %x\"\n", i, i * 7919
        print ".section .data.rel.ro.local.table,\"aw\""; print ".globl table"
        print ".type table, @object"; print ".size table, 800000"; print "table:"
        for (i = 0; i < 100000; i++) printf ".quad .L%d\n", i }' > "$work/many.s" &&
        gcc -c "$work/many.s" -o "$work/many.o" && within 10 "$builddir/tests/fuzz/replay-reloc" "$work/many.o"
}

# A table each of whose entries leads to two others of it, as state machines have.
read_states() {
    awk 'BEGIN { print "struct state { const struct state *a, *b; int v; };"
        print "__attribute__((visibility(\"hidden\"))) extern const struct state s[100];"
        print "const struct state s[100] = {"
        for (i = 0; i < 100; i++) printf "{&s[%d], &s[%d], %d},\n", (i * 7 + 1) % 100, (i * 3 + 2) % 100, i
        print "}; int f(int x) { return s[x & 63].a->v; }" }' > "$work/states.c" &&
        gcc -O1 -fPIC -shared -nostdlib -o "$work/states.so" "$work/states.c" &&
        within 10 "$builddir/tests/fuzz/replay-image" "$work/states.so"
}

tap_that "seeds_are_made" bash "$srcdir/tests/fuzz/seeds.sh" "$work/seeds"
for target in "$builddir"/tests/fuzz/replay-*; do
    [ -x "$target" ] && [[ $target != *.* ]] || continue
    name=${target##*/replay-}
    tap_that "inputs_of_fuzz_target_${name}_do_no_harm" replay "$name"
done
tap_that "object_with_100000_strings_is_read_within_seconds" read_many
tap_that "library_with_a_table_that_leads_to_itself_is_read_within_seconds" read_states
[ "$tap_count" -gt 2 ] || tap_bail "no fuzz target was built"
tap_done

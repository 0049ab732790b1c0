#!/bin/bash
# Which functions get their jump at the entry, where processes are met then, and which are refused.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2119
. "${top_srcdir:?}/tests/imports-subr.sh"

# strategies: "function strategy" of each changed one
strategies()
{
    python3 -c 'import json
for f in json.load(open("report.json"))["functions"]:
    if f["change"] == "changed": print(f["name"], f["strategy"])'
}

warnings()
{
    python3 -c 'import json
for w in json.load(open("report.json"))["warnings"]: print(w["kind"], w["function"] or "-")'
}

# arms: the link-time addresses in .syscare.arm of the patch object
arms()
{
    python3 - <<'END'
import struct, subprocess
subprocess.run(["objcopy", "-O", "binary", "--only-section=.syscare.arm",
                "--set-section-flags", ".syscare.arm=alloc", "out.patch", "arms.bin"], check=True)
data = open("arms.bin", "rb").read()
print(" ".join("%x" % struct.unpack_from("<Q", data, at)[0] for at in range(0, len(data), 32)))
END
}

entry_point()
{
    readelf -hW o/out | awk '/Entry point/ { sub("0x", "", $NF); print $NF }'
}

# dynamic TAG: its value in the target
dynamic()
{
    readelf -dW o/out | awk -v tag="($1)" '$2 == tag { sub("0x", "", $3); print $3 }'
}

# pair BODY NEW_BODY [MORE]: f() is what changes
pair()
{
    new_case
    for side in o p; do
        [ $side = o ] && body=$1 || body=$2
        cat > $side/main.c <<END
#include <stdio.h>
struct s { int n, m; } s = {5, 6};
volatile int g = 7;
${3:-}
__attribute__((noipa)) int f(struct s *p) { $body }
void run(void) { printf("%d %d", f(&s), f(&s)); }
END
    done
}

old='return p->n * 3 + p->m + g;' new='return p ? p->n * 30 + p->m + g : 0;'
plain='-O2 -fPIE -fcf-protection=none'

cflags=$plain ldflags='-Wl,--build-id'
pair "$old" "$new"
lives 'a_first_instruction_that_reads_through_a_pointer_is_jumped_over' f '28 28' '163 163'
tap_prints 'the_report_says_so' 'f entry' strategies
tap_prints 'and_warns' 'entry-jump f' warnings
tap_prints 'processes_are_met_at_the_entry_point_of_the_program' "$(entry_point)" arms

cflags="$plain -fno-pie" ldflags='-no-pie -Wl,--build-id'
pair "$old" "$new"
lives 'in_a_program_at_fixed_addresses' f '28 28' '163 163'
tap_prints 'its_entry_point_is_found' "$(entry_point)" arms

cflags=$plain ldflags='-static-pie -Wl,--build-id'
pair "$old" "$new"
accepts 'in_a_static_program' f
tap_prints 'whose_resolvers_run_behind_its_entry_point' "$(entry_point)" arms

ldflags='-Wl,--build-id'
pair "$old" "$new" 'static void first(void) { g = 7; }
__attribute__((section(".preinit_array"), used)) static void (*const before)(void) = first;'
lives 'in_a_program_with_an_early_function' f '28 28' '163 163'
tap_prints 'that_function_is_where_processes_are_met_too' \
    "$(entry_point) $(nm o/out | awk '$3 == "first" { sub("^0*", "", $1); print $1 }')" arms

# what a library loads from its own table of addresses could stay: that is at a fixed place
library=library cflags='-O2 -fPIC -fcf-protection=none'
old='return p->n * 3 + p->m + 7;' new='return p ? p->n * 30 + p->m + 7 : 0;'
pair "$old" "$new"
lives 'in_a_library' f '28 28' '163 163'
tap_prints 'processes_are_met_where_the_library_is_initialised' "$(dynamic INIT)" arms
ldflags='-nostartfiles -Wl,--build-id'
pair "$old" "$new" '__attribute__((constructor)) static void begin(void) { g = 7; }'
accepts 'in_a_library_without_init' f
tap_prints 'its_first_constructor_is_taken' \
    "$(nm o/out | awk '$3 == "begin" { sub("^0*", "", $1); print $1 }')" arms
pair "$old" "$new" 'int other;'
refuses 'a_library_that_nobody_calls_when_it_is_loaded_is_refused' no-skip-first \
    'no function that is called when it is loaded'
ldflags='-Wl,--build-id'
pair "$old" "$new" 'void *malloc(unsigned long n) { return n ? (void *)((long)f(&s) - f(&s)) : 0; }'
sed -i 's/^void \*malloc/int f(struct s *);\n&/' o/main.c p/main.c
refuses 'what_an_allocator_calls_is_refused_in_a_library' no-skip-first 'may be called before'
library=''

# what may run before the program's entry point
cflags=$plain
pair "$old" "$new" 'int f(struct s *); static int slow(void) { return 1; }
static void *pick(void) { return f(&s) > 1 ? slow : 0; }
int get(void) __attribute__((ifunc("pick"))); int use(void) { return get(); }'
refuses 'what_a_resolver_calls_is_refused' no-skip-first 'by a resolver of an indirect'
pair "$old" "$new" 'static int slow(void) { return 1; } static void *pick(void) { return g > 1 ? slow : 0; }
int get(void) __attribute__((ifunc("pick"))); int use(void) { return get(); }'
lives 'a_resolver_that_does_not_call_it_is_in_no_way' f '28 28' '163 163'
ldflags='-rdynamic -Wl,--build-id'
pair "$old" "$new"
refuses 'what_a_program_exports_is_refused' no-skip-first 'before the target.s entry point'
ldflags='-Wl,--build-id'
pair "$old" "$new" 'int f(struct s *); void *malloc(unsigned long n) { static char room[100000]; static unsigned long at;
n = (n + 15) & ~15ul; return at + n > sizeof(room) - 16 * (f(&s) == 0) ? 0 : (at += n) - n + room; }
void free(void *p) { (void)p; }'
refuses 'what_libraries_call_is_refused' no-skip-first 'by a library that uses what the target exports'

# what is in the way of the five bytes. code ASSEMBLER NEW [BEHIND]: f is written in assembler, in C's clothes
code()
{
    new_case
    for side in o p; do
        [ $side = o ] && body=$1 || body=$2
        cat > $side/main.c <<END
#include <stdio.h>
int g[2] = {5, 6};
__asm__(".pushsection .text.f, \"ax\"\n.globl f\n.type f,@function\nf: $body\n.size f,.-f\n${3:-}\n.popsection");
int f(int *p);
void run(void) { printf("%d", f(g)); }
END
    done
}
code 'mov (%rdi), %eax\n ret' 'xor %eax, %eax\n ret'
refuses 'a_function_of_three_bytes_is_refused' no-skip-first 'entry: the function is too short'
code 'mov (%rdi), %eax\n ret' 'xor %eax, %eax\n ret' '.p2align 4'
lives 'unless_there_is_room_behind_it' f '5' '0'
code 'mov (%rdi), %eax\n ret' 'xor %eax, %eax\n ret' 'nop\n.globl behind\nbehind: nop\n ret'
refuses 'what_has_a_name_there_is_not_taken' no-skip-first 'entry: the function is too short'
code 'mov (%rdi), %eax\n ret' 'xor %eax, %eax\n ret' 'nop\n1: nop\n nop\n ret\n.globl to\nto: jmp 1b'
refuses 'nor_what_is_jumped_to' no-skip-first 'code jumps into its first bytes'
code 'mov (%rdi), %eax\n ret' 'xor %eax, %eax\n ret' 'nop\n ret'
refuses 'nor_code' no-skip-first 'entry: the function is too short'
code 'call *8(%rdi)' 'xor %eax, %eax\n ret' '.p2align 4'
refuses 'a_call_at_the_end_that_may_not_return_is_in_the_way' no-skip-first 'a call returns to these bytes'
code 'mov (%rdi), %eax\n1: dec %eax\n jnz 1b\n ret\n nop' 'xor %eax, %eax\n ret'
refuses 'a_loop_back_into_the_first_bytes_is_refused' no-skip-first 'code jumps into its first bytes'
code 'mov (%rdi), %eax\n push %rax\n pop %rdx\n jmp f' 'xor %eax, %eax\n ret'
accepts 'a_loop_back_to_the_entry_is_allowed' f
code 'mov (%rdi), %eax\n syscall\n mov %eax, %eax\n ret' 'xor %eax, %eax\n ret'
refuses 'a_system_call_there_is_refused' no-skip-first 'a system call is in the way'
code 'rep movsb\n mov (%rdi), %eax\n ret\n nop' 'xor %eax, %eax\n ret'
refuses 'an_instruction_that_can_be_interrupted_half_way_is_refused' no-skip-first \
    'in the middle of the instruction'
code 'call *(%rdi)\n nop\n nop\n ret\n nop' 'xor %eax, %eax\n ret'
refuses 'a_call_that_returns_there_is_refused' no-skip-first 'a call returns to these bytes'

# room behind a short function that begins as all do, or with what can be taken back
for begins in full none; do
    cflags="$plain -fcf-protection=$begins"
    pair 'return 0;' 'return p->n * 7;'
    lives "a_function_that_does_nothing_is_entered_behind_its_first_instruction_cf_protection_$begins" f '0 0' '35 35'
    tap_prints "which_the_report_says_cf_protection_$begins" 'f skip-first' strategies
done
cflags=$plain

# behind the first instruction the same holds
code 'nop\n syscall\n mov %eax, %eax\n ret\n nop\n nop' 'xor %eax, %eax\n ret'
refuses 'a_system_call_behind_the_first_instruction_is_refused' no-skip-first \
    "behind its first instruction 'nop.*: a system call is in the way"

pair "$old" "$new"
write_job_as_it_is=$(declare -f write_job)
eval "${write_job_as_it_is/write_job/write_job_plain}"
write_job() { write_job_plain "$@"; sed -i 's/{"version":1,/&"no_entry_jumps":true,/' job.json; }
refuses 'the_packager_can_forbid_it' no-skip-first 'no-entry-jumps forbids it'
write_job() { write_job_plain "$@"; }

cflags="$plain -I$top_srcdir/include"
pair "$old" "$new"
cat >> p/main.c <<END
#include <syscare-patch.h>
static int ready(void) { return 0; }
SYSCARE_PRE_APPLY(ready);
END
refuses 'hooks_beside_it_are_refused' no-skip-first 'the patch has hooks'
tap_done

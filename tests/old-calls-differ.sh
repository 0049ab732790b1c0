#!/bin/bash
# Old code that calls new code: when a function is switched only while nobody is in it, and when its calls stay old.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091
. "${top_srcdir:?}/tests/differ-subr.sh"
cflags='-O2 -fcf-protection=full' ldflags=''
head='extern int printf(const char *, ...); extern void abort(void);
#define PART __attribute__((noinline, noclone))'
tail='volatile int four = 4; void run(void) { if (four > 4) loop(four); printf("%d ", f(four)); }'

pair()
{
    new_case
    printf '%s\n%s\n' "$head" "$old" > o/main.c
    printf '%s\n%s\n' "$head" "$new" > p/main.c
}

# quiesced: the functions that are switched only when no thread is inside
quiesced()
{
    python3 -c 'import json
print(*sorted(f["name"] for f in json.load(open("report.json"))["functions"] if f["quiesce"]))'
}

# old_calls: how many calls of old functions are led to old code
old_calls()
{
    readelf -W -s out.patch | grep -c '\.old$'
}

# says TEXT NAME: a warning of the report has it
says()
{
    grep -q "$1" report.json
    tap_result $? "$2"
}

old="PART int f(int x) { if (x > 50) printf(\"much \"); return x + 1; }
PART void loop(int x) { for (;;) printf(\"%d\", x += f(x)); }
$tail"
new=${old/return x + 1/return x + 2}
new=${new/+= f(x)/-= f(-x)}
pair
accepts 'a_loop_and_what_it_calls_can_be_patched' 'f loop' '5 6 '
tap_prints 'it_need_not_be_left' '' quiesced
tap_prints 'its_call_stays_old' 1 old_calls
says 'stays as it was for it: f"' 'the_author_is_told'

# what is called calls another one, and another function calls both
old="PART int g(int x) { if (x > 50) printf(\"more \"); return x + 2; }
PART int f(int x) { int y = g(x); if (x > 50) printf(\"much \"); return y + 1; }
PART void loop(int x) { for (;;) printf(\"%d\", x += f(x)); }
PART int h(int x) { int y = f(x) * g(x); printf(\"\"); return y; }
$tail void more(void) { printf(\"%d\", h(four)); }"
new=${old/return x + 2/return x + 3}
new=${new/y = g(x)/y = g(-x)}
new=${new/+= f(x)/-= f(-x)}
new=${new/f(x) \* g(x)/f(x) + g(x)}
pair
accepts 'a_loop_whose_calls_lead_on_can_be_patched' 'f g h loop'
tap_prints 'those_that_are_left_wait' h quiesced
tap_prints 'both_stay_old' 2 old_calls

# its address may be anywhere by now
old="PART int f(int x) { if (x > 50) printf(\"much \"); return x + 1; }
extern void *volatile kept; void *volatile kept;
PART void loop(int x) { for (;;) { kept = f; printf(\"%d\", x += f(x)); } }
$tail"
new=${old/return x + 1/return x + 2}
new=${new/+= f(x)/-= f(-x)}
pair
accepts 'a_loop_that_takes_an_address_can_be_patched' 'f loop'
tap_prints 'it_must_be_left' loop quiesced
tap_prints 'nothing_stays_old' 0 old_calls
says 'listed as busy.*SYSCARE_IGNORE_FUNCTION(loop)' 'and_the_way_out_is_told'

# a function that begins with a call has no beginning that works elsewhere
old="volatile int four = 4;
PART void tick(void) { if (four > 50) printf(\"more \"); }
PART void f(void) { tick(); four = four; }
PART void loop(int x) { for (;;) { f(); printf(\"%d\", x += four); } }
void run(void) { if (four > 4) loop(four); f(); printf(\"%d \", four); }"
new=${old/four = four/four = four + 1}
new=${new/+= four/-= four}
pair
accepts 'a_loop_that_calls_what_cannot_be_copied_can_be_patched' 'f loop' '4 5 '
tap_prints 'it_must_be_left_too' loop quiesced

# -fipa-ra: the caller keeps a value in a register that neither middle nor leaf used
keep='PART static int leaf(int x) { return (x * 7 + 1) ^ x; }
PART static int middle(int x) { return leaf(x) * 2; }
PART int caller(int x) { int y = x * four; y += middle(y) + x; printf(""); return y; }'
old="volatile int four = 4; $keep
void run(void) { printf(\"%d \", caller(four)); }"
regs='rcx rdx rsi rdi r8 r9 r10 r11'
busy="int y; __asm__(\"movl %1, %0$(for r in $regs; do printf '; xorq %%%%%s, %%%%%s' "$r" "$r"; done)\" : \"=r\"(y) : \"m\"(x) : \"cc\"$(for r in $regs; do printf ', "%s"' "$r"; done)); return (y"
new=${old/return (x/"$busy"}
pair
accepts 'a_leaf_that_writes_more_registers_can_be_patched' 'caller leaf' '214 214 '
tap_prints 'its_far_caller_must_be_left' caller quiesced
new=${old/x \* 7 + 1/x * 7 + 2}
new=${new/+ x; printf/- x; printf}
pair
accepts 'a_leaf_that_writes_the_same_can_be_patched' 'caller leaf' '214 208 '
tap_prints 'nobody_must_be_left' '' quiesced
tap_done

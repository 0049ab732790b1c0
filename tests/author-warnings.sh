#!/bin/bash
# What the author of a patch is warned of though the patch is made.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2001
. "${top_srcdir:?}/tests/differ-subr.sh"
cflags="-O2 -fcf-protection=full -I$top_srcdir/include" ldflags=''
head='extern int printf(const char *, ...);'

# warnings: "kind function" of each, one a line
warnings()
{
    python3 -c 'import json
for w in json.load(open("report.json"))["warnings"]: print(w["kind"], w["function"] or "-")'
}

# pair: o/main.c from $old, p/main.c from $new
pair()
{
    new_case
    printf '%s\n%s\n' "$head" "$old" > o/main.c
    printf '%s\n%s\n' "$head" "$new" > p/main.c
}

tail='volatile int four = 4; void run(void) { if (four > 4) loop(four); printf("%d ", f(four)); }'
old="__attribute__((noinline)) int f(int x) { if (x > 50) printf(\"much \"); return x + 1; }
__attribute__((noinline)) void loop(int x) { for (;;) printf(\"%d\", x++); }
$tail"
new=${old/x + 1/x + 2}
pair
accepts 'an_ordinary_change_is_no_warning' f '5 6 '
tap_prints 'none_is_given' '' warnings
new=${old/x++/x += 2}
pair
accepts 'an_event_loop_can_be_patched' loop
tap_prints 'its_threads_stay_in_the_old_code' 'never-returns loop' warnings

# what it calls of the patch: old-calls-differ.sh

# a function that waits in a loop but has a way out
old="__attribute__((noinline)) int f(int x) { if (x > 50) printf(\"much \"); return x + 1; }
__attribute__((noinline)) void loop(int x) { for (;;) { printf(\"%d\", x++); if (x > 90) return; } }
$tail"
new=${old/x++/x += 2}
pair
accepts 'a_loop_with_a_way_out_can_be_patched' loop
tap_prints 'and_is_no_warning' '' warnings

# a probe as <sys/sdt.h> makes it
probe='__asm__ volatile("990: nop\n\t.pushsection .note.stapsdt,\"?\",\"note\"\n\t.balign 4\n\t.4byte 992f-991f,994f-993f,3\n991:\t.asciz \"stapsdt\"\n992:\t.balign 4\n993:\t.8byte 990b\n\t.8byte 0\n\t.8byte 0\n\t.asciz \"shop\"\n\t.asciz \"sold\"\n\t.asciz \"\"\n994:\t.balign 4\n\t.popsection");'
old="__attribute__((noinline)) int f(int x) { if (x > 50) printf(\"much \"); $probe return x + 1; }
__attribute__((noinline)) int g(int x) { if (x > 50) printf(\"many \"); return x + 1; }
volatile int four = 4; void run(void) { printf(\"%d %d \", f(four), g(four)); }"
new=${old/much/more}
pair
accepts 'a_function_with_a_probe_can_be_patched' f '5 5 5 5 '
tap_prints 'the_probe_that_is_lost_is_told' 'probe-dropped f' warnings
grep -q 'no probe shop:sold' report.json
tap_result $? 'by_its_name'
new=${old/many/more}
pair
accepts 'another_function_of_the_file_can_be_patched' g '5 5 5 5 '
tap_prints 'probes_that_stay_are_not_told' '' warnings

old="struct pair { int a, b; } __attribute__((may_alias)); int level = 3;
__attribute__((noinline)) int f(int x) { if (x > 50) printf(\"much \"); return x + level; }
__attribute__((noinline)) int g(int x) { if (x > 50) printf(\"many \"); return x + 1; }
volatile int four = 4; void run(void) { printf(\"%d %d \", f(four), g(four)); }"
new="#include <syscare-patch.h>
$(sed 's/much/more/; s/many/more/; s/level = 3/level = 4/' <<< "$old")
SYSCARE_IGNORE_FUNCTION(g);
SYSCARE_IGNORE_SECTION(\".data.level\", \"a test\");
SYSCARE_LAYOUT_IS_SAFE(\"struct pair\", \"a test\");"
pair
accepts 'marks_are_followed' f '7 5 7 5 '
tap_prints 'and_told' $'ignored g\nignored -\nmark-unused -' warnings

# who owns what an object points to: the string of the old code is borrowed, the new one frees it
head='extern int printf(const char *, ...); extern char *strdup(const char *); extern void free(void *);
struct item { char *name; };
__attribute__((noipa)) char *table_lookup(const char *s) { printf("look "); return (char *)s; }'
old='__attribute__((noinline)) void item_make(struct item *item, const char *s) { printf("make "); item->name = table_lookup(s); }
__attribute__((noinline)) void item_drop(struct item *item) { printf("drop "); item->name = 0; }
struct item one; void run(void) { item_make(&one, "x"); printf("%s ", one.name); item_drop(&one); table_lookup("y"); }'
new=${old/= table_lookup(s)/= strdup(s)}
new=${new/item->name = 0/free(item->name); item->name = 0}
pair
accepts 'a_change_of_ownership_can_be_patched' 'item_drop item_make'
tap_prints 'and_is_told' 'ownership item_make' warnings
new=${old/= table_lookup(s)/= strdup(s)}
pair
accepts 'memory_from_elsewhere_can_be_patched' item_make
tap_prints 'and_is_no_warning_where_nothing_is_given_back_otherwise' '' warnings

tap_done

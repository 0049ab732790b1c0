#!/bin/bash
# The marks of syscare-patch.h: what the author takes upon them is done, and what fits nothing is
# refused.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2001
. "${top_srcdir:?}/tests/differ-subr.sh"
cflags="-O2 -fcf-protection=full -I$top_srcdir/include" ldflags=''
head='extern int printf(const char *, ...);'

# pair: o/main.c and p/main.c from $old and $new, $marks at the end of the latter
pair()
{
    new_case
    printf '%s\n%s\n' "$head" "$old" > o/main.c
    printf '#include <syscare-patch.h>\n%s\n%s\n%s\n' "$head" "$new" "$marks" > p/main.c
}

old='__attribute__((noinline)) int f(int x) { if (x > 50) printf("much "); return x + 1; }
__attribute__((noinline)) int g(int x) { if (x > 50) printf("much "); return x + 3; }
volatile int four = 4; void run(void) { printf("%d %d ", f(four), g(four)); }'
new=$(sed 's/x + 1/x + 11/; s/x + 3/x + 13/' <<< "$old")
marks=''
pair
accepts 'without_a_mark_both_functions_change' 'f g' '5 7 15 17 '
marks='SYSCARE_IGNORE_FUNCTION(g);'
pair
accepts 'an_ignored_function_stays_as_it_was' 'f' '5 7 15 7 '
marks='SYSCARE_IGNORE_FUNCTION(h);'
pair
refuses 'a_mark_for_a_function_that_is_not_there_is_refused' bad-mark 'ignore-function of h'

new=$(sed 's/x + 1/x + 11/' <<< "$old")
marks='SYSCARE_FORCE_FUNCTION(g);'
pair
accepts 'a_forced_function_is_in_the_patch' 'f g' '5 7 15 7 '
grep -q '"kind":"forced"' report.json
tap_result $? 'and_its_reason_is_the_mark'
new=$old
pair
accepts 'a_forced_function_is_enough_for_a_patch' 'g' '5 7 5 7 '
marks='SYSCARE_FORCE_FUNCTION(h);'
pair
refuses 'a_forced_function_must_be_there' bad-mark 'force-function of h'

old='int level = 3; __attribute__((noinline)) int f(int x) { if (x > 50) printf("much "); return x + level; }
volatile int four = 4; void run(void) { printf("%d ", f(four)); }'
new=$(sed 's/level = 3/level = 5/; s/x + level/x - level/' <<< "$old")
marks=''
pair
refuses 'a_changed_start_value_is_refused' changed-initialiser 'object level'
marks='SYSCARE_IGNORE_SECTION(".data.level", "a test");'
pair
accepts 'with_a_mark_the_process_keeps_its_value' 'f' '7 1 '
marks='SYSCARE_IGNORE_SECTION(".data.other", "a test");'
pair
refuses 'a_mark_for_a_section_that_is_not_there_is_refused' 'bad-mark changed-initialiser' \
    'ignore-section of .data.other'

old='__attribute__((noinline)) int f(int x) { if (x > 50) printf("much "); return x + 1; }
volatile int four = 4; void run(void) { printf("%d ", f(four)); }'
new='static void init(void) { printf("i"); } __attribute__((section(".init_array"), used)) static void (*const at_start)(void) = init;
'$(sed 's/x + 1/x + 2/' <<< "$old")
marks='SYSCARE_IGNORE_SECTION(".init_array", "a test");'
pair
accepts 'a_new_constructor_can_be_left_out' 'f' '5 6 '

old='struct pair { int a, b; }; __attribute__((noinline)) int f(struct pair *p) { if (p->a > 50) printf("much "); return p->b; }
volatile int four = 4; void run(void) { struct pair p = {four, four}; printf("%d ", f(&p)); }'
new='struct pair { int a, b, c; }; __attribute__((noinline)) int f(struct pair *p) { if (p->a > 50) printf("much "); return p->b + 1; }
volatile int four = 4; void run(void) { struct pair p = {four, four}; printf("%d ", f(&p)); }'
marks=''
pair
refuses 'a_changed_layout_is_refused' type-layout 'struct pair'
marks='SYSCARE_LAYOUT_IS_SAFE("struct pair", "only on the stack of run");'
pair
accepts 'a_layout_that_the_author_calls_safe_is_not' 'f run' '4 5 '
marks='SYSCARE_LAYOUT_IS_SAFE("struct other", "a test");'
pair
refuses 'the_mark_must_name_the_type' 'type-layout' 'struct pair'

# hooks must be functions of their own file
old='__attribute__((noinline)) int f(int x) { if (x > 50) printf("much "); return x + 1; }
volatile int four = 4; void run(void) { printf("%d ", f(four)); }'
new='extern void free(void *); static void hook(void) { free(0); }
'$(sed 's/x + 1/x + 2/' <<< "$old")
marks='SYSCARE_POST_APPLY(hook);'
pair
accepts 'a_hook_is_no_change_of_the_program' 'f' '5 6 '
readelf -SW out.patch | grep -q ' \.syscare\.hooks '
tap_result $? 'the_patch_has_a_table_of_hooks'
new='extern void abort(void);
'$(sed 's/x + 1/x + 2/' <<< "$old")
marks='SYSCARE_POST_APPLY(abort);'
pair
refuses 'a_hook_that_is_elsewhere_is_refused' bad-mark 'no function of its own source file'

tap_done

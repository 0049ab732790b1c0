#!/bin/bash
# Why a function is in a patch, and where in the source a refusal comes from.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091
. "${top_srcdir:?}/tests/differ-subr.sh"
cflags='-O2 -fcf-protection=full' ldflags=''
head='extern int printf(const char *, ...);'

# add_sources LINES REMOVED: the member "sources" for main.c, with paths as each side has them
add_sources()
{
    sed -i "s|\"objects\":|\"source_root\":\"$work/p\",\"sources\":[{\"path\":\"$work/p/main.c\",\
\"name\":\"main.c\",\"lines\":$1,\"removed\":$2},{\"path\":\"$work/o/main.c\",\"name\":\"main.c\",\
\"lines\":[],\"removed\":$2}],\"objects\":|" job.json
}

# compare LINES REMOVED: as differ(), with what the patch edits
compare()
{
    compile_side o "$cflags" && compile_side p "$cflags" && link_program o '' && link_program p '' ||
        return
    write_job main
    add_sources "$1" "$2"
    status=0
    "$diff" job.json > log 2>&1 || status=$?
}

# reasons FUNCTION: "kind function place" of each, one a line
reasons()
{
    python3 - "$1" << 'END'
import json, sys
for function in json.load(open("report.json"))["functions"]:
    if function["name"] == sys.argv[1]:
        for why in function["why"]:
            print(" ".join([why["kind"], why["function"] or "-", why["place"] or "-"]))
END
}

member()
{
    python3 - "$1" "$2" << 'END'
import json, sys
for function in json.load(open("report.json"))["functions"]:
    if function["name"] == sys.argv[1]:
        print(json.dumps(function[sys.argv[2]]))
END
}

# refused_at CODE: where
refused_at()
{
    python3 - "$1" << 'END'
import json, sys
for refusal in json.load(open("report.json"))["refusals"]:
    if refusal["code"] == sys.argv[1]:
        print(refusal["source"])
END
}

# --- a function that is edited, one that inlines another, one that calls it ----------------------
new_case
cat > o/main.c << END
$head
static inline int weight(int x)
{
    return x * 3;
}
__attribute__((noinline)) int sum(int x)
{
    if (x > 50) printf("much ");
    return weight(x) + 1;
}
__attribute__((noinline)) int edited(int x)
{
    if (x > 50) printf("much ");
    return x - 5;
}
__attribute__((noinline)) int other(int x)
{
    if (x > 50) printf("much ");
    return x * x;
}
volatile int four = 4;
void run(void) { printf("%d %d %d ", sum(four), edited(four), other(four)); }
END
sed 's/x \* 3/x * 7/; s/x - 5/x - 6/' o/main.c > p/main.c
compare '[[1,3,1,0],[4,1,4,1],[5,9,5,0],[14,1,14,1],[15,8,15,0]]' '[[4,1,4],[14,1,14]]'
tap_prints 'two_functions_change' 'edited sum' changed
tap_prints 'the_edited_function_is_changed_in_source' 'source - main.c:14' reasons edited
tap_prints 'its_caller_inlines_the_edited_function' 'inlines weight main.c:4' reasons sum
tap_prints 'a_function_has_its_place' '"main.c:11"' member edited place

# the same with numbers as linekeep gives them: the patched file has two lines more
{ sed -n 1,3p o/main.c; printf '#line 1000000\n    printf("w ");\n    x++;\n#line 4\n'
  sed -n '4,$p' o/main.c | sed 's/x - 5/x - 6/' |
      sed 's/^    return x - 6;/#line 1000002\n    return x - 6;\n#line 15/'; } > p/main.c
compare '[[1,3,1,0],[1000000,2,4,1],[4,10,6,0],[1000002,1,16,1],[15,8,17,0]]' '[[14,1,16]]'
tap_prints 'inserted_lines_are_named_as_the_patched_file_counts' 'inlines weight main.c:4' reasons sum
tap_prints 'a_changed_line_too' 'source - main.c:16' reasons edited
tap_prints 'so_is_the_place_of_the_function' '"main.c:13"' member edited place

# --- only lines are taken away ---------------------------------------------------------------------
new_case
cat > o/main.c << END
$head
__attribute__((noinline)) int f(int x)
{
    if (x > 3)
        printf("big ");
    return x * 17 + x / 3;
}
volatile int four = 4;
void run(void) { printf("%d ", f(four)); }
END
sed '4,5d' o/main.c > p/main.c
compare '[[1,3,1,0],[4,4,4,0]]' '[[4,2,4]]'
tap_prints 'a_function_that_only_loses_lines_is_changed_in_source' 'source - main.c:4' reasons f

# --- a macro: the functions that use it, and no claim about their lines ----------------------------
new_case
cat > o/main.c << END
$head
#define LIMIT 50
__attribute__((noinline)) int f(int x)
{
    if (x > LIMIT) printf("much ");
    return x + 1;
}
volatile int four = 4;
void run(void) { printf("%d ", f(four)); }
END
sed 's/LIMIT 50/LIMIT 60/' o/main.c > p/main.c
compare '[[1,1,1,0],[2,1,2,1],[3,7,3,0]]' '[[2,1,2]]'
tap_prints 'a_changed_macro_is_named_as_a_declaration' 'declaration - main.c:2' reasons f

# --- constants, cold parts, clones, callees ---------------------------------------------------------
new_case
cat > o/main.c << END
$head
static const int table[8] = {1, 2, 3, 4, 5, 6, 7, 8};
__attribute__((noinline)) int look(int i)
{
    return table[i & 7];
}
volatile int two = 2;
void run(void) { printf("%d ", look(two)); }
END
sed 's/1, 2, 3/1, 2, 33/' o/main.c > p/main.c
compare '[[1,1,1,0],[2,1,2,1],[3,6,3,0]]' '[[2,1,2]]'
tap_prints 'a_changed_constant_is_named_with_its_place' 'data table main.c:2' reasons look

new_case
cat > o/main.c << END
$head
volatile int limit = 10;
__attribute__((cold, noinline)) static void report(const char *text) { printf("%s ", text); }
__attribute__((noinline)) int check(int x)
{
    if (__builtin_expect(x > limit, 0)) {
        report("big"); report("very");
        return -1;
    }
    return x + 1;
}
void run(void) { printf("%d %d ", check(3), check(30)); }
END
sed 's/"very"/"extremely"/' o/main.c > p/main.c
compare '[[1,6,1,0],[7,1,7,1],[8,5,8,0]]' '[[7,1,7]]'
tap_prints 'a_cold_part_is_named_beside_the_line' \
    $'source - main.c:7\ncold-part check.cold -' reasons check
tap_prints 'the_parts_of_a_function_are_listed' '["check.cold"]' member check parts

new_case
cat > o/main.c << END
$head
static __attribute__((noinline)) int leaf(int x, int y) { if (x > 99) printf("99 "); return x * y; }
__attribute__((noinline)) int f(int x) { return leaf(x, 3) + leaf(x + 1, 3); }
volatile int four = 4;
void run(void) { printf("%d ", f(four)); }
END
sed 's/return x \* y/return x * y - 1/' o/main.c > p/main.c
compare '[[1,1,1,0],[2,1,2,1],[3,3,3,0]]' '[[2,1,2]]'
tap_prints 'a_clone_is_called_one' $'clone-of leaf -\nsource - main.c:2' reasons leaf.constprop.0

new_case
cat > o/main.c << END
$head
__attribute__((noinline)) static int leaf(int x) { return x * 17 + 3; }
__attribute__((noinline)) int f(int x, int y) { return leaf(x) * y + leaf(y); }
volatile int four = 4;
void run(void) { printf("%d ", f(four, four)); }
END
sed 's/return x \* 17 + 3;/printf("in "); return x * 17 + 4;/' o/main.c > p/main.c
compare '[[1,1,1,0],[2,1,2,1],[3,3,3,0]]' '[[2,1,2]]'
tap_prints 'a_caller_that_knew_the_registers_of_its_callee_says_so' 'calls leaf -' reasons f
tap_prints 'it_is_switched_when_no_thread_is_in_it' true member f quiesce
tap_prints 'its_callee_need_not_be' false member leaf quiesce

# --- new and dropped functions ----------------------------------------------------------------------
new_case
cat > o/main.c << END
$head
__attribute__((noinline)) int gone(int x) { return x * 11 - x / 7; }
__attribute__((noinline)) int f(int x)
{
    if (x > 50) printf("much ");
    return gone(x);
}
volatile int four = 4;
void run(void) { printf("%d ", f(four)); }
END
cat > p/main.c << END
$head
__attribute__((noinline)) static int fresh(int x) { return x * 11 - x / 9; }
__attribute__((noinline)) int f(int x)
{
    if (x > 50) printf("much ");
    return fresh(x);
}
volatile int four = 4;
void run(void) { printf("%d ", f(four)); }
END
compare '[[1,1,1,0],[2,1,2,1],[3,3,3,0],[6,1,6,1],[7,3,7,0]]' '[[2,1,2],[6,1,6]]'
tap_prints 'a_new_function_names_its_user' $'source - main.c:2\nused-by f -' reasons fresh
tap_prints 'a_removed_function_is_told_to_stay' 'removed - -' reasons gone

new_case
cat > o/main.c << END
$head
static __attribute__((noinline)) int small(int x) { return x * 11 - x / 7; }
__attribute__((noinline)) int f(int x) { if (x > 50) printf("much "); return small(x); }
volatile int four = 4;
void run(void) { printf("%d ", f(four)); }
END
sed 's/static __attribute__((noinline)) int small/static int small/' o/main.c > p/main.c
compare '[[1,1,1,0],[2,1,2,1],[3,3,3,0]]' '[[2,1,2]]'
tap_prints 'a_function_whose_calls_are_all_inlined_says_so' 'inlined-away - -' reasons small

# --- functions that only kept line numbers spare ------------------------------------------------------
new_case
cat > o/main.c << END
$head
__attribute__((noinline)) int f(int x) { if (x > 50) printf("much "); return x * 17; }
__attribute__((noinline)) int g(int x) { if (x > 50) printf("line %d ", __LINE__); return x * 3; }
__attribute__((noinline)) int h(int x) { if (x > 50) printf("more "); return x * 5; }
volatile int four = 4;
void run(void) { printf("%d %d %d ", f(four), g(four), h(four)); }
END
sed '2s/x \* 17/x * 18/; 2a // new\n#line 3' o/main.c > p/main.c
unkept() {
    compare '[[1,1,1,0],[2,1,2,1],[3,4,4,0]]' '[[2,1,2]]'
    mkdir u && grep -v '#line' p/main.c > u/main.c && compile_side u "$cflags" &&
        sed -i "s|\"patched\":\"$work/p/main.replay\"|&,\"unkept\":\"$work/u/main.replay\"|" job.json &&
        "$diff" job.json > log 2>&1
}
tap_that 'the_comparison_without_kept_numbers_works' unkept
tap_prints 'only_the_edited_function_is_in_the_patch' f changed
tap_prints 'the_function_that_uses_its_line_is_named' g python3 -c \
    'import json; print(" ".join(json.load(open("report.json"))["line_kept"]))'

# --- without evidence nothing is claimed -------------------------------------------------------------
new_case
printf '%s\n' "$head" '__attribute__((noinline)) int f(int x) { if (x > 50) printf("much "); return x * 17 + x / 3; }' 'volatile int four = 4; void run(void) { printf("%d ", f(four)); }' > o/main.c
sed 's/x \* 17/x * 18/' o/main.c > p/main.c
differ
tap_prints 'without_the_edits_nothing_is_claimed' 'unknown - -' reasons f

# --- places of refusals --------------------------------------------------------------------------------
new_case
cat > o/main.c << END
$head
int level = 3;
struct pair { int a; int b; } pairs[2];
__attribute__((noinline)) int f(int x) { return x + level++ + pairs[x & 1].b; }
void run(void) { printf("%d", f(2)); }
END
sed 's/level = 3/level = 4/; s/int a; int b;/int a;\n  long c;\n  int b;/' o/main.c > p/main.c
compare '[[1,1,1,0],[2,5,2,1],[7,1,7,0]]' '[[2,2,2]]'
tap_prints 'a_changed_initialiser_has_its_line' main.c:2 refused_at changed-initialiser
tap_prints 'a_changed_layout_has_the_line_of_the_member' main.c:5 refused_at type-layout
sed 's/int a; int b;/int a;/; s/pairs\[x & 1\].b/x/' o/main.c > p/main.c
compare '[[1,2,1,0],[3,2,3,1],[5,1,5,0]]' '[[3,2,3]]'
tap_prints 'a_member_that_goes_has_the_line_where_it_was' main.c:3 refused_at type-layout
sed 's/level = 3/level = 4/; s/int a; int b;/int a;\n  long c;\n  int b;/' o/main.c > p/main.c
compare '[[1,1,1,0],[2,5,2,1],[7,1,7,0]]' '[[2,2,2]]'
tap_that 'its_message_has_both_sizes_and_both_places' grep -q \
    'struct pair (main.c:3) changes from 8 to 24 bytes: member b moves from offset 4 to offset 16' log

new_case
cat > o/main.c << END
$head
__attribute__((noinline)) int f(int x)
{
    x *= 17;
    return x + x / 3;
}
void run(void) { printf("%d", f(2)); }
END
sed 's/x \*= 17/static __thread int fresh;\n    x *= fresh++/' o/main.c > p/main.c
compare '[[1,3,1,0],[4,2,4,1],[6,3,6,0]]' '[[4,1,4]]'
tap_prints 'a_new_thread_local_variable_has_its_line_and_those_of_its_uses' 'main.c:4 main.c:5' \
    sh -c "grep -o 'main.c:[45]' report.json | sort -u | tr '\n' ' ' | sed 's/ \$//'"

tap_done

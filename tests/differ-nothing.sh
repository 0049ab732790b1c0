#!/bin/bash
# Builds that differ without a difference: exit status 4.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091
. "${top_srcdir:?}/tests/differ-subr.sh"
cflags='-O2' ldflags=''

source='extern int printf(const char *, ...);
extern void __assert_fail(const char *, const char *, unsigned int, const char *);
#define assert(x) ((x) ? (void)0 : __assert_fail(#x, __FILE__, __LINE__, __func__))
static const char *const names[] = {"a", "bb", "ccc"};
static int table[3] = {4, 5, 6};
__attribute__((noinline)) static int one(int x) { static int n; assert(x < 100); return table[x % 3] + n++; }
__attribute__((noinline)) static int two(int x) { static int n = 5; printf("%s", names[x % 3]); return n += x; }
volatile int v = 2;
double half(double x) { return x * 0.5; }
void run(void) { printf("%d %d %f", one(v), two(v), half(v)); }'

new_case
echo "$source" | tee o/main.c > p/main.c
for level in -O0 -O1 -O2 -O3 -Os '-O2 -g3' '-O2 -fno-plt' '-O2 -fcf-protection=full' '-O2 -ftree-vectorize -mavx2'; do
    cflags=$level finds_nothing "identical_sources_at_${level// /_}_have_no_difference"
done

{ echo '/* one comment */'; echo; echo '# 1 "main.c"'; echo "$source"; } > p/main.c
finds_nothing 'blank_lines_and_comments_with_line_directives_change_nothing'

# functions in another order; static variables get other numbers
{
    echo "$source" | grep -v 'static int two\|static int one'
    echo "$source" | grep 'static int two'
    echo "$source" | grep 'static int one'
} > p/tail.txt
{
    echo "$source" | sed -n '1,5p'
    echo "$source" | grep 'static int two'
    echo "$source" | sed -n '6p'
    echo "$source" | sed -n '8,$p'
} | grep -v '^$' | sed 's/, __LINE__/, 6/' > p/main.c
echo "$source" | sed 's/, __LINE__/, 6/' > o/main.c
finds_nothing 'functions_in_another_order_change_nothing'

tap_done

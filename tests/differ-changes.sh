#!/bin/bash
# What a fix may change, and that the patched program then does it.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091
. "${top_srcdir:?}/tests/differ-subr.sh"
cflags='-O2 -fcf-protection=full' ldflags=''

two_files='extern int printf(const char *, ...);
int twice(int);
int thrice(int);
void run(void) { printf("%d %d ", twice(5), thrice(5)); }'

new_case
echo "$two_files" | tee o/main.c > p/main.c
cat > o/a.c <<'END'
extern int puts(const char *);
static __attribute__((noinline)) int parse(int x) { if (x > 99) puts("big"); return x * 7 + 1; }
int twice(int x) { return parse(x) * 2; }
END
cat > o/b.c <<'END'
extern int puts(const char *);
static __attribute__((noinline)) int parse(int x) { if (x > 99) puts("big"); return x * 9 + 2; }
int thrice(int x) { return parse(x) * 3; }
END
cp o/a.c p/a.c
sed 's/9 + 2/9 - 2/' o/b.c > p/b.c
accepts 'of_two_static_functions_with_one_name_the_right_one_is_replaced' 'parse' '72 141 72 129 '

new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
static __attribute__((noinline)) void say(int x) { printf("old %d ", x); }
static __attribute__((noinline)) void other(int x) { printf("same %d ", x); }
void run(void) { say(1); other(2); }
END
sed 's/old %d/newer %d/' o/main.c > p/main.c
accepts 'a_change_in_a_string_changes_the_function_that_uses_it' 'say.constprop.0' 'old 1 same 2 newer 1 same 2 '

new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
static const int table[8] = {1, 2, 3, 4, 5, 6, 7, 8};
__attribute__((noinline)) int look(int i) { return table[i & 7]; }
static __attribute__((noinline)) int other(int i) { return i + 3; }
volatile int two = 2;
void run(void) { printf("%d %d ", look(two), other(two)); }
END
sed 's/1, 2, 3, 4/1, 2, 33, 4/' o/main.c > p/main.c
accepts 'a_change_in_a_constant_table_changes_the_function_that_uses_it' 'look' '3 5 33 5 '

new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
extern double strtod(const char *, char **);
volatile double half = 0.5;
__attribute__((noinline)) double scale(double x) { return x * 3.25; }
void run(void) { printf("%.2f ", scale(half)); }
END
sed 's/3.25/4.5/' o/main.c > p/main.c
accepts 'a_change_in_a_numeric_constant_changes_the_function_that_uses_it' 'scale' '1.62 2.25 '

new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
extern void abort(void);
volatile int limit = 10, errors;
__attribute__((cold, noinline)) static void report(const char *text) { printf("%s ", text); errors++; }
__attribute__((noinline)) int check(int x)
{
    if (__builtin_expect(x > limit, 0)) { report("big"); report("very"); return -1; }
    return x + 1;
}
void run(void) { printf("%d %d ", check(3), check(30)); }
END
sed 's/"very"/"extremely"/' o/main.c > p/main.c
accepts 'a_change_only_in_the_cold_part_changes_the_function' 'check' 'big very 4 -1 big extremely 4 -1 '
nm o/main.replay | grep -q 'check.cold'
tap_result $? 'the_case_above_has_a_cold_part'

new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
__attribute__((noipa)) int count(void) { static int calls = 40; return ++calls; }
__attribute__((noipa)) int other(void) { static int calls = 7; return calls += 2; }
void run(void) { printf("%d %d ", count(), other()); }
END
cat > p/main.c <<'END'
extern int printf(const char *, ...);
__attribute__((noipa)) int count(void)
{
    static int fresh = 100, calls = 40;
    fresh += 5;
    return ++calls * 1000 + fresh;
}
__attribute__((noipa)) int other(void) { static int calls = 7; return calls += 2; }
void run(void) { printf("%d %d ", count(), other()); }
END
accepts 'a_static_variable_keeps_its_value_and_a_new_one_starts_with_its_own' 'count' '41 9 42105 11 '

new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
__attribute__((noinline)) static int act(int op, int x)
{
    switch (op) {
    case 0: return x + 1;
    case 1: printf("one "); return x * 2;
    case 2: return x - 3;
    case 3: printf("three "); return x * x;
    case 4: return x / 2;
    case 5: return x ^ 0x55;
    case 6: printf("six "); return -x;
    }
    return 0;
}
volatile int nine = 9;
void run(void) { for (int i = 0; i < 8; i++) printf("%d ", act(i, nine)); }
END
sed 's/x - 3/x - 4/; s/case 6: printf("six "); return -x;/case 6: return ~x; case 7: printf("seven "); return 77;/' o/main.c > p/main.c
accepts 'a_function_with_a_jump_table_is_replaced_with_its_table' 'act' \
    '10 one 18 6 three 81 4 92 six -9 0 10 one 18 5 three 81 4 92 -10 seven 77 '

new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
static int weight(int x, int *seen) { *seen += x; return x; }
__attribute__((noinline)) int work(int x) { int seen = 0; if (x > 50) printf("much "); return weight(x, &seen) + seen; }
volatile int four = 4;
void run(void) { printf("%d ", work(four)); }
END
cat > p/main.c <<'END'
extern int printf(const char *, ...);
static int known[4] = {1, 3, 5, 7};
static int used;
static const char *const names[] = {"zero", "one", "two"};
static __attribute__((noinline)) int helper(int x) { used++; return known[x & 3] + used; }
static int weight(int x, int *seen) { *seen += helper(x); printf("%s ", names[x & 1]); return x; }
__attribute__((noinline)) int work(int x) { int seen = 0; if (x > 50) printf("much "); return weight(x, &seen) + seen; }
volatile int four = 4;
void run(void) { printf("%d ", work(four)); }
END
accepts 'new_functions_and_new_data_come_with_the_patch' 'work' '8 zero 6 '

new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
typedef int (*op)(int);
__attribute__((noipa)) static int inc(int x) { if (x > 50) printf("much "); return x + 1; }
__attribute__((noipa)) static int dec(int x) { return x - 1; }
op current = inc;
__attribute__((noipa)) int same(op o) { return o == inc ? 1 : o == dec ? 2 : 3; }
__attribute__((noipa)) op pick(int x) { return x ? inc : dec; }
void run(void) { printf("%d %d %d %d ", same(current), same(pick(0)), current(5), pick(1)(7)); }
END
sed 's/return x + 1/return x + 100/; s/x ? inc/x > 0 ? inc/' o/main.c > p/main.c
accepts 'the_address_of_a_replaced_function_stays_what_it_was' 'inc pick' '1 2 6 8 1 2 105 107 '

new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
__attribute__((noinline)) static int fact(int n) { return n < 2 ? 1 : n * fact(n - 1) % 1000003; }
__attribute__((noinline)) int entry(int n) { return fact(n) + fact(n / 2); }
volatile int six = 6;
void run(void) { printf("%d ", entry(six)); }
END
sed 's/n < 2 ? 1/n < 2 ? 2/' o/main.c > p/main.c
cflags='-O1' accepts 'a_recursive_function_is_replaced' 'fact' '726 1452 '

new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
extern struct _IO_FILE *stderr, *stdout;
extern int fputs(const char *, struct _IO_FILE *), fflush(struct _IO_FILE *);
extern int abs(int);
static int level = 3;
__attribute__((noinline)) void note(int x) { if (x > level) fputs("high ", stdout); fflush(stdout); }
void run(void) { note(2); note(9); level++; printf("%d ", level); fflush(stdout); }
END
sed 's/x > level/x < level/' o/main.c > p/main.c
accepts 'imports_and_data_are_those_of_the_target' 'note' 'high 4 high 5 '

# Another file of the program gives it a copy of the library's variable: ld turns the load from a slot into an address.
printf 'extern struct _IO_FILE *stdout; struct _IO_FILE *direct(void) { return stdout; }\n' > direct.c
$CC -O2 -fPIE -c direct.c -o direct.o
cflags='-O2 -fPIC' libs=../direct.o accepts 'a_variable_that_the_program_has_a_copy_of_may_be_reached_through_a_slot' 'note' 'high 4 high 5 '
readelf -rW o/out | grep -q 'R_X86_64_COPY .* stdout' && readelf -rW o/main.replay | grep -q 'GOTPCRELX .* stdout'
tap_result $? 'the_case_above_has_a_copy_and_a_slot'

new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
struct flag { unsigned long bit; const char *name; };
#define MORE {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, {16, "m"}, 
__attribute__((noipa)) void show(struct flag *f) { for (; f->name; f++) if (f->bit != 16) printf("%s ", f->name); }
__attribute__((noipa)) void first(void) { struct flag f[] = {{1, "read"}, {2, "write"}, {4, "execute"}, {8, "admin"}, MORE {0, 0}}; show(f); }
__attribute__((noipa)) void second(void) { struct flag f[] = {{1, "fast"}, {2, "slow"}, {4, "idle"}, {8, "busy"}, MORE {0, 0}}; show(f); }
void run(void) { first(); second(); }
END
sed 's/"slow"/"steady"/' o/main.c > p/main.c
accepts 'an_initialiser_on_the_stack_is_compared_by_content' 'second' \
    'read write execute admin fast slow idle busy read write execute admin fast steady idle busy '
readelf -rW o/main.replay | grep -q 'R_X86_64_PC32 .* \.data '
tap_result $? 'the_case_above_keeps_its_initialiser_in_data_without_a_symbol'

new_case
cat > o/aaa.c <<'END'
static int table_of_a[40];
__attribute__((noinline)) int fill(int n) { for (int i = 0; i < 40; i++) table_of_a[i] = n + i; return table_of_a[n & 31]; }
END
cat > o/bbb.c <<'END'
static unsigned char bits[64];
__attribute__((noinline)) int sum(int from, int to) { int s = 0; unsigned char *p = bits - 0x30; __asm__("" : "+r"(p)); for (int i = from; i < to; i++) s += p[i] + 1; return s; }
__attribute__((noinline)) int put(int i) { bits[i & 63] = 1; return i; }
END
cat > o/main.c <<'END'
extern int printf(const char *, ...);
int fill(int), sum(int, int), put(int);
volatile int at = 0x30;
void run(void) { put(3); printf("%d %d ", fill(at), sum(at, at + 8)); }
END
cp o/*.c p/
sed -i 's/^static int/static int more_of_a[40];\n&/; s/return table_of_a/more_of_a[n \& 7]++; return table_of_a/; s/n + i/n + 2 * i/' p/aaa.c
accepts 'a_place_before_an_array_is_not_the_object_that_lies_there' 'fill' '64 9 80 9 '


# a weak function that another file's takes the place of
new_case
cat > o/main.c << 'END'
extern int printf(const char *, ...);
volatile int four = 4;
__attribute__((weak, noipa)) int f(int x) { if (x > 50) printf("weak "); return x + 1; }
__attribute__((noipa)) int g(int x) { if (x > 50) printf("more "); return x + 1; }
void run(void) { printf("%d %d ", f(four), g(four)); }
END
cat > o/b.c << 'END'
extern int printf(const char *, ...);
__attribute__((noipa)) int f(int x) { if (x > 50) printf("strong "); return x + 10; }
END
cp o/b.c p/b.c
sed 's/weak "/weaker "/' o/main.c > p/main.c
finds_nothing 'a_weak_function_that_is_not_used_does_not_count'
sed 's/weak "/weaker "/; s/more "/much "/; s/return x + 1/return x + 2/' o/main.c > p/main.c
accepts 'nor_beside_others' g '14 5 14 6 '
sed 's/weak "/weaker "/' o/main.c > p/main.c
sed 's/x + 10/x + 20/' o/b.c > p/b.c
accepts 'the_one_that_is_used_does' f '14 5 24 5 '
cp o/main.c p/main.c
echo 'int z;' > o/b.c
refuses 'a_strong_function_in_place_of_a_weak_one_is_refused' moved-function
tap_done

#!/bin/bash
# What cannot be done safely is refused, with its code, and leaves no patch object.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091
. "${top_srcdir:?}/tests/differ-subr.sh"
cflags='-O2 -fcf-protection=full' ldflags=''
head='extern int printf(const char *, ...);'

# pair NAME CODE TEXT: o/main.c and p/main.c from $old and $new
pair()
{
    new_case
    printf '%s\n%s\n' "$head" "$old" > o/main.c
    printf '%s\n%s\n' "$head" "$new" > p/main.c
    refuses "$@"
}

old='__attribute__((noinline)) int f(int x) { return x * 17 + x / 3; } void run(void) { printf("%d", f(2)); }'
new='extern double cos(double); volatile double d;
__attribute__((noinline)) int f(int x) { return x + (int)cos(d); } void run(void) { printf("%d", f(2)); }'
libs='-Wl,--as-needed -lm'
pair 'an_import_from_a_new_library_is_refused_by_name' new-library 'library libm.so.6 is new, for import cos in function f'
ldflags=-static libs=-lm
pair 'a_new_import_of_a_static_program_is_refused_by_name' new-import 'new import cos in function f'
ldflags='' libs=''

old='int level = 3; __attribute__((noinline)) int f(int x) { return x + level++; } void run(void) { printf("%d", f(2)); }'
new='int level = 4; __attribute__((noinline)) int f(int x) { return x + level++; } void run(void) { printf("%d", f(2)); }'
pair 'a_changed_initialiser_is_refused' changed-initialiser 'object level'

old='static struct s { int a, b; } state; __attribute__((noinline)) int f(int x) { return x + state.a++; } void run(void) { printf("%d", f(2)); }'
new='static struct s { int a, b, c; } state; __attribute__((noinline)) int f(int x) { state.c++; return x + state.a++; } void run(void) { printf("%d", f(2)); }'
pair 'a_changed_size_of_an_object_is_refused' 'changed-object-size type-layout' 'object state changes from 8 to 12 bytes'

old='__attribute__((noinline)) int f(int x) { static int n; return x + n++; } __attribute__((noinline)) int g(int x) { return x * 11 - x / 7; } void run(void) { printf("%d", f(2) + g(3)); }'
new='__attribute__((noinline)) int f(int x) { return x + 1; } __attribute__((noinline)) int g(int x) { static int n; return x + n++; } void run(void) { printf("%d", f(2) + g(3)); }'
pair 'a_static_variable_that_moves_to_another_function_is_refused' ambiguous-static 'variable n '

old='__attribute__((noinline)) int f(int x) { int r; { static int n = 1; r = n++; } { static int n = 1; r += n += 2; } return x + r; } void run(void) { printf("%d", f(2)); }'
new='__attribute__((noinline)) int f(int x) { int r; { static int n = 1; r = n += 3; } { static int n = 1; r += n += 4; } return x - r; } void run(void) { printf("%d", f(2)); }'
pair 'two_static_variables_of_one_name_in_a_changed_function_are_refused' ambiguous-static 'variable n '

old='__thread int t; __attribute__((noinline)) int f(int x) { return x + t; } void run(void) { printf("%d", f(2)); }'
new='__thread int t, u; __attribute__((noinline)) int f(int x) { return x - t++ + u++; } void run(void) { printf("%d", f(2)); }'
pair 'a_new_thread_local_variable_is_refused' thread-local-data 'new thread-local variable u'
new='__thread int t = 4; __attribute__((noinline)) int f(int x) { return x - t++; } void run(void) { printf("%d", f(2)); }'
pair 'a_thread_local_variable_with_another_initial_value_is_refused' thread-local-data 'variable t changes'

library=library cflags='-O2 -fPIC -fcf-protection=full'
old='__attribute__((used)) static __thread int t; __attribute__((noinline)) int f(int x) { return x * 3 + x / 7; } void run(void) { printf("%d", f(2)); }'
new='__attribute__((used)) static __thread int t; __attribute__((noinline)) int f(int x) { return x * 3 + t++; } void run(void) { printf("%d", f(2)); }'
pair 'a_thread_local_variable_that_a_library_has_no_slot_for_is_refused' thread-local-data 'the target has no slot that leads to thread-local variable t'
library='' cflags='-O2 -fcf-protection=full'

old='void run(void) { printf("x"); }'
new='__attribute__((constructor)) static void init(void) { printf("i"); } void run(void) { printf("y"); }'
pair 'a_new_constructor_is_refused' constructor '.init_array'

old='__attribute__((constructor)) static void init(void) { printf("i"); } void run(void) { printf("y"); }'
new='__attribute__((constructor)) static void init(void) { printf("j"); } void run(void) { printf("y"); }'
pair 'a_changed_constructor_is_refused' constructor 'init changes, which runs before'

old='struct e { int a; }; __attribute__((section("members"), used)) static struct e one = {1};
extern struct e __start_members[], __stop_members[]; void run(void) { printf("%d", (int)(__stop_members - __start_members)); }'
new='struct e { int a; }; __attribute__((section("members"), used)) static struct e one = {1}; __attribute__((section("members"), used)) static struct e two = {2};
extern struct e __start_members[], __stop_members[]; void run(void) { printf("%d", (int)(__stop_members - __start_members)); }'
pair 'a_new_member_of_a_linker_set_is_refused' linker-set 'members'

old='const int table[4] = {1, 2, 3, 4}; volatile int i; __attribute__((noinline)) int f(int x) { return x + table[i]; } void run(void) { printf("%d", f(2)); }'
new='const int table[4] = {9, 2, 3, 4}; volatile int i; __attribute__((noinline)) int f(int x) { return x + table[i]; } void run(void) { printf("%d", f(2)); }'
pair 'a_changed_constant_that_other_files_may_use_is_refused' const-object-shared 'table'

old='static const int a[2] = {1, 2}; static const int *p = a; volatile int i; __attribute__((noinline)) int f(int x) { return x + p[i] + a[i]; } void run(void) { p += i; printf("%d", f(2)); }'
new='static const int a[2] = {7, 2}; static const int *p = a; volatile int i; __attribute__((noinline)) int f(int x) { return x + p[i] + a[i]; } void run(void) { p += i; printf("%d", f(2)); }'
pair 'a_changed_constant_that_live_data_points_to_is_refused' const-object-shared 'points to it'

old='int g; static int impl(void) { return 1; } static void *pick(void) { return impl; } int f(void) __attribute__((ifunc("pick"))); void run(void) { printf("%d", f()); }'
new='int g; static int impl(void) { return 1; } static int fast(void) { return 2; } static void *pick(void) { return g ? fast : impl; } int f(void) __attribute__((ifunc("pick"))); void run(void) { printf("%d", f()); }'
pair 'a_changed_resolver_of_an_indirect_function_is_refused' ifunc 'resolver of indirect function f'

old='int g; __attribute__((noinline)) int f(int *p) { return p[3]; } int a[4]; void run(void) { printf("%d", f(a)); }'
new='int g; __attribute__((noinline)) int f(int *p) { return p ? p[3] : 0; } int a[4]; void run(void) { printf("%d", f(a)); }'
cflags='-Os -fcf-protection=none' # no room between functions
pair 'a_first_instruction_that_reads_memory_is_refused' no-skip-first 'f cannot be entered behind its first instruction'
cflags='-O2 -fcf-protection=full'

old='__attribute__((noinline)) int f(int x) { return x; } void run(void) { printf("%d", f(3)); }'
new='__attribute__((noinline)) int f(int x) { return x * 3 + 1; } void run(void) { printf("%d", f(3)); }'
cflags='-Os -fcf-protection=none'
pair 'a_function_too_short_for_the_jump_is_refused' no-skip-first 'too short'
cflags='-O2 -fcf-protection=full'

new_case
printf '%s\nint f(int); void run(void) { printf("%%d", f(1)); }\n' "$head" | tee o/main.c > p/main.c
mkdir -p o p
printf '.globl f\n.type f,@function\nf: endbr64\n lea 1(%%rdi),%%eax\n nop\n nop\n nop\n nop\n ret\n.size f,.-f\n.section .note.GNU-stack\n' > o/asm.s
sed 's/lea 1/lea 2/' o/asm.s > p/asm.s
differ() {
    compile_side o "$cflags" && compile_side p "$cflags" || return
    for d in o p; do (cd $d && $CC -g -c asm.s -o asm.o && cp asm.o asm.replay && link_program ../$d "" 2>/dev/null); done
    for d in o p; do cp harness.o $d/; (cd $d && $CC -Wl,-Map=out.map -o out ./*.o); done
    write_job main asm
    sed -i 's/asm\.c/asm.s/' job.json
    status=0
    "$diff" job.json > log 2>&1 || status=$?
}
refuses 'assembler_is_refused' assembler-source 'assembler'

tap_done

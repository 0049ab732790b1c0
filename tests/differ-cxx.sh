#!/bin/bash
# C++: inline functions and templates, classes, statics, lambdas; what is patched and what is refused.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091
. "${top_srcdir:?}/tests/differ-subr.sh"
CC=${CXX:-g++} suffix=cc
cflags='-O2 -fcf-protection=full' ldflags=''

# sources NAME: standard input becomes the file in both versions
sources()
{
    tee "o/$1" > "p/$1"
}

# fix FILE SCRIPT: the patched version of the file, by sed
fix()
{
    sed "$2" "o/$1" > "p/$1"
    ! cmp -s "o/$1" "p/$1" || echo "Bail out! the fix changes nothing: $2"
}

# refuses_among NAME CODE TEXT: refused, with this code and text among what is said
refuses_among()
{
    differ
    [ "$status" = 3 ] && [[ " $(codes) " == *" $2 "* ]] && [ ! -e out.patch ] && grep -q "$3" log
    result=$?
    [ $result = 0 ] || { sed 's/^/# /' log; echo "# status $status, codes '$(codes)', wanted '$2'"; }
    tap_result $result "$1"
}

# ---- inline functions and templates of a header, in two units

header_case()
{
    new_case
    sources h.h << 'EOF'
#include <cstdio>
#include <string>
struct Counter {
    int step;
    explicit Counter(int s);
    virtual ~Counter();
    virtual int next(int x);
    __attribute__((noipa)) int scaled(int x) const { if (x > 1000) puts("large"); return x * step + 1; }
};
__attribute__((noipa)) inline int bump(int x) { static int calls = 100; static std::string name("bump"); calls += x; return calls + (int)name.size(); }
template <typename T> __attribute__((noipa)) T twice(T x) { if (x > 1000) puts("large"); return x + x; }
int other(int x);
EOF
    sources other.cc << 'EOF'
#include "h.h"
Counter::Counter(int s) : step(s) { if (s > 1000) puts("large"); }
Counter::~Counter() { puts("gone"); }
int Counter::next(int x) { if (x > 1000) puts("large"); return x + step; }
int other(int x) { Counter c(x); return c.scaled(x) + bump(1) + twice(x); }
EOF
    sources main.cc << 'EOF'
#include "h.h"
extern "C" void run(void)
{
    Counter c(3);
    printf("%d ", c.scaled(5));
    printf("%d ", bump(1));
    printf("%d ", twice(7));
    printf("%d\n", other(2));
}
EOF
}

for CC in g++ g++-11; do
    command -v $CC > /dev/null || continue
    for cflags in -O0 -O1 -O2 -O3 -Os; do
        header_case
        fix h.h 's/x \* step + 1/x * step + 2/'
        accepts "a_method_defined_in_its_class_is_patched_where_the_linker_took_it_${CC}_${cflags// /_}" _ZNK7Counter6scaledEi \
            $'16 105 14 gone\n115\ngone\n17 107 14 gone\n118\ngone'
    done
done
CC=${CXX:-g++} cflags='-O2 -fcf-protection=full'

header_case
fix h.h 's/calls += x;/calls += 10 * x;/'
accepts static_variables_of_inline_functions_keep_their_values _Z4bumpi \
    $'16 105 14 gone\n115\ngone\n16 116 14 gone\n135\ngone'

header_case
fix h.h 's/return x + x;/return x + x + 1;/'
accepts an_instance_of_a_template_is_patched _Z5twiceIiET_S0_ $'16 105 14 gone\n115\ngone\n16 107 15 gone\n118\ngone'

header_case
fix main.cc 's/twice(7)/(int)twice(7.5)/'
accepts a_new_instance_of_a_template_comes_with_the_patch run $'16 105 14 gone\n115\ngone\n16 107 15 gone\n117\ngone'
cmp -s <(functions new) <(printf _Z5twiceIdET_S0_)
tap_result $? the_new_instance_is_reported_as_new

# The linker took other.o's copy; only main.cc is compiled again, and its copy is not in the program.
header_case
cat >> o/other.cc <<< '#define LATER'
cp o/other.cc p/other.cc
fix main.cc 's/c.scaled(5)/c.scaled(6)/'
mv o/main.cc o/z.cc && mv p/main.cc p/z.cc
units=z
accepts a_copy_of_another_unit_that_did_not_change_is_referred_to run $'16 105 14 gone\n115\ngone\n19 107 14 gone\n117\ngone'
units=

header_case
fix other.cc 's/x + step; }/x - step; }/'
accepts a_virtual_function_is_patched _ZN7Counter4nextEi

header_case
fix other.cc 's/if (s > 1000) puts("large");/puts("made");/; s/puts("gone")/puts("left")/'
accepts constructors_and_destructors_are_patched '_Z5otheri _ZN7CounterC1Ei _ZN7CounterC2Ei _ZN7CounterD0Ev _ZN7CounterD1Ev _ZN7CounterD2Ev' \
    $'16 105 14 gone\n115\ngone\nmade\n16 107 14 made\nleft\n117\nleft'

# ---- classes

class_case()
{
    new_case
    sources main.cc << 'EOF'
#include <cstdio>
#include <string>
#include <typeinfo>
#include <vector>
struct Base { int a = 1; virtual ~Base() {} virtual int value() const; };
struct Derived : Base { int b = 2; int value() const override; int sum() const; };
int Base::value() const { return a; }
int Derived::value() const { return b; }
__attribute__((noipa)) int Derived::sum() const { return a + b; }
__attribute__((noipa)) Derived *make() { return new Derived; }
__attribute__((noipa)) int use(const Base *base) { printf("%s ", typeid(*base).name()); return base->value(); }
__attribute__((noipa)) std::string describe(int x) { return "value " + std::to_string(x); }
static int started = printf("started ");
static Derived *kept;
extern "C" void run(void) { if (!kept) kept = make(); printf("%d %s\n", use(kept), describe(kept->sum()).c_str()); }
EOF
}

class_case
fix main.cc 's/return a + b; }/return a - b; }/; s/int sum() const;/int sum() const; int more() const { return b; }/'
accepts a_class_may_get_functions_that_are_not_virtual _ZNK7Derived3sumEv

class_case
fix main.cc 's/"value "/"fixed value "/'
accepts a_function_with_an_abi_tag_is_patched '_Z8describeB5cxx11i' $'started 7Derived 2 value 3\n7Derived 2 fixed value 3'

class_case
fix main.cc 's/int b = 2;/int b = 2; int c = 3;/; s/return a + b; }/return a + b + c; }/'
refuses_among a_new_member_is_refused type-layout 'struct Derived .* changes from 16 to 24 bytes: member c at offset 16 is new'

class_case
fix main.cc 's/int sum() const;/int sum() const; virtual int extra();/; s/return a + b; }/return a + b; } int Derived::extra() { return 1; }/'
refuses_among a_new_virtual_function_is_refused type-layout 'virtual extra() .* is new'

class_case
fix main.cc 's/struct Derived : Base {/struct Middle { int m = 9; }; struct Derived : Base, Middle {/; s/return a + b; }/return a + b + m; }/'
refuses_among a_new_base_class_is_refused type-layout 'struct Derived'

class_case
fix main.cc 's/int value() const override;/ /; s/^int Derived::value.*//'
refuses_among a_table_of_virtual_functions_that_changes_is_refused const-object-shared '_ZTV7Derived'

class_case
sed 's/^__attribute__((noipa)) int use.*/struct Fresh : Base { int value() const override { return 77; } };\
__attribute__((noipa)) int use(const Base *base) { printf("%s ", typeid(*base).name()); Fresh fresh; const Base *volatile p = \&fresh; printf("%s ", typeid(*p).name()); return p->value() + base->value(); }/' o/main.cc > p/main.cc
accepts a_new_class_with_virtual_functions_comes_with_the_patch '_Z3usePK4Base' $'started 7Derived 2 value 3\n7Derived 5Fresh 79 value 3'

class_case
fix main.cc 's/"started "/"begun "/'
refuses a_changed_initialiser_of_static_objects_is_refused constructor 'initialiser of static objects'

class_case
sed 's/^int Base::value/int first_of_the_file(int x) { return x * 3; }\nint Base::value/; s/return a + b; }/return first_of_the_file(a) + b; }/' o/main.cc > p/main.cc
accepts a_function_may_be_added_before_the_first_of_a_file_with_static_objects '_ZNK7Derived3sumEv' \
    $'started 7Derived 2 value 3\n7Derived 2 value 5'

new_case
sources main.cc << 'EOF'
#include <cstdio>
struct First { int a = 1; virtual int one() { return a; } virtual ~First() {} };
struct Second { int b = 2; virtual int two(); virtual ~Second() {} };
struct Both : First, Second { int c = 3; int two() override; };
struct Shared : virtual Second { int d = 4; int two() override; };
int Second::two() { return b; }
int Both::two() { if (b > 50) puts("large"); return b + c; }
int Shared::two() { if (b > 50) puts("large"); return b + d; }
__attribute__((noipa)) int call(Second *object) { return object->two(); }
__attribute__((noipa)) Second *make(int x) { if (x) return new Both; return new Shared; }
extern "C" void run(void) { printf("%d %d ", call(make(1)), call(make(0))); }
EOF
fix main.cc 's/return b + c;/return b - c;/; s/return b + d;/return b - d;/'
for cflags in -O0 '-O2 -fcf-protection=full' '-O2 -fPIC -fcf-protection=full'; do
    accepts "functions_are_patched_that_thunks_of_several_bases_lead_to_${cflags// /_}" "$(case $cflags in -O0) echo _ZN4Both3twoEv _ZN6Shared3twoEv ;; *) echo "_ZN4Both3twoEv _ZN6Shared3twoEv _ZThn16_N4Both3twoEv _ZTv0_n24_N6Shared3twoEv" ;; esac)" '5 6 -1 -2 '
done
cflags='-O2 -fcf-protection=full'

header_case
finds_nothing the_same_sources_of_cxx_have_no_difference
lambda_case_twice='#include <functional>
std::function<int(int)> make(int k) { auto f = [k](int x) { return x + k; }; if (k > 5) return [k](int x) { return x * k; }; return f; }
extern "C" void run(void) { make(3)(4); }'
new_case
echo "$lambda_case_twice" | sources main.cc
finds_nothing the_same_lambdas_have_no_difference

new_case
sources main.cc << 'EOF'
#include <cstdio>
template <typename T> __attribute__((noipa)) T total(T x) { static T sum; if (x > 1000) puts("large"); sum += x; return sum; }
__attribute__((noipa)) int fixed(int x) { if (x > 1000) puts("large"); return total(x); }
extern "C" void run(void) { printf("%d ", fixed(3)); }
EOF
fix main.cc 's/return total(x);/return total(x) + (int)total<long>(100);/'
accepts a_new_instance_of_a_template_with_state_comes_with_the_patch_of_a_program _Z5fixedi '3 106 '
library=library cflags='-O2 -fPIC -fcf-protection=full'
refuses a_new_instance_with_state_that_another_library_may_have_is_refused comdat-section 'sum of an inline function'
cflags='-O2 -fPIC -fcf-protection=full -fvisibility=hidden' 
sed -i 's/^extern "C" void run/extern "C" __attribute__((visibility("default"))) void run/' ?/main.cc
accepts what_a_library_does_not_export_is_its_own _Z5fixedi '3 106 '
library='' cflags='-O2 -fcf-protection=full'

# ---- exceptions

new_case
cat > o/main.cc << 'EOF'
#include <cstdio>
#include <stdexcept>
#include <string>
struct Error { int code; };
struct Guard { const char *name; explicit Guard(const char *n) : name(n) {} ~Guard() { printf("~%s ", name); } };
static volatile int limit = 10;
__attribute__((noinline)) void thrower(int x) { Guard g("thrower"); if (x > limit) throw Error{x}; }
__attribute__((noinline)) int fixed(int x)
{
    Guard g("old");
    try { thrower(x); } catch (const Error &e) { printf("caught %d ", e.code); return -1; }
    return x;
}
extern "C" void run(void)
{
    try { printf("%d %d\n", fixed(3), fixed(30)); } catch (std::exception &e) { printf("main: %s\n", e.what()); }
}
EOF
fix main.cc 's/Guard g("old")/Guard g("new")/; s/return -1; }/throw std::out_of_range("rethrown"); }/'
want='~thrower caught 30 ~old ~thrower ~old 3 -1
~thrower caught 30 ~new main: rethrown'
for CC in g++ g++-11; do
    command -v $CC > /dev/null || continue
    for cflags in -O0 -O1 -O2 -O3 -Os '-O2 -fPIE -fno-plt -fcf-protection=full -g3'; do
        accepts "exceptions_pass_through_a_patched_function_${CC}_${cflags// /_}" _Z5fixedi "$want"
    done
done
CC=${CXX:-g++}
cflags='-O2 -fPIC' library=library
for ldflags in '' -Wl,-z,now -Wl,-Bsymbolic; do
    accepts "exceptions_pass_through_a_patched_function_of_a_library_$ldflags" _Z5fixedi "$want"
done
library='' ldflags='' cflags='-O2 -fcf-protection=full'

fix main.cc 's/const Error &e) { printf("caught %d ", e.code); return -1; }/const std::exception \&e) { printf("caught %s ", e.what()); return -1; }/'
sed -i 's/std::exception &e) { printf("main/Error \&e) { printf("main/; s/main: %s\\n", e.what()/main: %d\\n", e.code/' p/main.cc
accepts an_exception_passes_by_a_handler_of_another_type '_Z5fixedi run' \
    '~thrower caught 30 ~old ~thrower ~old 3 -1
~thrower ~old main: 30'

new_case
sources main.cc << 'EOF'
#include <cstdio>
static volatile int one = 1;
__attribute__((noipa)) void thrower(int x) { if (x) throw 5L; throw 'c'; }
__attribute__((noipa)) int fixed(int x) { try { thrower(x); } catch (int) { return 4; } return 0; }
extern "C" void run(void) { try { printf("%d\n", fixed(one)); } catch (long) { puts("long"); } }
EOF
fix main.cc 's/catch (int)/catch (long)/'
accepts a_change_in_the_types_that_are_caught_alone_is_a_change _Z5fixedi $'long\n4'

# Types that no other file knows: in position-independent code pointers without a symbol (.LDFCM0) lead to them.
new_case
sources main.cc << 'EOF'
#include <cstdio>
namespace { struct Small { int code; }; struct Large { int code; }; struct Never { int code; }; }
static volatile int ten = 10;
__attribute__((noipa)) void thrower(int x) { if (x > ten * 10) throw Never{x}; if (x > ten) throw Large{x}; throw Small{x}; }
__attribute__((noipa)) int beside(int x) { try { thrower(x); } catch (const Never &e) { return 1; } catch (const Small &e) { return 2; } return 0; }
__attribute__((noipa)) int fixed(int x) { try { thrower(x); } catch (const Small &e) { return e.code; } return 0; }
extern "C" void run(void) { try { printf("%d ", beside(5)); printf("%d ", fixed(5)); printf("%d ", fixed(50)); } catch (const Large &e) { printf("large %d\n", e.code); } catch (...) { puts("other"); } }
EOF
cflags='-O2 -fPIC' library=library
fix main.cc 's/return e.code; }/return e.code * 10; }/'
accepts types_of_one_file_are_caught_by_a_patched_function _Z5fixedi $'2 5 large 50\n2 50 large 50'
fix main.cc '/fixed(int/s/Small/Large/'
accepts a_change_from_one_type_of_a_file_to_another_is_a_change _Z5fixedi $'2 5 large 50\n2 other'
fix main.cc 's/return 0; }$/return x > 1000; }/; /beside(int/s/return x > 1000/return 0/'
accepts what_other_functions_catch_does_not_matter _Z5fixedi $'2 5 large 50\n2 5 large 50'
library='' cflags='-O2 -fcf-protection=full'

new_case
sources main.cc << 'EOF'
#include <cstdio>
#include <cstdlib>
#include <exception>
static void last() { puts("terminated"); fflush(stdout); _Exit(0); }
static volatile int zero, rounds;
__attribute__((noipa)) int fixed(int x) { if (rounds++) throw x; return x; }
extern "C" void run(void) { std::set_terminate(last); printf("%d\n", fixed(zero + 1)); fflush(stdout); }
EOF
fix main.cc 's/throw x; return x;/throw x + 1; return x;/'
accepts what_nobody_catches_still_terminates _Z5fixedi $'1\nterminated'

new_case
sources main.cc << 'EOF'
#include <cstdio>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
struct Guard { ~Guard() { printf("left "); fflush(stdout); } };
static volatile int never;
__attribute__((noipa)) void sleep_on(void) { while (!never) pause(); }
__attribute__((noipa)) void wait_here(int x) { Guard guard; if (x > 5) printf("old "); fflush(stdout); sleep_on(); }
static void *start(void *) { wait_here(7); return nullptr; }
extern "C" void run(void)
{
    pthread_t thread;
    pthread_create(&thread, nullptr, start, nullptr);
    usleep(50000);
    pthread_cancel(thread);
    pthread_join(thread, nullptr);
    puts("joined");
}
EOF
fix main.cc 's/printf("old ")/printf("new ")/'
accepts cancellation_runs_the_destructors_of_a_patched_function '_Z9wait_herei' $'old left joined\nnew left joined'

new_case
sources main.cc << 'EOF'
#include <cstdio>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
static pthread_barrier_t barrier;
static int caught;
__attribute__((noipa)) void fixed(int x) { if (x > 50) puts("large"); throw x; }
__attribute__((noipa)) void call(int x) { try { fixed(x); } catch (int y) { __atomic_add_fetch(&caught, y, __ATOMIC_RELAXED); } }
static void *start(void *) { pthread_barrier_wait(&barrier); call(3); return nullptr; }
extern "C" void run(void)
{
    pthread_t threads[16];
    int status;
    caught = 0;
    pthread_barrier_init(&barrier, nullptr, 16);
    for (auto &thread : threads) pthread_create(&thread, nullptr, start, nullptr);
    for (auto &thread : threads) pthread_join(thread, nullptr);
    printf("%d ", caught);
    fflush(stdout);
    if (fork() == 0) { call(9); _exit(caught); }
    wait(&status);
    printf("%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}
EOF
fix main.cc 's/throw x;/throw x + 1;/'
accepts many_threads_and_children_may_throw_at_the_first_call _Z5fixedi $'48 57\n64 74'

new_case
sources main.cc << 'EOF'
#include <cstdio>
static double sum;
__attribute__((noipa)) double many(int a, long b, double c, int d, float e, double f, long g, int h, int i, long double j, double k)
{
    if (a > 50) puts("large");
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * (double)j + 11 * k;
}
__attribute__((noipa)) int format(const char *text, ...)
{
    __builtin_va_list args;
    __builtin_va_start(args, text);
    double x = __builtin_va_arg(args, double);
    int y = __builtin_va_arg(args, int);
    __builtin_va_end(args);
    if (y > 50) puts(text);
    return (int)(10 * x) + y;
}
extern "C" void run(void)
{
    printf("%.1f %d\n", many(1, 2, 3.5, 4, 5.25f, 6.5, 7, 8, 9, 10.5L, 11.5), format("x", 2.5, 4));
}
EOF
sed 's/return a + 2/return 1000 + a + 2/; s/return (int)(10/return 1000 + (int)(10/' o/main.cc > p/main.cc
accepts registration_leaves_arguments_of_all_kinds_alone '_Z4manyildifdliied _Z6formatPKcz' \
    $'522.2 29\n1522.2 1029'

new_case
cat > o/main.cc << 'EOF'
#include <cstdio>
#include <stdexcept>
struct Error { int code; };
struct Guard { const char *name; explicit Guard(const char *n) : name(n) {} ~Guard() { printf("~%s ", name); } };
static volatile int limit = 10;
__attribute__((noinline)) void thrower(int x) { Guard g("thrower"); if (x > limit) throw Error{x}; }
__attribute__((noinline)) int fixed(int x)
{
    Guard g("old");
    try { thrower(x); } catch (const Error &e) { printf("caught %d ", e.code); return -1; }
    return x;
}
extern "C" void run(void) { printf("%d %d\n", fixed(3), fixed(30)); }
EOF
fix main.cc 's/Guard g("old")/Guard g("new")/'
want='~thrower caught 30 ~old ~thrower ~old 3 -1
~thrower caught 30 ~new ~thrower ~new 3 -1'
# libstdc++.a is a package of its own in some distributions
static='-static -static-pie'
echo 'int main() { throw 1; }' | $CC -static -x c++ -o /dev/null - 2> /dev/null || static=
for ldflags in $static; do
    accepts "exceptions_pass_through_a_patched_function_of_a_program_linked_${ldflags// /_}" _Z5fixedi "$want"
done
cflags='-O2 -fno-pie -fcf-protection=full' ldflags=-no-pie
accepts exceptions_pass_through_a_patched_function_at_a_fixed_address _Z5fixedi "$want"
cflags='-O2 -fcf-protection=full' ldflags=

# ---- inline functions that a library has as well

new_case
sources main.cc << 'EOF'
#include <iostream>
__attribute__((noipa)) int get(int x) { if (x > 1000) puts("large"); return x; }
extern "C" void run(void) { std::cout << get(5) << '|' << std::flush; }
EOF
fix main.cc 's/return x;/if (x == 5) std::cout << "five" << std::endl; return x;/'
accepts a_copy_of_an_inline_function_of_a_library_that_comes_into_the_program_is_no_other_definition _Z3geti \
    '5|five
5|'

# ---- thunks that lie behind the method that they are for

thunk_case()
{
    new_case
    sources main.cc << 'EOF'
#include <cstdio>
struct First { int x = 1; virtual ~First() {} virtual int one() { return x; } };
struct Second { int y = 2; virtual ~Second() {} virtual int two(int n) { return n; } };
struct Both : First, Second {
    int two(int n) override
    {
        for (int i = 0; i < n; i++) printf("%d", i);
        puts("");
        return n + x + y;
    }
};
__attribute__((noipa)) Second *make() { return new Both; }
extern "C" void run(void) { Second *both = make(); printf("%d\n", both->two(3)); delete both; }
EOF
}

for cflags in -O0 '-O2 -fcf-protection=full -fno-inline' '-Os -fcf-protection=full -fPIE'; do
    thunk_case
    fix main.cc 's/puts("");/puts(n > 2 ? "many" : "few");/'
    accepts "a_method_with_a_thunk_behind_it_is_patched_${cflags// /_}" _ZN4Both3twoEi $'012\n6\n012many\n6'
    thunk_case
    fix main.cc 's/puts("");/for (int i = 0; i < n; i++) printf("%d%d%d", i, x, y); printf("%s%d%d", "much ", x, y); puts("more");/'
    accepts "also_if_the_jump_back_becomes_longer_${cflags// /_}" _ZN4Both3twoEi $'012\n6\n012012112212much 12more\n6'
done
cflags='-O2 -fcf-protection=full'

# ---- a constructor has two names, and its cold part one

new_case
sources main.cc << 'EOF'
#include <cstdio>
#include <stdexcept>
struct Square { int side; __attribute__((noipa)) explicit Square(int x); virtual ~Square() {} };
Square::Square(int x) : side(x) { if (x > 1000) throw std::out_of_range("large"); }
extern "C" void run(void) { try { Square square(2000); } catch (std::exception &e) { printf("%s ", e.what()); } }
EOF
fix main.cc 's/"large"/"too large"/'
accepts a_constructor_of_which_only_the_cold_part_changes_is_patched _ZN6SquareC2Ei 'large too large '

# ---- another type is caught

for cflags in '-O2 -fcf-protection=full -fPIE' '-O0 -fPIE'; do
    new_case
    sources main.cc << 'EOF'
#include <cstdio>
#include <stdexcept>
__attribute__((noipa)) void fail(int x) { if (x > 1) throw std::out_of_range("far"); throw std::invalid_argument("bad"); }
__attribute__((noipa)) int get(int x) { try { fail(x); } catch (const std::invalid_argument &) { return 1; } return 0; }
extern "C" void run(void) { try { printf("%d ", get(1)); printf("%d ", get(2)); } catch (...) { printf("lost "); } }
EOF
    fix main.cc 's/const std::invalid_argument &/const std::logic_error \&/'
    accepts "another_type_that_is_caught_is_no_static_variable_${cflags// /_}" _Z3geti '1 lost 1 1 '
done
cflags='-O2 -fcf-protection=full'

# ---- a constant that points into a library's table, which the program has a copy of

for cflags in '-O2 -fcf-protection=full -fPIE' '-O2 -fcf-protection=full -fno-pie'; do
    [[ $cflags == *no-pie ]] && ldflags=-no-pie
    new_case
    sources main.cc << 'EOF'
#include <sstream>
__attribute__((noipa)) int get(int x) { std::ostringstream out; out << "x" << x; return (int)out.str().size(); }
extern "C" void run(void) { printf("%d ", get(5)); }
EOF
    fix main.cc 's/"x"/"x = "/'
    accepts "a_stream_of_the_library_is_made_${cflags// /_}" _Z3geti '2 5 '
done
cflags='-O2 -fcf-protection=full' ldflags=''

# ---- what the assembler has bound in a library, as the jump of a thunk, is no other library's

library=library
new_case
sources main.cc << 'EOF'
#include <cstdio>
extern "C" __attribute__((noipa)) int get(int x) { if (x > 1000) puts("large"); return x; }
static int mine(int x) __attribute__((alias("get")));
__attribute__((noipa)) int use(int x) { if (x > 1000) puts("large"); return mine(x) + 1; }
extern "C" void run(void) { printf("%d %d ", get(5), use(5)); }
EOF
fix main.cc 's/mine(x) + 1/mine(x) + 2/'
cflags='-O2 -fPIC -fcf-protection=full'
accepts a_call_by_a_local_name_of_an_exported_function_is_direct _Z3usei '5 6 5 7 '
fix main.cc 's/mine(x) + 1/mine(x) + 2/; s/return x; }/return x * 10; }/'
accepts so_it_is_where_both_change '_Z3usei _ZL4minei get' '5 6 50 52 '
library='' cflags='-O2 -fcf-protection=full'

# ---- lambdas

lambda_case()
{
    new_case
    sources main.cc << 'EOF'
#include <cstdio>
#include <functional>
#include <vector>
static std::vector<std::function<int(int)>> kept;
__attribute__((noipa)) void keep(std::function<int(int)> f) { kept.push_back(f); }
__attribute__((noipa)) void install(int k)
{
    keep([k](int x) { return x + k; });
    keep([k](int x) { return x * k - 7; });
}
extern "C" void run(void)
{
    if (kept.empty()) install(10);
    for (auto &f : kept) printf("%d ", f(3));
}
EOF
}

for cflags in -O0 '-O2 -fcf-protection=full' '-Os -fcf-protection=full'; do
    lambda_case
    fix main.cc 's/return x \* k - 7;/if (x > 1000) puts("large"); return x * k - 8;/'
    differ
    [ "$status" = 0 ] && [ "$(run_patched)" = '13 23 13 22 ' ]
    result=$?
    [ $result = 0 ] || sed 's/^/# /' log
    tap_result $result "a_lambda_that_live_objects_hold_is_patched_${cflags// /_}"
    lambda_case
    fix main.cc 's/^    keep(\[k\](int x) { return x + k; });/    keep([k](int x) { return x % k; });\n&/'
    differ
    { [ "$status" = 3 ] && [ "$(codes)" = ambiguous-symbol ]; } ||
        { [ "$status" = 0 ] && [ "$(run_patched)" = '13 23 13 23 ' ]; } || sed 's/^/# /' log
    { [ "$status" = 3 ] && [[ " $(codes) " == *" ambiguous-symbol "* ]]; } ||
        { [ "$status" = 0 ] && [ "$(run_patched)" = '13 23 13 23 ' ]; }
    tap_result $? "a_lambda_inserted_before_others_takes_the_place_of_none_${cflags// /_}"
done
cflags='-O2 -fcf-protection=full'

lambda_case
fix main.cc 's/\[k\](int x) { return x \* k - 7; }/[k, y = k + 1](int x) { return x * k - y; }/'
refuses a_lambda_that_captures_more_is_refused ambiguous-symbol 'lambda'

new_case
sources main.cc << 'EOF'
#include <cstdio>
__attribute__((noipa)) int count(int x)
{
    if (x > 5) { static int n = 10; n += x; return n; }
    static int n = 20; n += 2 * x; return n;
}
extern "C" void run(void) { printf("%d %d ", count(6), count(1)); }
EOF
fix main.cc 's/^    if (x > 5)/    if (x > 99) { static int n = 1000; n += 3 * x; return n; }\n&/'
refuses static_variables_of_one_name_whose_numbers_move_are_refused ambiguous-static 'static variable'
tap_done

#!/bin/bash
# The same fix under the flags that packages are built with, in programs and shared libraries.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091
. "${top_srcdir:?}/tests/differ-subr.sh"

new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
extern void *malloc(unsigned long);
extern void free(void *);
extern unsigned long strlen(const char *);
int shared_counter = 10;
static int private_counter = 20;
static const char *words[] = {"zero", "one", "two", "three"};
__attribute__((noinline)) int helper(int x) { return x + shared_counter; }
__attribute__((noinline)) static int hidden(int x) { private_counter++; return x * private_counter; }
__attribute__((noinline)) int fixed(int n)
{
    int sum = 0;
    for (int i = 0; i <= n; i++) {
        char *copy = malloc(strlen(words[i & 3]) + 1);
        sum += helper(i) + hidden(i) + (copy != 0);
        free(copy);
    }
    switch (n) {
    case 0: printf("none "); break;
    case 1: printf("one "); return sum;
    case 2: printf("some "); break;
    case 3: printf("three "); sum++; break;
    case 4: printf("many "); break;
    case 5: printf("more "); sum--; break;
    }
    shared_counter++;
    return sum;
}
volatile int five = 5;
void run(void)
{
    int result = fixed(five);
    printf("%d %d %d ", result, shared_counter, private_counter);
}
END
sed 's/i <= n/i < n/; s/"more "/"bounded "/' o/main.c > p/main.c
want='more 450 11 26 bounded 369 12 31 '

for flags in -O0 -O1 -O2 -O3 -Os '-O2 -fPIC' '-O2 -fPIE' '-O2 -fPIE -fno-plt' \
    '-O2 -fcf-protection=full' '-O2 -fcf-protection=none' '-O2 -fstack-protector-strong -fstack-clash-protection' \
    '-O2 -fexceptions -fasynchronous-unwind-tables -g' '-O2 -fno-omit-frame-pointer -fcf-protection=full'; do
    for bind in '' '-Wl,-z,now'; do
        cflags=$flags ldflags=$bind
        accepts "a_program_compiled_with_${flags// /_}_${bind}_is_patched" fixed "$want"
    done
done

main=$(cat o/main.c)
for side in o p; do
    cat > $side/main.c <<END
extern int printf(const char *, ...);
int g = 3;
__attribute__((noipa)) int f(int x) { g++; return x * $([ $side = o ] && echo 17 || echo 19) + g / 3; }
void run(void) { printf("%d ", f(2)); }
END
done
cflags='-O2 -fno-pie -fcf-protection=full' ldflags=-no-pie
accepts 'a_program_that_is_not_position_independent_is_patched' f '35 39 '
for side in o p; do
    sed -i 's/g++;/g++; printf("f ");/' $side/main.c
done
accepts 'addresses_of_the_patch_in_32_bits_are_filled_in' f 'f 35 f 39 '
# Of instructions on 16 bits and on vectors too; the tables of the patched program lie elsewhere.
for side in o p; do
    cat > $side/main.c <<END
extern int printf(const char *, ...);
$([ $side = o ] || echo '__attribute__((noipa)) static const char *fresh(int x) { static const int steps[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}; return steps[x % 9] > 8 ? "the text moves what follows it, by as much as it is long" : "new "; }')
static const short table[] = {5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
static const int limits[] = {1, 2, 3, 4, 5, 6, 7, 8};
volatile int places[16];
__attribute__((noipa)) int f(int x) { printf("$([ $side = o ] && echo 'old ' || echo '%s')"$([ $side = o ] || echo ', fresh(x)')); return table[x] == 7; }
__attribute__((noipa)) int same(int x) { return table[x] == 9; }
__attribute__((noipa, optimize("O3"))) void add(int *p, long n) { for (long i = 0; i < n; i++) p[i] += limits[i]; }
void run(void) { int a[8] = {0}; add(a, 8); printf("%d %d %d ", f(2), same(4), a[7]); }
END
done
accepts 'addresses_of_tables_in_16_bit_instructions_are_understood' f 'old 1 1 8 new 1 1 8 '
cflags='-O2 -fno-pie -mcmodel=large -fcf-protection=full'
refuses 'addresses_in_64_bits_in_code_are_refused' unsupported-relocation \
    'unsupported relocation R_X86_64_64 in function f;'

echo "$main" > o/main.c
sed 's/i <= n/i < n/; s/"more "/"bounded "/' o/main.c > p/main.c
library=library
for flags in '-O2 -fPIC' '-O0 -fPIC' '-Os -fPIC -fcf-protection=full' '-O2 -fPIC -fno-plt' '-O2 -fPIC -fvisibility=protected'; do
    for bind in '' '-Wl,-z,now' '-Wl,-Bsymbolic'; do
        cflags=$flags ldflags=$bind
        accepts "a_library_compiled_with_${flags// /_}_${bind}_is_patched" fixed "$want"
    done
done

# What is new in a library and global has a slot there; in the patch it is the patch's own.
sed -i -e 's/^__attribute__((noinline)) int fixed/int fresh_count;\n__attribute__((noipa)) int fresh(int x) { fresh_count++; return x; }\n&/' \
    -e 's/i < n; i++/i < fresh(n); i++/' -e 's/"bounded "/fresh_count > 90 ? "often " : "bounded "/' p/main.c
for flags in '-O2 -fPIC' '-O2 -fPIC -fno-plt' '-O0 -fPIC'; do
    cflags=$flags ldflags=
    accepts "a_new_global_function_of_a_library_compiled_with_${flags// /_}_is_its_own" fixed "$want"
done
sed -i 's/fresh(n); i++/(\&fresh)(n); i++/; s/fresh_count > 90/(long)\&fresh == 7 || &/' p/main.c
cflags='-O2 -fPIC'
accepts 'and_so_is_its_address' fixed "$want"

# What becomes static is not that of another library any more. (One whose address nobody takes loses its endbr64.)
for kind in CALLED TAKEN; do
    changes='a gl'
    [ $kind = TAKEN ] || changes='a gl same'
    new_case
    cat > o/main.c << 'END'
extern int printf(const char *, ...);
#define N __attribute__((noipa))
volatile int five = 5;
STATIC N int same(int x) { if (x > 50) printf("same"); return x * 7; }
STATIC N int gl(int x) { if (x > 50) printf("gl"); return x * 7; }
#ifdef TAKEN
N int a(int x) { int (*volatile p)(int) = gl, (*volatile q)(int) = same; if (x > 50) printf("a"); return p(x) + q(x) + 1; }
#else
N int a(int x) { if (x > 50) printf("a"); return gl(x) + same(x) + 1; }
#endif
void run(void) { printf("%d ", a(five)); }
END
    sed -i "1i #define $kind" o/main.c
    sed '1i #define STATIC static' o/main.c > p/main.c
    sed -i '1i #define STATIC' o/main.c
    sed -i 's/+ 1; }/+ 2; }/; s/"gl"); return x \* 7/"gl"); return x * 8/' p/main.c
    cflags='-O2 -fPIC -fcf-protection=full'
    accepts "functions_of_a_library_that_become_static_are_its_own_$kind" "$changes" '71 77 '
done

# Linked with everything: the C library's own code moves, and some numbers of a program at a fixed address look like
# places that move with it.
unset library
new_case
echo 'volatile int four = 4; int spare[100];' | tee o/four.c > p/four.c
cat > o/main.c << 'END'
extern int printf(const char *, ...);
extern volatile int four;
__attribute__((noinline)) int f(int x) { if (x > 50) printf("much "); if (x == FLAGS) printf("most "); return x + 1; }
__attribute__((noinline)) int mask(int x) { if (x > 50) printf("more "); return x & FLAGS ? x | FLAGS : x; }
void run(void) { printf("%d %d ", f(four), mask(four)); }
END
sed 's/return x + 1;/for (int i = 1; i < 9; i++) if ((x ^= four * i) == 77 * i) printf("%d %d", x, i * four); return x + 2;/' o/main.c > p/main.c
for flags in '-O2 -fno-pie' '-O0 -fno-pie' '-O2 -fPIE' '-O0 -fPIE'; do
    for linked in -no-pie '-static -no-pie' -static-pie; do
        case "$linked $flags" in
            *-no-pie*-fPIE | -static-pie*-fno-pie) continue ;;
        esac
        cflags="$flags -DFLAGS=four" ldflags=$linked
        compile_side o "$cflags" && link_program o "$ldflags"
        # an address in the code behind f
        flag=$(nm o/out | awk '$3 == "_fini" { print "0x" $1 }')
        cflags="$flags -DFLAGS=$(((flag - 0x20) & ~15))"
        accepts "a_program_linked_with_${linked// /_}_and_compiled_with_${flags// /_}_is_patched" f '5 4 38 4 '
    done
done

# The end of the last array is the end of the program, and moves with it.
new_case
cat > o/z.c << 'END'
static int last[256];
__attribute__((noinline)) void fill(int x) { for (int *p = last; p < last + 256; p++) *p += x; }
__attribute__((noinline)) int sum(int x) { int n = x; for (int *p = last; p < last + 256; p++) n += *p; return n; }
END
sed 's/return n;/return n + 1;/' o/z.c > p/z.c
cat > o/main.c << 'END'
extern int printf(const char *, ...);
extern void fill(int x);
extern int sum(int x);
void run(void) { fill(1); printf("%d ", sum(0)); }
END
sed 's/fill(1);/static int more[20]; more[sum(0) % 20]++; fill(1 + more[3]);/' o/main.c > p/main.c
cflags='-O2 -fno-pie' ldflags=-no-pie
accepts "the_end_of_the_last_array_is_an_address" 'run sum' '256 513 '

# Without optimisation all constants of a file stand in one section, jump tables too once they are linked: how much
# padding is between the last text and the numbers behind it differs from the object files, and does not matter.
new_case
cat > o/main.c << 'END'
extern int printf(const char *, ...);
__attribute__((noinline)) int f(int x) { printf("f "); return x + 1; }
__attribute__((noinline)) double half(double x) { return x * 0.5 + 3.25; }
__attribute__((noinline)) double away(double x) { return -__builtin_fabs(x) * 2.5; }
void run(void) { int n = f(1); printf("%d %d ", n, (int)half(away(4))); }
END
sed 's/return x + 1/switch (x) { case 0: x = 4; break; case 1: x = 7; break; case 2: x = 9; break; case 3: x = 3; break; case 4: x = 6; break; case 5: x = 2; break; case 6: printf("six "); } return x/' \
    o/main.c > p/main.c
ldflags=
grep -qw avx /proc/cpuinfo && avx=-mavx
for more in '' ${avx:+"$avx"}; do
    cflags="-O0 $more"
    rm -f o/*.o p/*.o
    accepts "padding_behind_a_text_does_not_matter${more//-/_}" 'f run' 'f 2 -1 f 7 -1 '
done
[ "${avx:-}" ] || tap_result 0 "padding_behind_a_text_does_not_matter_mavx # SKIP the processor has no AVX"

# Initialisers with addresses of static variables, which have no symbol and, at a fixed address, no relocation.
new_case
cat > o/main.c << 'END'
extern int printf(const char *, ...);
static int a = 1, b = 2;
#define FIVE(x) x, x, x, x, x
__attribute__((noinline)) int f(int x) { int *p[] = {FIVE(FIVE(&a)), FIVE(FIVE(&b)), FIVE(FIVE(&a)), FIVE(FIVE(&b))}; return *p[x % 100] + x; }
void run(void) { printf("%d ", f(40)); a++; }
END
sed 's/(FIVE(&a)), FIVE(FIVE(&b))}; return/(FIVE(\&b)), FIVE(FIVE(\&a))}; *p[(x + 2) % 100] += 3; return/' o/main.c > p/main.c
cflags='-O0 -fno-pie' ldflags=-no-pie
accepts "initialisers_with_addresses_at_a_fixed_address" f '42 45 '

# Behind an array another variable stands in each version: only the object files tell that its end is meant.
for flags in '-O2 -fno-pie' '-O2 -fPIE'; do
    new_case
    cat > o/main.c << 'END'
extern int printf(const char *, ...);
static int table[64] = {1}, before = 3;
static int after[] = {1, 2, 3};
__attribute__((noipa)) void fill(int x) { for (int *p = table; p != table + 64; p++) *p += x; }
__attribute__((noipa)) int sum(int x) { int n = x; for (int *p = table; p != table + 64; p++) n += *p; return n; }
__attribute__((noipa)) int others(int x) { return ++before + after[x % 3]++; }
void run(void) { fill(1); printf("%d %d ", sum(0), others(1)); }
END
    for variable in next other; do
        new="static int ${variable}_one = 40, ${variable}_two = 50; ${variable}_one += x; ${variable}_two -= x;"
        sed "s/return n;/$new return n + ${variable}_one + ${variable}_two;/; s/table\[64\] = {1},/low[] = {5}, table[64] = {1}, high[] = {6},/; s/after\[x % 3\]++/& + low[x % 1]++ + high[x % 1]++/" \
            o/main.c > p/main.c
        cflags=$flags ldflags=
        case $flags in *no-pie) ldflags=-no-pie ;; esac
        accepts "the_end_of_an_array_with_another_neighbour_${variable}_${flags// /_}" 'others sum' '65 6 219 19 '
    done
done
tap_done

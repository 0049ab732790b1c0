#!/bin/bash
# Programs linked with link-time optimisation in several partitions: the replayed link, and the patch from it.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091
. "${top_srcdir:?}/tests/differ-subr.sh"
# shellcheck source=tests/differ-lto-subr.sh
. "${top_srcdir:?}/tests/differ-lto-subr.sh"
version=$($CC -dumpversion) target=$($CC -dumpmachine)
[ -e "$top_builddir/gcc/$target/$version/syscare_record.so" ] || tap_skip_all "the plugin was not built for $CC"

# changed: without the numbers, which depend on the partitions
changed()
{
    functions changed | sed 's/\.lto_priv\.[0-9]*//g'
}

# Static functions and variables of one name in each of three files; all of them are used by others.
write_case()
{
    new_case
    cat > o/main.c <<'END'
extern int printf(const char *, ...);
int once(int), twice(int), thrice(int);
volatile int five = 5;
void run(void) { printf("%d %d %d ", once(five), twice(five), thrice(five)); }
END
    number=0
    for name in once twice thrice; do
        number=$((number + 1))
        cat > o/$name.c <<END
extern int puts(const char *);
static int calls;
static __attribute__((noinline)) int parse(int x) { if (x > 99) puts("big"); calls += $number; return x * $number + calls; }
__attribute__((noinline)) int $name(int x) { if (x < 0) return parse(1); return parse(x) * 10; }
END
    done
    cp o/*.c p/
}

for partition in balanced max one none; do
    cflags="-O2 -fcf-protection=full -flto -ffat-lto-objects -flto-partition=$partition"
    ldflags=
    case $partition in
        balanced) ldflags='--param lto-partitions=3 --param lto-min-partition=10' ;;
    esac
    write_case
    sed -i 's/return x \* 2 + calls/return x * 200 + calls/' p/twice.c
    accepts "static_function_that_three_files_have_is_replaced_in_the_right_one_with_partitions_$partition" \
        parse '60 120 180 70 10040 210 '
done

# the reasons: the line of the source, and who inlines it, although several files have the name
write_case
sed -i 's/return parse(x) \* 10/return parse(x) * 20/' p/twice.c
differ_explained() {
    differ
    sed -i "s| \"types\":| \"source_root\":\"$work/p\",\"sources\":[{\"path\":\"$work/p/twice.c\",\"name\":\"twice.c\",\"lines\":[[1,3,1,0],[4,1,4,1]],\"removed\":[]}],&|" job.json
    "$diff" job.json > log 2>&1
    python3 -c 'import json
for f in json.load(open("report.json"))["functions"]:
    print(f["name"], f["place"], " ".join(w["kind"] + " " + str(w["place"]) for w in f["why"]))'
}
explained=$(differ_explained)
[ "$explained" = 'twice twice.c:4 source twice.c:4' ] || echo "# $explained"
[ "$explained" = 'twice twice.c:4 source twice.c:4' ]
tap_result $? 'a_function_of_link_time_optimisation_has_its_line_in_the_source'

cflags='-O2 -fcf-protection=full -flto -ffat-lto-objects -flto-partition=max' ldflags=
write_case
sed -i 's/return x \* 2 + calls/return x * 200 + calls/' p/twice.c
sed -i 's/return x \* 3 + calls/return x * 300 + calls/' p/thrice.c
accepts 'two_functions_of_one_name_are_replaced_in_one_patch' 'parse parse' '60 120 180 70 10040 15060 '

write_case
cat > p/twice.c <<'END'
extern int puts(const char *);
static int calls;
static __attribute__((noinline)) int checked(int x) { if (x > 50) puts("checked"); return x; }
static __attribute__((noinline)) int parse(int x) { if (x > 99) puts("big"); calls += 2; return checked(x) * 200 + calls; }
__attribute__((noinline)) int twice(int x) { if (x < 0) return parse(1); return parse(x) * 10; }
END
accepts 'a_new_function_that_gets_a_partition_of_its_own_moves_nothing_else' 'parse' '60 120 180 70 10040 210 '

# "calls" of twice.c is now known to other partitions under another name than before
write_case
sed -i 's/return parse(x) \* 10/calls += 7; return parse(x) * 10/' p/twice.c
accepts 'a_variable_that_another_partition_comes_to_use_keeps_its_value' 'twice' '60 120 180 70 210 210 '

# a second variable of the name in another file: which of them keeps the plain name is chance
write_case
sed -i 's/calls += 2;/calls += 2; static int calls_of_mine; calls_of_mine++; if (calls_of_mine > 90) puts("many");/' p/twice.c
accepts 'a_new_static_variable_starts_at_zero' 'parse' '60 120 180 70 140 210 '

# A loop that looks at what is before names the place before an array, which is in another partition.
cflags='-O2 -fcf-protection=full -flto -ffat-lto-objects -flto-partition=1to1'
new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
int find(void), fill(long);
long first_limit, limit;
char *slots[20];
volatile long five = 5;
__attribute__((noinline)) int fill(long n) { for (long i = 0; i < n; i++) slots[i] = "slot" + i; first_limit = limit; limit = n; return (int)n; }
void run(void) { printf("%d ", fill(five)); printf("%d ", find()); }
END
cat > o/find.c <<'END'
extern int puts(const char *);
extern char *slots[20];
extern long limit;
__attribute__((noinline)) int is_free(const char *slot, long i) { static long calls; if (++calls > 1000) puts("many"); return *slot == 'o' && i < limit; }
__attribute__((noinline)) int find(void)
{
    int found = 0;
    for (long i = 0; i < limit; i++)
        if (i && is_free(slots[i - 1], i))
            found += 10;
    return found;
}
END
cp o/*.c p/
sed -i 's/found += 10/found += 100/' p/find.c
accepts 'the_place_before_an_array_of_another_partition_is_understood' 'find' '5 10 5 100 '

# What is only written is never read, and what is only read is a constant: nothing refers to such variables any more, but
# they are still there.
cflags='-O2 -fcf-protection=full -flto -ffat-lto-objects -flto-partition=max' ldflags=
write_case
cat > o/once.c <<'END'
extern int puts(const char *);
__attribute__((noinline)) int find(int x) { static char *mark = "big"; if (x > 99) puts(mark); return x * 3; }
__attribute__((noinline)) int once(int x) { static int item; static char *mark = "odd"; item = find(x); if (item == 7) puts(mark); return item + 1; }
END
cp o/once.c p/
sed -i 's/return x \* 2 + calls/return x * 200 + calls/' p/twice.c
accepts 'variables_that_nothing_uses_are_no_obstacle' 'parse' '16 120 180 16 10040 210 '

# Each unit has a symbol in .debug_info, whose value lies where the jump table has its address; with the patch the debugging
# information is longer.
new_case
units=$(seq 25)
for u in $units; do
    cat > "o/step$u.c" <<END
struct state$u { $(for i in $(seq 25); do echo "int member${u}_$i;"; done) } state$u = {$u};
__attribute__((noinline)) int step$u(int x) { if (x > 1000) __builtin_abort(); return x * state$u.member${u}_1; }
END
done
{
    echo 'extern int printf(const char *, ...);'
    for u in $units; do echo "int step$u(int);"; done
    echo '__attribute__((noinline)) int dispatch(int n, int x) { switch (n) {'
    for n in $(seq 500); do echo "case $n: return step$((n % 25 + 1))(x + $n) ^ $((n * n));"; done
    echo '} return 0; }'
    echo 'volatile int one = 1; void run(void) { printf("%d %d ", dispatch(one, 1), dispatch(one * 24, 1)); }'
} > o/main.c
cp o/*.c p/
sed -i 's/abort(); return x/abort(); long twice = 2 * (long)x, thrice = twice + x; return (int)(thrice - twice) + 1000/' p/step2.c
accepts 'symbols_of_the_debugging_information_are_no_addresses' 'step2' '5 49 2003 49 '

# Each file has a table of one name; a function that changes has those of all files inlined into it. The debugging
# information tells whose each is.
write_tables()
{
    new_case
    echo 'struct keyword { int word; struct keyword *next; };
extern struct keyword *all; int printf(const char *, ...); int puts(const char *);
void add_first(void); void add_second(void); void add_third(void);' > o/keyword.h
    for u in first second third; do
        mkdir -p "o/$(dirname "$u$1")"
        cat > "o/$u$1.c" <<END
#include "keyword.h"
static struct keyword table[2] = {{${#u}, 0}, {${#u} * 2, 0}};
void add_$u(void) { for (int i = 0; i < 2; i++) { table[i].word += 10; table[i].next = all; all = &table[i]; } }
END
    done
    cat > o/main.c <<'END'
#include "keyword.h"
struct keyword *all;
volatile int many = 4;
__attribute__((noipa)) int setup(int x) { if (x > 50) puts("much"); all = 0; add_first(); add_second(); add_third(); return x + 1; }
void run(void) { int sum = setup(many); for (struct keyword *k = all; k; k = k->next) sum = sum * 3 + k->word; printf("%d ", sum); }
END
    cp -r o/. p/
    sed -i 's/all = 0;/all = 0; if (many > 100) puts("more");/; s/return x + 1/return x + 2/' p/main.c
}
# as in packages, where both versions are built in one place
cflags="-O2 -fcf-protection=full -flto -ffat-lto-objects -flto-partition=one -I. -fdebug-prefix-map=$work/o=/s -fdebug-prefix-map=$work/p=/s"
write_tables /table
sed -i 's/i < 2; i++) {/& if (i > 2) puts("third");/' p/second/table.c
accepts 'tables_of_one_name_in_files_of_one_name_keep_their_values' 'setup' '10533 14902 '
write_tables ''
accepts 'tables_of_one_name_in_several_files_keep_their_values' 'setup' '10533 14902 '

# it is no longer the same one when it moves to another file
rm -f o/*.o p/*.o
echo 'static struct keyword other[2] = {{7, 0}, {8, 0}}; void add_other(void) { other[0].next = all; all = &other[0]; }' >> o/first.c
cp o/*.c p/
echo 'void add_other(void);' | tee -a o/keyword.h >> p/keyword.h
sed -i '/add_other/d' p/first.c
tail -n 1 o/first.c >> p/second.c
sed -i 's/all = 0;/all = 0; add_other();/' o/main.c
sed -i 's/all = 0;/all = 0; add_other(); if (many > 100) puts("more");/' p/main.c
refuses 'a_table_that_moves_to_another_file_is_refused' ambiguous-static

# Functions that gcc finds to be the same in both files are two names of one; their callers are clones with numbers.
new_case
for name in first second; do
    cat > o/$name.c <<END
extern int printf(const char *, ...);
extern volatile int five;
static int same(int x) { if (x > 99) printf("much "); for (int i = 0; i < five; i++) x += x >> 3; return x + 40; }
static int ${name}_of(int x, int y) { int n = ${#name}; while (x-- > y) n += same(five + x); return n + same(y); }
int $name(int x) { return ${name}_of(x + five, 3) + ${name}_of(x * five, 3) + same(x); }
END
done
cat > o/main.c <<'END'
extern int printf(const char *, ...);
volatile int five = 5;
int first(int), second(int);
__attribute__((noinline)) int f(int x) { if (x > 99) printf("most "); return x + 1; }
void run(void) { printf("%d %d %d ", f(five), first(2), second(2)); }
END
cp o/*.c p/
sed -i 's/return x + 1/return x + 2/' p/main.c
for partition in balanced one; do
    cflags="-O2 -fno-inline -flto -ffat-lto-objects -flto-partition=$partition" ldflags=
    accepts "clones_that_call_one_function_by_two_names_do_not_change_with_partitions_$partition" 'f' '6 754 756 7 754 756 '
done

# run is in one partition with what it calls, or not
new_case
cat > o/main.c <<'END'
extern int printf(const char *, ...);
extern int big(int), f(int);
volatile int five = 5;
void run(void) { printf("%d %d ", big(five), f(five)); }
END
cat > o/big.c <<'END'
extern volatile int five;
__attribute__((noinline)) int big(int x) { for (int i = 0; i < five; i++) x += (x >> 3) + five; return x; }
END
cat > o/f.c <<'END'
extern volatile int five;
__attribute__((noinline, externally_visible)) int f(int x) { if (x > 99) return 7; return x + five; }
END
cp o/*.c p/
python3 - >> p/f.c << 'END'
print("__attribute__((noinline)) int more(int x) { " + " ".join("x = x * %d + five;" % (2 * i + 3) for i in range(60)) + " return x; }")
END
sed -i 's/return x + five/return more(x) ? x + five + 1 : 0/; 1a int more(int);' p/f.c
cflags='-O2 -flto -ffat-lto-objects -fno-ipa-ra' ldflags='--param lto-partitions=2 --param lto-min-partition=1'
accepts 'a_partition_is_no_file' 'f' '38 10 38 11 '
# its code begins with the first file of the partition's table, which the line program does not name
grep -q '"place":"[^"]*f\.c:[34]"' report.json
tap_result $? 'places_are_in_files_of_the_source'

# Several partitions: what they share is no longer local, but still of its file.
cflags='-O2 -fcf-protection=full -flto -ffat-lto-objects -flto-partition=max' ldflags=
new_case
for u in first second; do
    cat > o/$u.c <<END
extern int printf(const char *, ...);
struct end { int flags; struct end *peer; };
static const struct end closed_end = {${#u}, 0};
static const struct end *idle_$u = &(const struct end){1, (struct end *)&closed_end};
static const struct end *error_$u = &(const struct end){2, (struct end *)&closed_end};
__attribute__((noipa)) const struct end *pick_$u(int x) { return x & 1 ? idle_$u : error_$u; }
END
done
cat > o/main.c <<'END'
struct end { int flags; struct end *peer; };
const struct end *pick_first(int), *pick_second(int);
extern int printf(const char *, ...);
volatile int one = 1;
void run(void)
{
    for (int i = 0; i < 2; i++)
        printf("%d %d ", pick_first(i * one)->peer->flags, pick_second(i * one)->peer->flags);
}
END
cp o/*.c p/
sed -i 's/x & 1 ?/x \& 1 \&\& x < 5 ?/' p/second.c
accepts 'what_partitions_share_belongs_to_its_file' 'pick_second' '5 6 5 6 5 6 5 6 '

# Functions of a header in two files, equal in all but what they call, and that is equal too: their callers tell.
cflags='-O2 -fcf-protection=full -flto -ffat-lto-objects -flto-partition=one -fno-ipa-icf'
new_case
echo 'extern int puts(const char *), printf(const char *, ...);
static __attribute__((noinline)) int merge(int x) { if (x > 99) puts("big"); return x * 3 + 1; }
static __attribute__((noinline)) int hash(int x) { if (x > 98) puts("large"); return merge(x + 1) * 5 + merge(x); }' | tee o/hash.h > p/hash.h
for u in first second; do
    printf '#include "hash.h"\n__attribute__((noipa)) int use_%s(int x) { return hash(x) + %d; }\n' $u ${#u} > o/$u.c
done
cat > o/main.c <<'END'
extern int printf(const char *, ...);
int use_first(int), use_second(int);
volatile int two = 2;
__attribute__((noipa)) int count(int x) { return x * 2; }
void run(void) { printf("%d %d %d ", use_first(two), use_second(two), count(two)); }
END
cp o/*.c p/
sed -i 's/x \* 2/x * 20/' p/main.c
accepts 'equal_functions_that_call_equal_functions_are_told_by_their_callers' 'count' '62 63 4 62 63 40 '

# where those change too it does not matter which is which
cflags='-O2 -fcf-protection=full -flto -ffat-lto-objects -flto-partition=max -fno-ipa-icf'
rm -f o/*.o p/*.o
cp o/*.c p/
sed -i 's/hash(x)/hash(x) * 10 + (x > 7)/' p/first.c p/second.c
accepts 'equal_functions_whose_callers_all_change_stay' 'use_first use_second' '62 63 4 575 576 4 '

# A fix that makes a function longer moves the border between partitions: query5 lies in that of its caller only before.
cflags='-O2 -fcf-protection=full -flto -ffat-lto-objects'
ldflags='-flto-partition=balanced --param lto-partitions=2 --param lto-min-partition=10'
new_case
{
    echo 'extern int printf(const char *, ...); volatile int one = 1;'
    for i in 1 2 3 4 5 6 7 8; do
        echo "__attribute__((noipa)) int step$i(int x) { if (x > 90) printf(\"step $i %d\", x); return x + $i; }"
        echo "static __attribute__((noipa)) int make$i(int x) { if (x > 80) printf(\"make $i %d\", x); return x * $i; }"
        echo "static int (*const table${i}[2])(int) = {make$i, step$i};"
        echo "__attribute__((noipa)) int query$i(int x) { return table${i}[x & 1](x) + table${i}[!(x & 1)](x); }"
    done
    echo 'void run(void) { printf("%d ", query1(one) + query2(one) + query3(one) + query4(one) + query5(one) + query6(one) + query7(one) + query8(one)); }'
} > o/main.c
more=$(for i in 1 2 3 4 5 6 7 8 9; do printf 'if (x > 9%d) printf("more %d %%d", x + i); ' $i $i; done)
sed "s/return x + 8; }/for (int i = 0; i < x; i++) { $more } return x + 8; }/" o/main.c > p/main.c
accepts 'a_function_that_comes_to_another_partition_is_the_same' 'step8' '80 80 '

# A static function goes, and one of the same name comes in another file: it is another one, also for who goes on calling
# the old one. With a pointer that the program may keep it may be a function that was moved.
for partition in one max; do
    cflags="-O2 -fcf-protection=full -flto -ffat-lto-objects -flto-partition=$partition" ldflags=
    new_case
    cat > o/first.c <<'END'
extern int puts(const char *);
static __attribute__((noipa)) int check(int x) { if (x > 99) puts("big"); return x + 1; }
__attribute__((noipa)) int first(int x) { return x < 50 ? check(x) : 0; }
END
    cat > o/second.c <<'END'
extern int puts(const char *);
__attribute__((noipa)) int second(int x) { if (x > 97) puts("much"); return x * 2; }
END
    cat > o/main.c <<'END'
extern int printf(const char *, ...);
int first(int), second(int);
volatile int five = 5;
void run(void) { printf("%d %d ", first(five), second(five)); }
END
    cp o/*.c p/
    sed -i '/check(int/d; s/check(x)/x * 7/' p/first.c
    sed -i 's/return x \* 2/return check(x) * 2/; 1a static __attribute__((noipa)) int check(int x) { if (x > 96) puts("more"); return -x; }' p/second.c
    accepts "a_static_function_is_no_other_of_the_name_with_partitions_$partition" 'first second' '6 10 35 -10 '
    rm -f o/*.o p/*.o
    echo 'int (*volatile kept)(int); __attribute__((noipa)) void keep(void) { kept = check; }' >> o/first.c
    echo 'int (*volatile kept)(int); __attribute__((noipa)) void keep(void) { kept = first; }' >> p/first.c
    sed -i 's/void run/void keep(void); void run/; s/printf(/keep(), printf(/2' o/main.c p/main.c
    refuses "a_pointer_to_a_function_of_another_file_is_refused_with_partitions_$partition" moved-function 'another source file than before'
done

# Functions of one name that all change are those of their files, also of files of one name: a pointer to each leads to
# the right one. Which of the files of one name is which is known while only one of them changes.
write_checks()
{
    new_case
    number=0
    for u in first"$1" second"$1" third"$1"; do
        number=$((number + 1))
        mkdir -p "o/$(dirname "$u")"
        cat > "o/$u.c" <<END
extern int printf(const char *, ...);
extern int (*kept[3])(int);
static __attribute__((noipa)) int check(int x) { if (x > 99) printf("big "); return x + $number; }
__attribute__((noipa)) void keep_$number(void) { kept[$number - 1] = check; }
END
    done
    cat > o/main.c <<'END'
extern int printf(const char *, ...);
int (*kept[3])(int);
void keep_1(void), keep_2(void), keep_3(void);
volatile int five = 5;
void run(void)
{
    if (!kept[0]) { keep_1(); keep_2(); keep_3(); }
    printf("%d %d %d ", kept[0](five), kept[1](five), kept[2](five));
}
END
    cp -r o/. p/
}
for partition in one max; do
    cflags="-O2 -fcf-protection=full -flto -ffat-lto-objects -flto-partition=$partition" ldflags=
    write_checks /util
    sed -i 's/return x + 2/return x * 20 + 2/' p/second/util.c
    accepts "the_function_of_its_file_changes_with_partitions_$partition" 'check' '6 7 8 6 102 8 '
    write_checks ''
    sed -i 's/return x + /return x * 10 + /' p/*.c
    accepts "functions_of_one_name_that_all_change_are_those_of_their_files_with_partitions_$partition" 'check check check' \
        '6 7 8 51 52 53 '
done

# A new function of the name takes the number that another one had: the names of neither say which function it is.
cflags="-O2 -fcf-protection=full -flto -ffat-lto-objects -flto-partition=max" ldflags=
write_checks ''
for side in o p; do
    sed -i 's/^void run/int third(int); &/; s/printf("/&%d /; s/kept\[0\](five)/third(five), &/' $side/main.c
    sed -i 's/check/tested/' $side/third.c
    echo '__attribute__((noipa)) int third(int x) { if (x > 98) printf("more "); return x; }' >> $side/third.c
done
sed -i 's/return x; }/return check(x) * 2; }/; 1a static __attribute__((noipa)) int check(int x) { if (x > 97) printf("most "); return x + 40; }' p/third.c
accepts 'a_function_that_takes_the_number_of_another_is_not_that' 'third' '5 6 7 8 90 6 7 8 '

# A copy of a function for one constant goes, and the function itself comes: it is equal to that of another file.
for partition in one max; do
    cflags="-O2 -fcf-protection=full -flto -ffat-lto-objects -fno-ipa-icf -flto-partition=$partition" ldflags=
    new_case
    echo 'extern int puts(const char *), printf(const char *, ...);
static __attribute__((noinline)) int mix(int x, int y) { if (x > 99) puts("big"); return x * 3 + y * (x & 1); }' | tee o/mix.h > p/mix.h
    for u in first second third; do
        printf '#include "mix.h"\n__attribute__((noipa)) int use_%s(int x) { return mix(x, x) + mix(x + 1, x); }\n' $u > p/$u.c
    done
    sed 's/mix(x, x) + mix(x + 1, x)/mix(x, 7) + mix(x + 1, 7)/' p/second.c > o/second.c
    cat > o/main.c <<'END'
extern int printf(const char *, ...);
int use_first(int), use_second(int), use_third(int);
volatile int two = 2;
void run(void) { printf("%d %d %d ", use_first(two), use_second(two), use_third(two)); }
END
    cp o/main.c p/
    cp p/first.c p/third.c o/
    accepts "a_new_function_is_not_the_equal_one_of_another_file_with_partitions_$partition" 'use_second' '17 22 17 17 17 17 '
done

# A version script makes the global function local that partitions share, and a partition has a static one of the name.
echo '{ global: main; local: *; };' > version.map
for partitions in 2 3 4; do
    cflags="-O2 -fcf-protection=full -flto -ffat-lto-objects"
    ldflags="-flto-partition=balanced --param lto-partitions=$partitions --param lto-min-partition=1 -rdynamic"
    ldflags="$ldflags -Wl,--version-script=$work/version.map"
    new_case
    cat > o/first.c <<'END'
extern int puts(const char *);
__attribute__((noipa)) int set(int x) { if (x > 99) puts("big"); return x + 1; }
__attribute__((noipa)) int use(int x) { if (x > 97) puts("much"); return set(x) * 3; }
END
    cat > o/second.c <<'END'
extern int puts(const char *);
static __attribute__((noipa)) int set(int x) { if (x > 98) puts("large"); return x + 2; }
__attribute__((noipa)) int use_own(int x) { if (x > 97) puts("more"); return set(x) * 2; }
END
    cat > o/main.c <<'END'
extern int printf(const char *, ...);
int set(int), use(int), use_own(int);
__attribute__((noipa)) int use_too(int x) { return set(x) * 4; }
void run(void) { printf("%d %d %d ", use(1), use_own(1), use_too(1)); }
END
    cp o/*.c p/
    sed -i 's/set(x) \* /&10 */' p/*.c
    accepts "a_static_function_is_not_the_global_one_that_was_made_local_with_${partitions}_partitions" \
        'use use_own use_too' '6 6 8 60 60 80 '
done

# Base::self and Derived::self are one function under both names in the original; the patched version has the latter alone
CC=g++ cflags='-O2 -fcf-protection=full -flto -ffat-lto-objects' ldflags=
new_case
cat > o/main.c << 'EOF'
#include <cstdio>
struct Base { virtual ~Base() = default; virtual int get(int x) const; virtual Base *self() { return this; } };
struct Derived : Base { int k = 3; int get(int x) const override; Derived *self() override { return this; } };
int Base::get(int x) const { return x; }
int Derived::get(int x) const { return x + k; }
static Base *kept;
__attribute__((noinline)) Base *make() { return new Derived; }
extern "C" void run(void) { if (!kept) kept = make(); printf("%d ", kept->self()->get(5)); }
EOF
sed 's/Derived \*self() override {/& k++;/' o/main.c > p/main.c
accepts 'a_method_that_was_folded_with_one_that_goes_is_known_by_its_own_name' '_Z4makev _ZN7Derived4selfEv run' '8 9 '

# An inline function has its copy in the first file that uses it, which is another one with the fix.
new_case
echo '#include <cstdio>
inline __attribute__((noipa)) int twice(int x) { if (x > 99) puts("big"); return x * 2; }
extern int (*volatile kept)(int);
int first(int); void second();' | tee o/twice.h > p/twice.h
echo '#include "twice.h"
__attribute__((noipa)) int first(int x) { if (x > 98) puts("large"); return x + 1; }' > o/first.c
echo '#include "twice.h"
int (*volatile kept)(int);
__attribute__((noipa)) void second() { kept = twice; }' > o/second.c
echo '#include "twice.h"
extern "C" void run(void) { if (!kept) second(); printf("%d %d ", first(5), kept(5)); }' > o/third.c
cp o/*.c p/
sed -i 's/return x \* 2/return x * 20/' p/twice.h
sed -i 's/return x + 1/return twice(x) + 1/' p/first.c
accepts 'an_inline_function_whose_copy_another_file_has_is_the_same' '_Z5firsti _Z5twicei' '6 10 101 100 '
tap_done

#!/bin/bash
# Programs at a fixed address: their code has 32-bit addresses, the patch's own among them.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2119
. "${top_srcdir:?}/tests/imports-subr.sh"
libs=-lm
original='#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int table[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const char *const names[] = {"zero", "one", "two", "three", "four"};
static volatile int count = 1;
__attribute__((noipa)) static int low(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
__attribute__((noipa)) const char *name(int i) { return i < 5 ? names[i] : "many"; }
__attribute__((noipa)) int f(int x)
{
    static const int primes[] = {2, 3, 5, 7, 11, 13};
    int copy[6];
    memcpy(copy, primes, sizeof(copy));
    qsort(copy, 6, sizeof(int), low);
    switch (x) {
    case 1: return copy[0] + table[x];
    case 2: return copy[1] * 3;
    case 3: return copy[2] + count;
    case 4: return table[copy[0]] + 8;
    case 5: return printf("%s ", name(x));
    case 6: return copy[5] - table[7];
    }
    return -1;
}
void run(void)
{
    for (int i = 0; i < 8; i++)
        printf("%d ", f(i));
    printf("%s", name(3));
}'
before='-1 4 9 6 11 many 5 5 -1 three'
after='-1 7 69 8 24 new many 9 -1 -1 three'
for flags in -O0 -O1 -O2 -O3 -Os '-O2 -fno-plt' '-O2 -fno-jump-tables' '-O2 -mcmodel=medium'; do
    cflags="$flags -fno-pie -fcf-protection=full" ldflags='-Wl,--build-id -no-pie'
    new_case
    echo "$original" > o/main.c
    sed 's/{2, 3, 5, 7, 11, 13}/{23, 3, 5, 7, 11, 13}/; s/copy\[0\] + table/copy[1] + table/; s/copy\[1\] \* 3/copy[5] * 3/; s/low);/high);/; s/return printf("%s ", name(x))/return printf("new %s ", name(x))/; s/return copy\[5\] - table\[7\]/return strspn("abc", "d") + (int)strtol("-1", NULL, 10)/
        s/^__attribute__((noipa)) const char \*name/__attribute__((noipa)) static int high(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }\n&/
        s/table\[copy\[0\]\] + 8/table[copy[0]] + 20/' o/main.c > p/main.c
    lives "program_at_a_fixed_address${flags// /_}" f "$before" "$after"
done

# far from its break, with a heap of gigabytes behind it
cflags='-O2 -fno-pie -fcf-protection=full'
bad=0
start ./o/out
inject apply
map=$(awk '/out.patch/ { sub("-.*", "", $1); print $1; exit }' "/proc/$target_pid/maps")
[ -n "$map" ] && [ $((0x$map)) -lt $((0x80000000)) ] || bad=1
echo "# mapped at 0x$map"
stop
tap_result $bad 'the_patch_is_mapped_below_two_gigabytes'
tap_done

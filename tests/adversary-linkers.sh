#!/bin/bash
# GNU ld, gold and lld: what the patched program does is what the rebuilt one does, or the patch is refused.
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2034,SC1091,SC2015
. "${top_srcdir:?}/tests/adversary-subr.sh"

short=
for linker in gold lld; do
    command -v ld.$linker > /dev/null || continue
    short="$short$CC;-O2 -fcf-protection=full;-fuse-ld=$linker;
$CC;-O2 -fcf-protection=full -ffunction-sections;-fuse-ld=$linker -Wl,--icf=all,--gc-sections;
$CC;-O2 -fPIC -fcf-protection=full -fvisibility=hidden;-fuse-ld=$linker -Wl,-Bsymbolic;library
"
    [ "${SYSCARE_ADVERSARY:-}" != full ] || short="$short$CC;-O2 -fno-pie -fcf-protection=full;-fuse-ld=$linker -no-pie;
$CC;-O2 -fPIC -fcf-protection=full;-fuse-ld=$linker;library
"
done
[ -n "$short" ] || tap_skip_all "needs gold or lld"
matrix=${short%?}

# several linkers
new_case
{ echo "$head"; cat <<'C'
#include <string.h>
static int calls; static const double tab[3] = {1.5, 2.5, 3.5}; __thread int tv = 4;
static const char *const names[] = { "zero", "one", "two", "three" };
static N int loc(int x) { PAD(x); printf("main %d ", x + calls); calls++; tv++; return x + tv; }
int other(int);
N int sw(int x) { switch (x) { case 0: return 4; case 1: printf("one "); return 9; case 2: return 17; case 3: printf("three "); return x; case 4: return 2; case 5: printf("five "); return 1; } return -1; }
N double dbl(int x) { PAD(x); return tab[x % 3] * 2.25; }
N int longer(const char *s) { return (int)strlen(s) + (strcmp(s, names[two]) == 0); }
RUN { printf("%d %d %.3f %d %s ", loc(one) + other(five), sw(five), dbl(five), longer("two"), names[two]); }
C
} > o/main.c
{ echo "$more"; cat <<'C'
static int calls = 50;
static N int loc(int x) { PAD(x); printf("other %d ", x + calls); calls++; return x * 2; }
int other(int x) { PAD(x); return loc(x) + 1; }
C
} > o/other.c
cp o/*.c p/
sed -i 's/x + tv/x + tv * 2/; s/return 17/return 18/; s/2.25/4.25/; s/"five "/"fünf "/' p/main.c
sed -i 's/"other %d "/"another %d "/; s/x \* 2/x * 3/' p/other.c
ends_under 'static functions and variables of one name' 'same'
# icf by linker
new_case
{ echo "$head"; cat <<'C'
N int low(int x) { PAD(x); return x & 15; }
static N int flags(int x) { PAD(x); return x & 15; }
static N int unch(int x) { PAD(x); return x & 15; }
volatile int big = 31;
RUN { printf("%d %d %d ", low(big), flags(big), unch(big)); }
C
} > o/main.c
sed '/^static N int flags/s/x & 15/x \& 31/' o/main.c > p/main.c
ends_under 'a function that the linker may have folded' 'same|refused .*'
cp o/main.c x.c; cp p/main.c o/; mv x.c p/main.c
ends_under 'functions that the linker may fold now' 'same|refused .*|failed'
tap_done

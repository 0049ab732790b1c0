// SPDX-License-Identifier: GPL-2.0-or-later
// A clone whose argument became the value behind the pointer.
// changes: first.isra
// also: user run
// levels: -O2 -O3
// not: gcc-11:-O2 gcc-11:-O3
// has: first\.isra
// prints: 9 11
#include "case.h"
struct pair { int a, b, c, d; };
static NOINLINE int first(struct pair *p, int x) { int a = p->a; if (x > 1000) puts("large"); return a + x * 0 + FIX(2, 4); }
struct pair pairs[2] = {{7, 1, 2, 3}, {8, 4, 5, 6}};
NOIPA int user(int i) { if (i > 1000) puts("large"); return first(&pairs[i], i) + FIX(0, 0); }
volatile int zero;
void run(void) { printf("%d ", user(zero)); }

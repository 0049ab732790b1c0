// SPDX-License-Identifier: GPL-2.0-or-later
// An implementation behind an indirect function changes, and a function that calls it; the resolver stays.
// changes: caller fast
// prints: 7 207
#include "case.h"
NOIPA static int fast(int x) { if (x > 1000) puts("large"); return x + FIX(3, 103); }
static void *pick(void) { return fast; }
int work(int) __attribute__((ifunc("pick")));
NOIPA int caller(int x) { int r = work(x) + FIX(1, 101); if (r > 1000) puts("large"); return r; }
volatile int three = 3;
void run(void) { printf("%d ", caller(three)); }

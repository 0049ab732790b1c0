// SPDX-License-Identifier: GPL-2.0-or-later
// A function that is declared cold lies in another section; that alone is no reason to refuse.
// changes: f
// also: run
// prints: 4 6
#include "case.h"
FIX(NOIPA, NOIPA __attribute__((cold))) int f(int x) { if (x > 1000) puts("large"); return x + FIX(1, 3); }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// A clone for a constant argument changes; the function that calls it need not.
// changes: scale.constprop
// levels: -O2 -O3
// also: run
// has: scale\.constprop
// prints: 28 35 30 37
#include "case.h"
static NOINLINE int scale(int x, int by) { if (x > 1000) puts("large"); return x * by + FIX(0, 2); }
volatile int four = 4;
void run(void) { printf("%d ", scale(four, 7)); printf("%d ", scale(four + 1, 7)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// A function gets one more argument: it and all its callers switch together.
// changes: helper left right
// also: helper.constprop helper.isra
// prints: 4 6 14 26
#include "case.h"
static NOINLINE int helper(int x FIX(, , int y)) { if (x > 1000) puts("large"); return x + 1 FIX(, + y); }
NOIPA int left(int x) { if (x > 1000) puts("large"); return helper(x FIX(, , 10)) + x * 0; }
NOIPA int right(int x) { if (x > 1000) puts("large"); return helper(x + 2 FIX(, , 20 * x / 3)); }
volatile int three = 3;
void run(void) { printf("%d ", left(three)); printf("%d ", right(three)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// Each of two functions has a static variable `n`; both functions change, both values are kept.
// changes: left right
// prints: 11 21 112 222
#include "case.h"
NOIPA int left(int x) { static int n = 10; n += x; return n + FIX(0, 100); }
NOIPA int right(int x) { static int n = 20; n += x; return n + FIX(0, 200); }
volatile int one = 1;
void run(void) { printf("%d ", left(one)); printf("%d ", right(one)); }

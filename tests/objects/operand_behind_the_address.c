// SPDX-License-Identifier: GPL-2.0-or-later
// Instructions with an immediate behind the address (addl $1,x(%rip)): addends -5 and -8 mean offset 0.
// changes: f
// prints: 6 9 7 1009
#include "case.h"
static int small = 5;
static int large[3] = {7, 8, 9};
NOIPA int f(int x) { if (x > 1000) puts("large"); small += 1; large[0] = 70000; large[2] += FIX(0, 1000); return small; }
volatile int one = 1;
void run(void) { printf("%d ", f(one)); printf("%d ", large[2]); }

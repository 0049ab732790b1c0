// SPDX-License-Identifier: GPL-2.0-or-later
// A function and a variable become local to their file; they are the same things still.
// changes: f
// also: helper run
// prints: 9 41 109 42
#include "case.h"
FIX(, static) int counter = 40;
FIX(, static) NOINLINE int helper(int x) { if (x > 1000) puts("large"); counter++; return x + 5; }
NOIPA int f(int x) { return helper(x) + FIX(1, 101); }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); printf("%d ", counter); }

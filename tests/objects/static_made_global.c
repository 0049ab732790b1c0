// SPDX-License-Identifier: GPL-2.0-or-later
// A function and a variable become visible to other files, and one of those uses them.
// changes: f g
// also: helper
// prints: 9 41 8 109 42 50
#include "case.h"
FIX(static, ) int counter = 40;
FIX(static, ) NOIPA int helper(int x) { if (x > 1000) puts("large"); counter++; return x + 5; }
NOIPA int f(int x) { return helper(x) + FIX(1, 101); }
int g(int);
volatile int three = 3;
void run(void) { printf("%d ", f(three)); printf("%d ", counter); printf("%d ", g(three + 5)); }
/* unit: other.c */
#include "case.h"
#ifdef FIXED
extern int counter, helper(int);
#endif
NOIPA int g(int x) { if (x > 1000) puts("large"); return x + FIX(0, counter); }

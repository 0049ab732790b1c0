// SPDX-License-Identifier: GPL-2.0-or-later
// A new variable and a new function that nothing uses.
// nothing:
#include "case.h"
#ifdef FIXED
int fresh_variable = 4;
NOIPA int fresh(int x) { return x + fresh_variable; }
#endif
NOIPA int f(int x) { if (x > 1000) puts("large"); return x + 1; }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

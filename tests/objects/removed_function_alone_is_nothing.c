// SPDX-License-Identifier: GPL-2.0-or-later
// A function that nobody calls any more, and a variable, are gone: there is nothing to do about that.
// nothing:
#include "case.h"
#ifndef FIXED
int gone_variable = 4;
NOIPA int gone(int x) { return x + gone_variable; }
#endif
NOIPA int f(int x) { if (x > 1000) puts("large"); return x + 1; }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

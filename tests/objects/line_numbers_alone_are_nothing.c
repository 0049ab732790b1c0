// SPDX-License-Identifier: GPL-2.0-or-later
// Other line numbers in the debugging information, and in nothing else.
// nothing:
#include "case.h"
#ifdef FIXED
#line 500
#endif
NOIPA int f(int x) { static int n; if (x > 1000) puts("large"); return x + n++; }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

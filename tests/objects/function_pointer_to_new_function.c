// SPDX-License-Identifier: GPL-2.0-or-later
// The address of a new function is stored in an existing variable: it is the one in the patch.
// changes: set
// prints: 4 103
#include "case.h"
NOIPA static int old(int x) { if (x > 1000) puts("large"); return x + 1; }
static int (*handler)(int) = old;
#ifdef FIXED
NOIPA static int fresh(int x) { if (x > 1000) puts("large"); return x + 100; }
#endif
NOIPA void set(int x) { if (x > 1000) puts("large"); handler = FIX(old, fresh); }
volatile int three = 3;
void run(void) { set(three); printf("%d ", handler(three)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// What runs before main has run.
// refused: constructor
#include "case.h"
static int ready;
#ifdef FIXED
__attribute__((constructor)) static void prepare(void) { ready = 1; }
#endif
NOIPA int f(int x) { if (x > 1000) puts("large"); return x + ready + FIX(0, 2); }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); ready |= three > 5; }

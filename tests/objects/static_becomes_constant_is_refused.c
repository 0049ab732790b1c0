// SPDX-License-Identifier: GPL-2.0-or-later
// Nothing writes a static variable any more, so the compiler takes its first value: what it holds would be lost.
// refused: ambiguous-static
// levels: -O1 -O2 -O3 -Os
#include "case.h"
static int rounds = 19;
NOIPA int f(int x) { rounds += FIX(1, 0); return x + rounds; }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

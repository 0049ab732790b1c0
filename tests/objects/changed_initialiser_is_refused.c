// SPDX-License-Identifier: GPL-2.0-or-later
// A writable variable of a running process keeps the value that it has.
// refused: changed-initialiser
#include "case.h"
static int level = FIX(3, 4);
NOIPA int f(int x) { if (x > 1000) puts("large"); return x + level++ + FIX(0, 1); }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// No function changes at all, and still it is not "nothing to patch".
// refused: changed-initialiser
#include "case.h"
int level = FIX(3, 4);
NOIPA int f(int x) { if (x > 1000) puts("large"); return x + level++; }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

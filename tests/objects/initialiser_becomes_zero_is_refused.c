// SPDX-License-Identifier: GPL-2.0-or-later
// The variable goes from initialised data to zeroed data: its start value is another one.
// refused: changed-initialiser
#include "case.h"
static int level FIX(= 3, );
NOIPA int f(int x) { if (x > 1000) puts("large"); return x + level++; }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// A variable of a file keeps its name and size, but holds a float instead of an integer.
// refused: type-layout
#include "case.h"
static FIX(int, float) level;
NOIPA int f(int x) { level += x; return (int)level + 7; }
volatile int one = 1;
void run(void) { printf("%d ", f(one)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// Live data points to a constant object that changes: who follows the pointer sees the old one.
// refused: const-object-shared
#include "case.h"
static const int limits[4] = {1, 2, FIX(3, 4), 5};
static const int *current = limits;
NOIPA int f(int x) { return current[x & 3]; }
NOIPA int g(int x) { return limits[x & 3]; }
volatile int two = 2;
void run(void) { printf("%d %d ", f(two), g(two)); current += two > 5; }

// SPDX-License-Identifier: GPL-2.0-or-later
// A zeroed array becomes larger.
// refused: changed-object-size
#include "case.h"
static char buffer[FIX(16, 32)];
NOIPA int f(int x) { buffer[x & 15]++; return buffer[x & 15] + FIX(0, 7); }
volatile int one = 1;
void run(void) { printf("%d ", f(one)); }

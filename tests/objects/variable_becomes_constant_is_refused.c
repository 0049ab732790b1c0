// SPDX-License-Identifier: GPL-2.0-or-later
// What was writable lies among the constants now: the live object is in the wrong place.
// refused: changed-object-kind
#include "case.h"
FIX(, const) int level[4] = {1, 2, 3, 4};
NOIPA int f(int x) { return level[x & 3] + FIX(0, 7); }
volatile int one = 1;
void run(void) { printf("%d ", f(one)); }

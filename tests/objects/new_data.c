// SPDX-License-Identifier: GPL-2.0-or-later
// New variables, initialised and not, local to the file and not, constant and not.
// changes: f run
// prints: 4 115 119
#include "case.h"
#ifdef FIXED
static int zeroed[4];
static int filled[4] = {1, 2, 3, 4};
int visible = 5;
static const int constant[4] = {100, 100, 100, 100};
static int *const pointer = &filled[1];
NOIPA int f(int x) { zeroed[x & 3]++; filled[x & 3] += 4; visible++; return x + visible + constant[x & 3] + *pointer - zeroed[3] + filled[3] - 3; }
#else
NOIPA int f(int x) { if (x > 1000) puts("large"); return x + 1; }
#endif
volatile int three = 3;
void run(void) { printf("%d ", f(three)); if (FIX(0, 1) * three) printf("%d ", f(three)); }

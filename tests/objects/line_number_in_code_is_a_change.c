// SPDX-License-Identifier: GPL-2.0-or-later
// Where a program prints the number of a line, another number is another program.
// changes: f
// prints: 100 3 200 3
#include "case.h"
#line FIX(100, 200)
NOIPA int f(int x) { printf("%d ", __LINE__); return x; }
#line 20
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

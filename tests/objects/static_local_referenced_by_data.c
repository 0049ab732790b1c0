// SPDX-License-Identifier: GPL-2.0-or-later
// Live data points to a static variable, and the function reaches it both ways.
// changes: f
// prints: 4 10
#include "case.h"
NOIPA int f(int x)
{
    static int n = 3;
    static int *volatile where = &n;
    *where += x;
    return n + FIX(0, 5);
}
volatile int one = 1;
void run(void) { printf("%d ", f(one)); }

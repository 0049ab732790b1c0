// SPDX-License-Identifier: GPL-2.0-or-later
// A static variable that holds its own address goes on doing so.
// changes: f
// prints: 1 21
#include "case.h"
NOIPA int f(int x)
{
    static void *volatile self = (void *)&self;
    return (self == (void *)&self ? x : -x) + FIX(0, 20);
}
volatile int one = 1;
void run(void) { printf("%d ", f(one)); }

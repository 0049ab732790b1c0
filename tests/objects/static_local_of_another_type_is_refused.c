// SPDX-License-Identifier: GPL-2.0-or-later
// The same name and size, but what the bytes mean is another thing.
// refused: type-layout
#include "case.h"
NOIPA int f(int x)
{
    static FIX(int, float) n;
    n += x;
    return (int)n + 7;
}
volatile int one = 1;
void run(void) { printf("%d ", f(one)); }

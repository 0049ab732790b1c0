// SPDX-License-Identifier: GPL-2.0-or-later
// Two variables of one name but another size are never the same one.
// refused: ambiguous-static
#include "case.h"
NOIPA int f(int x)
{
    static FIX(int, long) n = 3;
    n += x;
    return (int)n;
}
volatile int one = 1;
void run(void) { printf("%d ", f(one)); }

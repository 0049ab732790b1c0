// SPDX-License-Identifier: GPL-2.0-or-later
// The compiler splits the function (.part) in the patched version; its variable goes with the part.
// changes:
// also: one two count count.part
// levels: -O1 -O2 -O3
// prints: 0 8 0 13 0 18 0 25
#include "case.h"
static int count(int x)
{
    static int n = 5;
    if (x == 0)
        return 0;
    n += x;
    for (int i = 0; i < x; i++)
        if (n > 1000 + i)
            printf("many %d", n);
    n += FIX(0, 1) - FIX(0, 1) + FIX(0, 2);
    return n;
}
NOIPA int one(int x) { return x < 0 ? -1 : count(x); }
NOIPA int two(int x) { return x < 0 ? -2 : count(x); }
volatile int three = 3;
void run(void) { printf("%d %d ", one(three - 3), one(three)); printf("%d ", two(three - 3)); printf("%d ", two(three + 2)); }

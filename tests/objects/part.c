// SPDX-License-Identifier: GPL-2.0-or-later
// The compiler split a function (.part) in both versions, and the part changes.
// changes: many
// also: check check.part one
// levels: -O2 -O3
// prints: 0 14 0 15
#include "case.h"
static int check(int x)
{
    if (x == 0)
        return 0;
    for (int i = 0; i < x; i++)
        if (x > 100 + i)
            printf("large %d %d", i, x);
    return x + FIX(11, 12);
}
NOIPA int one(int x) { return check(x - 3) + check(x * 0); }
NOIPA int many(int x) { int s = 0; for (int i = 0; i < x; i++) s += check(i == 2 ? 3 : 0); return s; }
volatile int three = 3;
void run(void) { printf("%d %d ", one(three), many(three)); }

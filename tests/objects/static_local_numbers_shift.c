// SPDX-License-Identifier: GPL-2.0-or-later
// A new variable of the same name comes first, so that the compiler gives its number to it.
// changes: first run
// prints: 2 41 1003 42
#include "case.h"
NOIPA int first(int x)
{
#ifdef FIXED
    static int calls = 1000;
    calls += x;
    return calls;
#else
    if (x > 1000) puts("large");
    return x + 1;
#endif
}
NOIPA int second(int x) { static int calls = 40; calls += x; return calls; }
volatile int one = 1;
void run(void) { printf("%d ", first(FIX(1, 3) * one)); printf("%d ", second(one)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// The patched function does without its variable; the other user of another variable stays.
// changes: f
// prints: 4 9 7 9
#include "case.h"
NOIPA int f(int x)
{
#ifdef FIXED
    return x + 6;
#else
    static int n = 3;
    n += x;
    return n;
#endif
}
NOIPA int g(int x) { static int n = 8; return n + x; }
volatile int one = 1;
void run(void) { printf("%d ", f(one)); printf("%d ", g(one)); }

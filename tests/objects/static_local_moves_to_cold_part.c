// SPDX-License-Identifier: GPL-2.0-or-later
// The variable is used by the hot part of the original, and by the cold part of the patched function alone.
// changes: f
// has: f\.cold
// prints: 51 4 52 104
#include "case.h"
extern int rare(int) __attribute__((cold));
NOIPA int rare(int x) { return x; }
NOIPA int f(int x)
{
    static int seen = 50;
#ifdef FIXED
    if (UNLIKELY(x > 10)) { seen++; return rare(seen); }
    return x + 101;
#else
    seen += x > 10;
    if (UNLIKELY(x > 10)) return rare(seen);
    return x + 1;
#endif
}
volatile int three = 3;
void run(void) { printf("%d ", f(three * 10)); printf("%d ", f(three)); }

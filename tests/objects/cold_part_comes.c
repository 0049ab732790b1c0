// SPDX-License-Identifier: GPL-2.0-or-later
// The patched function has a cold part that the original lacks.
// changes: f
// has: f\.cold
// prints: 4 31 4 rare 0
#include "case.h"
static void note(const char *) __attribute__((cold, noinline, used));
static void note(const char *text) { printf("%s ", text); }
NOIPA int f(int x)
{
#ifdef FIXED
    if (UNLIKELY(x > 10)) { note("rare"); return 0; }
#endif
    if (x < -1000) puts("large");
    return x + 1;
}
volatile int three = 3;
void run(void) { printf("%d ", f(three)); printf("%d ", f(three * 10)); }

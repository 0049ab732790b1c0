// SPDX-License-Identifier: GPL-2.0-or-later
// The original has a cold part that the patched function lacks.
// changes: f
// has: f\.cold
// prints: 4 rare 0 4 31
#include "case.h"
static void note(const char *) __attribute__((cold, noinline, used));
static void note(const char *text) { printf("%s ", text); }
NOIPA int f(int x)
{
#ifndef FIXED
    if (UNLIKELY(x > 10)) { note("rare"); return 0; }
#endif
    return x + 1;
}
volatile int three = 3;
void run(void) { printf("%d ", f(three)); printf("%d ", f(three * 10)); }

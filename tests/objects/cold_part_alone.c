// SPDX-License-Identifier: GPL-2.0-or-later
// Only a number in the cold part changes.
// changes: f
// has: f\.cold
// prints: 4 rare 0 4 rare 77
#include "case.h"
static void note(const char *) __attribute__((cold, noinline));
static void note(const char *text) { printf("%s ", text); }
NOIPA int f(int x)
{
    if (UNLIKELY(x > 10)) { note("rare"); return FIX(0, 77); }
    return x + 1;
}
volatile int three = 3;
void run(void) { printf("%d ", f(three)); printf("%d ", f(three * 10)); }

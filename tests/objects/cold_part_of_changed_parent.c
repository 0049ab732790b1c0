// SPDX-License-Identifier: GPL-2.0-or-later
// Only the hot part changes; the cold one goes with it.
// changes: f
// has: f\.cold
// prints: 4 rare 0 6 rare 0
#include "case.h"
static void note(const char *) __attribute__((cold, noinline));
static void note(const char *text) { printf("%s ", text); }
NOIPA int f(int x)
{
    if (UNLIKELY(x > 10)) { note("rare"); return 0; }
    return x + FIX(1, 3);
}
volatile int three = 3;
void run(void) { printf("%d ", f(three)); printf("%d ", f(three * 10)); }

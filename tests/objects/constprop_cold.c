// SPDX-License-Identifier: GPL-2.0-or-later
// The cold part of a clone changes alone: its function is in the patch with it.
// changes: note.constprop
// levels: -O2 -O3
// also: run note scale
// has: scale\.constprop.*\.cold
// prints: 28 rare -1 28 rarer -1
#include "case.h"
static void note(const char *) __attribute__((cold, noinline));
static void note(const char *text) { printf("%s ", text); }
static NOINLINE int scale(int x, int by)
{
    if (UNLIKELY(x > 100)) { note(FIX("rare", "rarer")); return -1; }
    return x * by;
}
volatile int four = 4;
void run(void) { printf("%d ", scale(four, 7)); printf("%d ", scale(four * 100, 7)); }

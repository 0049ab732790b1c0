// SPDX-License-Identifier: GPL-2.0-or-later
// Two clones of one function; a third one takes a number from among them. Bodies decide, not numbers.
// changes: third
// also: scale scale.constprop scale.isra
// prints: 12 20 5 12 20 40
// not: gcc-11:-O3 gcc-12:-O3
#include "case.h"
static NOINLINE int scale(int x, int by) { if (x > 1000) puts("large"); for (int i = 0; i < by; i++) x += i & 1; return x * by; }
NOIPA int first(int x) { return scale(x, 3); }
#ifdef FIXED
NOIPA int third(int x) { return scale(x, 5) + 10; }
#else
NOIPA int third(int x) { if (x > 1000) puts("large"); return x + 1; }
#endif
NOIPA int second(int x) { return scale(x, 4) - 4; }
volatile int four = 4;
void run(void) { printf("%d ", first(four - 1)); printf("%d ", second(four)); printf("%d ", third(four)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// A file's static variable has another name: the old one is left alone, the new one has its own value.
// changes: f
// prints: 41 42 11 12
#include "case.h"
static int FIX(count, counter) = FIX(40, 10);
NOIPA int f(int x) { return FIX(count, counter) += x; }
volatile int one = 1;
void run(void) { printf("%d ", f(one)); printf("%d ", f(one)); }

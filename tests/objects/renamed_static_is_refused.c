// SPDX-License-Identifier: GPL-2.0-or-later
// A file's static variable has another name: if it is the same one, its value would start anew.
// refused: ambiguous-static
#include "case.h"
static int FIX(count, counter) = FIX(40, 10);
NOIPA int f(int x) { return FIX(count, counter) += x; }
volatile int one = 1;
void run(void) { printf("%d ", f(one)); printf("%d ", f(one)); }

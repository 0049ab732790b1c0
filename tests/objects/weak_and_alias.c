// SPDX-License-Identifier: GPL-2.0-or-later
// A weak function with an alias: both names lead to the new code.
// changes: real
// also: weak_one other_name
// prints: 4 4 4 104 104 104
#include "case.h"
NOIPA int real(int x) { if (x > 1000) puts("large"); return x + FIX(1, 101); }
int weak_one(int) __attribute__((weak, alias("real")));
int other_name(int) __attribute__((alias("real")));
volatile int three = 3;
void run(void) { printf("%d ", real(three)); printf("%d ", weak_one(three)); printf("%d ", other_name(three)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// Functions and variables in sections that their author named.
// changes: f
// prints: 12 112
#include "case.h"
__attribute__((section(".mine.data"))) int level = 8;
__attribute__((section(".mine.text"))) NOIPA int f(int x) { if (x > 1000) puts("large"); return x + level + FIX(1, 101); }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

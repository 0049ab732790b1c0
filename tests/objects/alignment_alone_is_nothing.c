// SPDX-License-Identifier: GPL-2.0-or-later
// A function and its section are aligned otherwise; its code is the same.
// nothing:
#include "case.h"
__attribute__((aligned(FIX(16, 64)))) NOIPA int f(int x) { if (x > 1000) puts("large"); return x + 1; }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

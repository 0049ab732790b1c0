// SPDX-License-Identifier: GPL-2.0-or-later
// Assembler inside a C function changes.
// changes: f
// prints: 5 9
#include "case.h"
NOIPA int f(int x) { if (x > 1000) puts("large"); __asm__ volatile(FIX("addl $2, %0", "addl $6, %0") : "+r"(x)); return x; }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

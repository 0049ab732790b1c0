// SPDX-License-Identifier: GPL-2.0-or-later
// A function is defined in another file: unchanged files refer to the old one.
// refused: moved-function
#include "case.h"
int f(int), g(int);
volatile int three = 3;
void run(void) { printf("%d %d ", f(three), g(three)); }
/* unit: one.c */
#include "case.h"
#ifndef FIXED
NOIPA int f(int x) { if (x > 1000) puts("large"); return x + 1; }
#endif
NOIPA int one(int x) { return x * 3; }
/* unit: two.c */
#include "case.h"
#ifdef FIXED
NOIPA int f(int x) { if (x > 1000) puts("large"); return x + 2; }
#endif
NOIPA int g(int x) { return x * 5; }

// SPDX-License-Identifier: GPL-2.0-or-later
// Two sources joined by ld -r, each with a static function and variable of the same names; one changes.
// joined: left.c right.c
// refused: ambiguous-symbol
#include "case.h"
int left(int), right(int);
volatile int three = 3;
void run(void) { printf("%d ", left(three)); printf("%d ", right(three)); }
/* unit: left.c */
#include "case.h"
static int calls = 9;
NOIPA static int step(int x) { if (x > 1000) puts("large"); calls++; return x + calls; }
NOIPA int left(int x) { return step(x); }
/* unit: right.c */
#include "case.h"
static int calls = 19;
NOIPA static int step(int x) { if (x > 1000) puts("large"); calls += FIX(1, 2); return x + calls + FIX(0, 1000); }
NOIPA int right(int x) { return step(x); }

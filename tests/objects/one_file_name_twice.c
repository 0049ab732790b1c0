// SPDX-License-Identifier: GPL-2.0-or-later
// Two files of one name in two directories, with static functions and variables of one name.
// changes: step
// prints: 13 23 14 1024
#include "case.h"
int left(int), right(int);
volatile int three = 3;
void run(void) { printf("%d ", left(three)); printf("%d ", right(three)); }
/* unit: left.c */
#line 1 "step.c"
#include "case.h"
static int calls = 9;
NOIPA static int step(int x) { if (x > 1000) puts("large"); calls++; return x + calls; }
NOIPA int left(int x) { return step(x); }
/* unit: right.c */
#line 1 "step.c"
#include "case.h"
static int calls = 19;
NOIPA static int step(int x) { if (x > 1000) puts("large"); calls++; return x + calls + FIX(0, 1000); }
NOIPA int right(int x) { return step(x); }

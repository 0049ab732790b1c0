// SPDX-License-Identifier: GPL-2.0-or-later
// Two sources joined by ld -r are one object of the link; a function of one of them changes.
// joined: left.c right.c
// changes: stride
// prints: 13 23 14 1025
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
static int rounds = 19;
NOIPA static int stride(int x) { if (x > 1000) puts("large"); rounds += FIX(1, 2); return x + rounds + FIX(0, 1000); }
NOIPA int right(int x) { return stride(x); }

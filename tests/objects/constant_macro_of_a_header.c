// SPDX-License-Identifier: GPL-2.0-or-later
// A constant in a header changes: all functions of all units that use it, and no other.
// changes: left right
// prints: 13 53 23 103
#include "case.h"
#define LIMIT FIX(10, 20)
int right(int);
NOIPA int left(int x) { if (x > 1000) puts("large"); return x + LIMIT; }
NOIPA int same(int x) { if (x > 1000) puts("large"); return x * 7; }
volatile int three = 3;
void run(void) { printf("%d ", left(three)); printf("%d ", right(three)); }
/* unit: right.c */
#include "case.h"
#define LIMIT FIX(10, 20)
NOIPA int right(int x) { if (x > 1000) puts("large"); return x + 5 * LIMIT; }
NOIPA int also_same(int x) { if (x > 1000) puts("large"); return x * 9; }

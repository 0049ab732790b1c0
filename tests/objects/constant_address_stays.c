// SPDX-License-Identifier: GPL-2.0-or-later
// A constant object that does not change keeps its address: code compares it.
// changes: pick
// prints: 1 1
#include "case.h"
static const int marker[2] = {1, 2};
static const int other[2] = {1, 2};
NOIPA const int *pick(int x) { if (x > FIX(1000, 2000)) puts("large"); return x ? marker : other; }
NOIPA int same(const int *p) { return p == marker ? 1 : p == other ? 2 : 3; }
volatile int one = 1;
void run(void) { printf("%d ", same(pick(one))); }

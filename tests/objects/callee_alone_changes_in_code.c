// SPDX-License-Identifier: GPL-2.0-or-later
// The bytes of the function are the same; the relocation of its call names another function.
// changes: f
// prints: 14 15
#include "case.h"
NOIPA static int one(int x) { return x + 11; }
NOIPA static int two(int x) { return x + 12; }
NOIPA int f(int x) { int r = FIX(one, two)(x); if (r > 1000) puts("large"); return r; }
NOIPA int g(int x) { return one(x) + two(x); }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); if (three > 5) g(three); }

// SPDX-License-Identifier: GPL-2.0-or-later
// -fpatchable-function-entry with nops before and after the entry, and a table of them.
// cflags: -fpatchable-function-entry=4,2
// changes: f
// prints: 4 104
#include "case.h"
NOIPA int f(int x) { if (x > 1000) puts("large"); return x + FIX(1, 101); }
NOIPA int same(int x) { return f(x) + x; }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); if (three > 5) same(three); }

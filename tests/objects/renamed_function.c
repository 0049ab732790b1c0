// SPDX-License-Identifier: GPL-2.0-or-later
// A static function has another name: it is new, and its caller changes.
// changes: f
// also: helper renamed run
// prints: 8 9
#include "case.h"
NOIPA static int FIX(helper, renamed)(int x) { if (x > 1000) puts("large"); return x + FIX(4, 5); }
NOIPA int f(int x) { if (x > 1000) puts("large"); return FIX(helper, renamed)(x) + 1; }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

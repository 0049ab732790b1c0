// SPDX-License-Identifier: GPL-2.0-or-later
// New code ends with a jump into a function that stays, and one that stays ends with one into new code.
// changes: f
// prints: 9 5 19 15
#include "case.h"
NOIPA int stays(int x) { if (x > 1000) puts("large"); return x + 2; }
NOIPA int f(int x) { if (x > 1000) puts("large"); return stays(x + FIX(0, 10)); }
NOIPA int outer(int x) { if (x > 1000) puts("large"); return f(x + 4); }
volatile int three = 3;
void run(void) { printf("%d ", outer(three)); printf("%d ", f(three)); }

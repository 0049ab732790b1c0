// SPDX-License-Identifier: GPL-2.0-or-later
// In a library: a function and a variable that others may define, one that is hidden, one that is static.
// as: library
// cflags: -fPIC
// changes: f
// prints: 12 6 112 7
#include "case.h"
int visible = 4;
__attribute__((visibility("hidden"))) int hidden = 3;
static int local = 5;
NOIPA int exported(int x) { if (x > 1000) puts("large"); return x * 0; }
__attribute__((visibility("hidden"))) NOIPA int inner(int x) { if (x > 1000) puts("large"); return x * 0; }
NOIPA int f(int x) { visible++; local++; if (x > 1000) puts("large"); return exported(x) + inner(x) + hidden + 8 + x - 2 + FIX(0, 100); }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); printf("%d ", local); }

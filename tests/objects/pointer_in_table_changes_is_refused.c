// SPDX-License-Identifier: GPL-2.0-or-later
// The bytes of the table are zero in both objects; the relocation names another function.
// refused: changed-initialiser
#include "case.h"
NOIPA static int one(int x) { return x + 1; }
NOIPA static int two(int x) { return x + 2; }
static int (*handler)(int) = FIX(one, two);
NOIPA int f(int x) { return handler(x); }
NOIPA void set(int x) { handler = x ? one : two; }
volatile int three = 3;
void run(void) { if (three > 5) set(three); printf("%d %d ", f(three), two(three)); }

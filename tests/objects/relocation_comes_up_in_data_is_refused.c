// SPDX-License-Identifier: GPL-2.0-or-later
// A pointer was zero and is an address: no byte of the object differs.
// refused: changed-initialiser
#include "case.h"
static int value = 7;
static int *where[2] = {FIX(0, &value), 0};
NOIPA int f(int x) { return where[0] ? x + *where[0] : x; }
NOIPA void set(int x) { where[1] = x ? &value : 0; value++; }
volatile int three = 3;
void run(void) { if (three > 5) set(three); printf("%d ", f(three)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// A static variable of an inline function is shared by its callers; one caller changes.
// changes: left
// prints: 1 2 103 4
#include "case.h"
static INLINE int next(int x) { static int n; n += x; return n; }
NOIPA int left(int x) { return next(x) + FIX(0, 100); }
NOIPA int right(int x) { return next(x); }
volatile int one = 1;
void run(void) { printf("%d ", left(one)); printf("%d ", right(one)); }

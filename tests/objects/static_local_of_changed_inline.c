// SPDX-License-Identifier: GPL-2.0-or-later
// The inline function itself changes: all functions that it is inlined into are in the patch.
// changes: left right
// prints: 1 2 4 6
#include "case.h"
static INLINE int next(int x) { static int n; n += FIX(x, 2 * x); return n; }
NOIPA int left(int x) { return next(x); }
NOIPA int right(int x) { return next(x); }
volatile int one = 1;
void run(void) { printf("%d ", left(one)); printf("%d ", right(one)); }

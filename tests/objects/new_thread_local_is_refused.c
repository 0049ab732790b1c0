// SPDX-License-Identifier: GPL-2.0-or-later
// Threads have the block of thread-local data that they have.
// refused: thread-local-data
#include "case.h"
static __thread int old = 3;
#ifdef FIXED
static __thread int fresh = 3;
#endif
NOIPA int f(int x) { old += x; if (x > 1000) puts("large"); return old + FIX(0, fresh++); }
volatile int one = 1;
void run(void) { printf("%d ", f(one)); }

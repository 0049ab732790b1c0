// SPDX-License-Identifier: GPL-2.0-or-later
// In a library: thread-local variables that exist keep the values that the thread has.
// as: library
// cflags: -fPIC
// changes: f
// prints: 41 142
#include "case.h"
__thread int visible = 40;
static __thread int local = 7;
NOIPA int f(int x) { visible += x; local++; if (x > 1000) puts("large"); return visible + FIX(0, 100); }
NOIPA int g(int x) { return visible + local + x; }
volatile int one = 1;
void run(void) { printf("%d ", f(one)); if (one > 5) g(one); }

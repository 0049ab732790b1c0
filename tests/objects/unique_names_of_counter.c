// SPDX-License-Identifier: GPL-2.0-or-later
// Names made with __COUNTER__ shift when something is added before them; the variable is another one then.
// refused: changed-initialiser
#include "case.h"
#define GLUE(a, b) a##b
#define NAME(a, b) GLUE(a, b)
#define REGISTER(v) static int NAME(unique_, __COUNTER__) __attribute__((used)) = v;
#ifdef FIXED
REGISTER(1)
#endif
REGISTER(2)
NOIPA int f(int x) { return unique_0 + x + FIX(0, 100); }
volatile int one = 1;
void run(void) { printf("%d ", f(one)); }

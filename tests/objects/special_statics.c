// SPDX-License-Identifier: GPL-2.0-or-later
// __func__, tables that the compiler makes of switches, compound literals: content, not state.
// changes: f
// prints: f g 30 3 7 f g 30 4 7
#include "case.h"
NOIPA static int table(int x) { switch (x) { case 0: return 10; case 1: return 30; case 2: return 17; case 3: return 5; case 4: return 99; } return 0; }
NOIPA static int sum(const int *v) { int s = 0; for (int i = 0; i < 2; i++) s += v[i]; return s; }
NOIPA int f(int x) { printf("%s ", __func__); return sum((const int[]){x, FIX(2, 3)}); }
NOIPA int g(int x) { printf("%s ", __PRETTY_FUNCTION__); return table(x); }
NOIPA int h(int x) { static const int fixed[2] = {3, 4}; return sum(fixed) + x * 0; }
volatile int one = 1;
void run(void) { int r = f(one); printf("%d ", g(one)); printf("%d ", r); printf("%d ", h(one)); }

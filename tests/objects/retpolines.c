// SPDX-License-Identifier: GPL-2.0-or-later
// Indirect calls go through thunks (COMDAT __x86_indirect_thunk_*), which come with the patch.
// cflags: -mindirect-branch=thunk -fcf-protection=none -fno-jump-tables
// changes: f
// prints: 8 18
#include "case.h"
NOIPA static int one(int x) { if (x > 1000) puts("large"); return x + 4; }
int (*volatile handler)(int) = one;
NOIPA int f(int x) { int r = handler(x) + FIX(1, 11); if (r > 1000) puts("large"); return r; }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

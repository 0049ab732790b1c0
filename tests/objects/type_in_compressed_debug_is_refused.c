// SPDX-License-Identifier: GPL-2.0-or-later
// A changed layout is found in compressed debugging information, too.
// cflags: -gz -g3
// refused: type-layout
#include "case.h"
struct pair { FIX(int a; int b;, int b; int a;) };
NOIPA int f(struct pair *p) { if (p->a > 1000) puts("large"); return p->a; }
struct pair pairs[2];
void run(void) { printf("%d ", f(&pairs[1])); }

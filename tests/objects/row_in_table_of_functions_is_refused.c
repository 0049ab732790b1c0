// SPDX-License-Identifier: GPL-2.0-or-later
// A writable table of handlers gets a row: the live one has no room.
// refused: changed-object-size
#include "case.h"
NOIPA static int one(int x) { if (x > 1000) puts("large"); return x + 1; }
NOIPA static int two(int x) { if (x > 1000) puts("large"); return x + 2; }
static int (*handlers[])(int) = {one FIX(, , two), 0};
NOIPA int f(int x) { if (x > 1000) puts("large"); int s = 0; for (int i = 0; handlers[i]; i++) s += handlers[i](x); return s; }
NOIPA void set(int x) { handlers[0] = x ? one : two; }
volatile int three = 3;
void run(void) { if (three > 5) set(three); printf("%d %d ", f(three), two(three)); }

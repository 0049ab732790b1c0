// SPDX-License-Identifier: GPL-2.0-or-later
// Debugging information is compressed, and macros are in COMDAT groups.
// cflags: -gz -g3
// changes: f
// prints: 4 104
#include "case.h"
struct pair { int a, b; };
static struct pair pairs[2] = {{1, 2}, {3, 4}};
NOIPA int f(int x) { if (x > 1000) puts("large"); return x + pairs[0].a + FIX(0, 100); }
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }

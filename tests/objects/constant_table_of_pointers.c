// SPDX-License-Identifier: GPL-2.0-or-later
// A constant table of pointers (.data.rel.ro) changes; only the changed function uses it.
// cflags: -fPIE
// changes: f
// also: run
// prints: bb dd
#include "case.h"
static const char *const names[4] = {"aa", FIX("bb", "dd"), "cc", "ee"};
NOIPA const char *f(int x) { return names[x & 3] + FIX(0, 0 * x); }
volatile int one = 1;
void run(void) { printf("%s ", f(one)); }

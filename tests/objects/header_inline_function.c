// SPDX-License-Identifier: GPL-2.0-or-later
// An inline function of a header changes: every function of every unit that has it inlined changes.
// changes: left right
// also: checked run
// prints: 14 26 114 126
#include "case.h"
static inline __attribute__((always_inline)) int checked(int x) { if (x > 1000) puts("large"); return x + FIX(1, 101); }
int right(int);
NOIPA int left(int x) { return checked(x + 10); }
volatile int three = 3;
void run(void) { printf("%d ", left(three)); printf("%d ", right(three)); }
/* unit: right.c */
#include "case.h"
static inline __attribute__((always_inline)) int checked(int x) { if (x > 1000) puts("large"); return x + FIX(1, 101); }
NOIPA int right(int x) { return checked(x + 22); }
NOIPA int same(int x) { return x * 3; }

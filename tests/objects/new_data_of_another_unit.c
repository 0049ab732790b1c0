// SPDX-License-Identifier: GPL-2.0-or-later
// A new variable that only another unit uses: both come with the patch.
// changes: f
// prints: 4 48
#include "case.h"
int f(int);
volatile int three = 3;
void run(void) { printf("%d ", f(three)); }
/* unit: user.c */
#include "case.h"
extern int level;
NOIPA int f(int x) { if (x > 1000) puts("large"); return x + FIX(1, level); }
/* unit: data.c */
#include "case.h"
#ifdef FIXED
int level = 45;
#endif
NOIPA int unrelated(int x) { return x * 3; }

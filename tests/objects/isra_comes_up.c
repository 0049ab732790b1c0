// SPDX-License-Identifier: GPL-2.0-or-later
// The original has no such clone: it is new, or the function itself, and callers go with it.
// changes: first
// also: user first.isra run
// prints: 10 8
#include "case.h"
struct pair { int a, b, c, d; };
static NOINLINE int first(struct pair *p)
{
    if (p->a > 1000) puts("large");
#ifndef FIXED
    p->d++;
#endif
    return p->a + FIX(p->b, 0);
}
struct pair pairs[2] = {{7, 2, 2, 3}, {8, 4, 5, 6}};
NOIPA int user(int i) { return first(&pairs[i]) + 1; }
volatile int zero;
void run(void) { printf("%d ", user(zero)); }

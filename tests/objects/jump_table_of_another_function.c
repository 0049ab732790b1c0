// SPDX-License-Identifier: GPL-2.0-or-later
// A row of one function's jump table changes; a function with a table of its own stays.
// changes: left
// has: \.L|left
// prints: c 4 z 4
#include "case.h"
NOIPA void left(int x)
{
    switch (x) {
    case 0: printf("a "); break;
    case 1: printf("b "); break;
    case 2: printf("y "); break;
    case 3: FIX(printf("c "), printf("z ")); break;
    case 4: printf("d "); break;
    case 5: printf("e "); break;
    case 6: printf("f "); break;
    }
}
NOIPA int right(int x)
{
    switch (x) {
    case 0: puts("a"); return 1;
    case 1: puts("b"); return 2;
    case 2: puts("c"); return 3;
    case 3: return 4;
    case 4: puts("d"); return 5;
    case 5: puts("e"); return 6;
    case 6: puts("f"); return 7;
    }
    return 0;
}
volatile int three = 3;
void run(void) { left(three); printf("%d ", right(three)); }

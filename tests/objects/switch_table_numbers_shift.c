// SPDX-License-Identifier: GPL-2.0-or-later
// A new table made of a switch takes the number of the old one, which still belongs to the same function.
// changes: first
// has: CSWTCH
// prints: 2 17 5 17
#include "case.h"
NOIPA int first(int x)
{
#ifdef FIXED
    switch (x) { case 0: return 3; case 1: return 5; case 2: return 8; case 3: return 13; case 4: return 21; case 5: return 1; }
    return 9;
#else
    if (x > 1000) puts("large");
    return x + 1;
#endif
}
NOIPA int second(int x) { switch (x) { case 0: return 10; case 1: return 17; case 2: return 30; case 3: return 6; case 4: return 99; case 5: return 2; } return 0; }
volatile int one = 1;
void run(void) { printf("%d ", first(one)); printf("%d ", second(one)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// Tentative definitions, as compilers before GCC 10 made them: existing objects keep their values.
// cflags: -fcommon
// changes: g
// prints: 1 1 2 12
#include "case.h"
int counter;
int array[4];
#ifdef FIXED
int fresh[4];
#endif
NOIPA int f(int x) { if (x > 1000) puts("large"); counter += x; array[1] = counter; return counter; }
#ifdef FIXED
NOIPA int g(int x) { fresh[x] += 10; return array[x] + fresh[x]; }
#else
NOIPA int g(int x) { return array[x]; }
#endif
volatile int one = 1;
void run(void) { printf("%d ", f(one)); printf("%d ", g(one)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses inside an array, and of its end, mean that array and no neighbour.
// changes: f
// prints: 30 30 1030 30
#include "case.h"
static int before[4] = {1, 1, 1, 1};
static int table[4] = {6, 7, 8, 9};
static int after[4] = {2, 2, 2, 2};
NOIPA int f(int x)
{
    int s = 0;
    for (int *p = table; p < table + 4; p++) s += *p;
    for (int *p = &table[1]; p != &table[3]; p++) *p += x - x;
    return s + FIX(0, 1000);
}
NOIPA int g(int x) { int s = 0; for (int *p = table; p < table + 4; p++) s += *p * x; return s; }
volatile int one = 1;
void run(void) { before[0]++; after[0]++; printf("%d ", f(one)); printf("%d ", g(one)); }

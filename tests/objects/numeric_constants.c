// SPDX-License-Identifier: GPL-2.0-or-later
// Constants of 4, 8, 16 and 32 bytes that all functions of a file share; one of each size changes.
// cflags: -mavx
// changes: four eight sixteen
// also: run
// prints: 3.75 5.50 6 10 7.25 5.50 8 10
#include "case.h"
typedef int v4 __attribute__((vector_size(16)));
volatile float f = 1.5f;
volatile double d = 2.5;
NOIPA float four(float x) { if (x > 1000) puts("large"); return x + FIX(2.25f, 5.75f); }
NOIPA double eight(double x) { if (x > 1000) puts("large"); return x + 3.0 + FIX(0.0, 1e-9); }
NOIPA int sixteen(int x) { v4 v = {x, x, x, x}; v += (v4){1, 2, FIX(3, 5), 4}; return v[2]; }
NOIPA int same(int x) { v4 v = {x, x, x, x}; v += (v4){4, 5, 6, 7}; return v[3]; }
void run(void) { printf("%.2f ", four(f)); printf("%.2f ", eight(d)); printf("%d ", sixteen(3 * (int)f)); printf("%d ", same(3 * (int)f)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// Assertions everywhere; line numbers are kept, and only what changes changes.
// changes: two
// prints: 4 6 4 7
#include "case.h"
void failed(const char *text, const char *file, int line, const char *function);
NOIPA void failed(const char *text, const char *file, int line, const char *function) { printf("%s %s:%d %s", text, file, line, function); }
#define assert(x) ((x) ? (void)0 : failed(#x, __FILE__, __LINE__, __func__))
NOIPA int one(int x) { assert(x < 100); assert(x > -100); return x + 1; }
NOIPA int two(int x) { assert(x < 100); return x + FIX(3, 4); }
NOIPA int three(int x) { assert(x < 100); assert(x != 77); return x + 3; }
volatile int number = 3;
void run(void) { printf("%d ", one(number)); printf("%d ", two(number)); if (number > 5) three(number); }

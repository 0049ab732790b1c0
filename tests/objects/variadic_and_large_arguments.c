// SPDX-License-Identifier: GPL-2.0-or-later
// Arguments in registers and on the stack, variable ones, structures by value.
// changes: many sum
// prints: 45 36 6 145 136 106
#include "case.h"
#include <stdarg.h>
struct big { long v[5]; };
NOIPA long many(int a, int b, int c, int d, int e, int f, int g, int h, struct big s)
{
    if (a > 1000) puts("large");
    return a + b + c + d + e + f + g + h + s.v[4] + FIX(0, 100);
}
NOIPA int sum(int n, ...)
{
    va_list ap;
    int s = FIX(0, 100);
    va_start(ap, n);
    while (n--) s += va_arg(ap, int);
    va_end(ap);
    return s;
}
volatile int one = 1;
void run(void)
{
    struct big s = {{0, 0, 0, 0, 9}};
    printf("%ld ", many(one, 2, 3, 4, 5, 6, 7, 8, s));
    printf("%d ", sum(8, one, 2, 3, 4, 5, 6, 7, 8));
    printf("%d ", sum(3, one, 2, 3));
}

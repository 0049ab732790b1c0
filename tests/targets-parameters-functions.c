// SPDX-License-Identifier: GPL-2.0-or-later
// The functions of targets-parameters.h, old or new.
#include "tests/targets-parameters.h"

KEEP long FUNCTION(p_ints)(int a, int b, int c, int d, int e, int f, int g, int h, signed char i,
                           short j)
{
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + ADD;
}

KEEP double FUNCTION(p_doubles)(double a, double b, double c, double d, double e, double f,
                                double g, double h, double i, float j)
{
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * (double)j + ADD;
}

KEEP double FUNCTION(p_both)(int a, double b, long c, float d, const char *e, double f)
{
    return a + 2 * b + 3 * (double)c + 4 * (double)d + 5 * e[1] + 6 * f + ADD;
}

KEEP long FUNCTION(p_small)(struct small s, int after)
{
    return s.a + 2 * s.b + 3 * after + ADD;
}

KEEP struct small FUNCTION(p_small_back)(int a, int b)
{
    return (struct small){a + ADD, b};
}

KEEP double FUNCTION(p_mixed)(struct mixed s, struct mixed t)
{
    return s.x + 2 * (double)s.n + 3 * t.x + 4 * (double)t.n + ADD;
}

KEEP struct mixed FUNCTION(p_mixed_back)(double x, long n)
{
    return (struct mixed){4 * x + 3, 5 * n + ADD};
}

KEEP long FUNCTION(p_large)(int before, struct large s, int after)
{
    long sum = before + ADD;

    for (int i = 0; i < 6; i++)
        sum += (i + 2) * s.values[i];
    return sum + 8 * after;
}

KEEP struct large FUNCTION(p_large_back)(long a, long b)
{
    return (struct large){{a, b, a + b, a - b, a * b, a + ADD}};
}

KEEP long FUNCTION(p_various)(int count, ...)
{
    long sum = ADD;
    va_list list;

    va_start(list, count);
    for (int i = 0; i < count; i++)
        sum += (i + 1) * va_arg(list, long);
    va_end(list);
    return sum;
}

/* The caller tells in %al that vector registers are used: nothing may change that on the way. */
KEEP double FUNCTION(p_various_doubles)(int count, ...)
{
    double sum = ADD;
    va_list list;

    va_start(list, count);
    for (int i = 0; i < count; i++)
        sum += (i + 1) * va_arg(list, double);
    va_end(list);
    return sum;
}

KEEP __int128 FUNCTION(p_wide)(__int128 a, int b, __int128 c)
{
    return a + b * c + ADD;
}

KEEP long double FUNCTION(p_long_double)(long double a, int b, long double c)
{
    return a + b * c + ADD;
}

KEEP _Complex double FUNCTION(p_complex)(_Complex double a, _Complex double b)
{
    return a + 2 * b + ADD;
}

KEEP vector4 FUNCTION(p_vector4)(vector4 a, vector4 b)
{
    return a + 2 * b + (float)ADD;
}

KEEP vector8 FUNCTION(p_vector8)(vector8 a, vector8 b)
{
    return a + 2 * b + (double)ADD;
}

/* Only the outermost result is raised, so that a chain that changes in the middle is seen. */
KEEP long FUNCTION(p_recursion)(long n)
{
    return n <= 0 ? ADD : n + FUNCTION(p_recursion)(n - 1);
}

KEEP long FUNCTION(p_callback)(long (*function)(long), long n)
{
    return function(n) + function(n + 1) + ADD;
}

KEEP _Bool FUNCTION(p_bool)(_Bool a, unsigned char b)
{
    return (a && b == 200) != (ADD != 0);
}

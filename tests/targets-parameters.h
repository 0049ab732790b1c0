/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions with parameters and results of all kinds. The same source is compiled into the target
 * and, with ADD defined, into the patch, where each result is greater by that number.
 */
#ifndef TESTS_TARGETS_PARAMETERS_H
#define TESTS_TARGETS_PARAMETERS_H

#include <stdarg.h>

#ifdef ADD
#define FUNCTION(name) new_##name
#else
#define ADD 0
#define FUNCTION(name) name
#endif
#define KEEP __attribute__((noinline, noclone, used))

struct small {
    int a, b;
};
struct mixed {
    double x;
    long n;
};
struct large {
    long values[6];
};
typedef float vector4 __attribute__((vector_size(16)));
typedef double vector8 __attribute__((vector_size(32)));

long FUNCTION(p_ints)(int a, int b, int c, int d, int e, int f, int g, int h, signed char i,
                      short j);
double FUNCTION(p_doubles)(double a, double b, double c, double d, double e, double f, double g,
                           double h, double i, float j);
double FUNCTION(p_both)(int a, double b, long c, float d, const char *e, double f);
long FUNCTION(p_small)(struct small s, int after);
struct small FUNCTION(p_small_back)(int a, int b);
double FUNCTION(p_mixed)(struct mixed s, struct mixed t);
struct mixed FUNCTION(p_mixed_back)(double x, long n);
long FUNCTION(p_large)(int before, struct large s, int after);
struct large FUNCTION(p_large_back)(long a, long b);
long FUNCTION(p_various)(int count, ...);
double FUNCTION(p_various_doubles)(int count, ...);
__int128 FUNCTION(p_wide)(__int128 a, int b, __int128 c);
long double FUNCTION(p_long_double)(long double a, int b, long double c);
_Complex double FUNCTION(p_complex)(_Complex double a, _Complex double b);
vector4 FUNCTION(p_vector4)(vector4 a, vector4 b);
vector8 FUNCTION(p_vector8)(vector8 a, vector8 b);
long FUNCTION(p_recursion)(long n);
long FUNCTION(p_callback)(long (*function)(long), long n);
_Bool FUNCTION(p_bool)(_Bool a, unsigned char b);

#endif

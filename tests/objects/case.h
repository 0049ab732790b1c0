/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Included by all cases: FIX(old, new) is the first in the original and the second in the patched version. */
#ifndef CASE_H
#define CASE_H

#ifdef FIXED
#define FIX(old, ...) __VA_ARGS__
#else
#define FIX(old, ...) old
#endif
#define NOINLINE __attribute__((noinline))
#define NOIPA __attribute__((noipa))
#define INLINE inline __attribute__((always_inline))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#ifdef __cplusplus
extern "C" {
#endif
int printf(const char *, ...);
int puts(const char *);
void abort(void);
#ifdef __cplusplus
}
#endif
#endif

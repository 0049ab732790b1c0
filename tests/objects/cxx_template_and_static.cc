// SPDX-License-Identifier: GPL-2.0-or-later
// A template with state: the instance that exists keeps it, code of both instances changes.
// changes: _Z4nextIiET_S0_ _Z4nextIlET_S0_
// prints: 101 102 1102 1104
#include "case.h"
template <typename T> NOIPA T next(T x) { static T n = 100; n += x; if (x > 1000) puts("large"); return n + FIX(0, 1000); }
volatile int one = 1;
extern "C" void run(void) { printf("%d ", next<int>(one)); printf("%ld ", next<long>(2 * one)); }

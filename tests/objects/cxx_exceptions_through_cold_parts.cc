// SPDX-License-Identifier: GPL-2.0-or-later
// A landing pad lies in the cold part; its handler changes.
// changes: _Z7guardedi
// has: _Z7guardedi\.cold
// prints: 4 11 4 21
#include "case.h"
NOIPA int thrower(int x) { if (x > 5) throw x; return x + 1; }
NOIPA int guarded(int x) { try { return thrower(x); } catch (int i) { return i + FIX(1, 11); } }
volatile int three = 3;
extern "C" void run(void) { printf("%d ", guarded(three)); printf("%d ", guarded(three + 7)); }

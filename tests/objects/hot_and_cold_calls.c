// SPDX-License-Identifier: GPL-2.0-or-later
// Hot, cold and startup functions lie in sections of their own; all are found and replaced.
// changes: cold hot start
// prints: 5 6 7 105 106 107
#include "case.h"
__attribute__((hot)) NOIPA int hot(int x) { if (x > 1000) puts("large"); return x + FIX(2, 102); }
__attribute__((cold)) NOIPA int cold(int x) { if (x > 1000) puts("large"); return x + FIX(3, 103); }
__attribute__((section(".text.startup.mine"))) NOIPA int start(int x) { if (x > 1000) puts("large"); return x + FIX(4, 104); }
volatile int three = 3;
void run(void) { printf("%d ", hot(three)); printf("%d ", cold(three)); printf("%d ", start(three)); }

// SPDX-License-Identifier: GPL-2.0-or-later
// Strings get other labels and places, and share their ends with others; contents decide.
// nothing:
#include "case.h"
#ifdef FIXED
NOIPA void two(void) { puts("handled: beta"); puts("beta"); }
NOIPA void one(void) { puts("alpha"); puts("an alpha"); }
#else
NOIPA void one(void) { puts("alpha"); puts("an alpha"); }
NOIPA void two(void) { puts("handled: beta"); puts("beta"); }
#endif
void run(void) { one(); two(); }

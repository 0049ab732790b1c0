/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Part of phase_check: what only C++ has. */
#ifndef SYSCARE_DIFFER_CHECK_CXX_H
#define SYSCARE_DIFFER_CHECK_CXX_H

#include "differ/differ.h"

/* Refuses what cannot be told apart or cannot take effect in a pair of objects. */
void check_cxx(struct differ *differ, struct object *original, struct object *patched);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls between old functions where the caller never comes to an end. */
#ifndef SYSCARE_DIFFER_OLD_CALLS_H
#define SYSCARE_DIFFER_OLD_CALLS_H

#include "differ/differ.h"

/* True for main, and for a function whose old code has no way out. */
bool old_calls_never_left(struct differ *differ, const struct entry *entry);

/*
 * Makes differ->old_calls: for each entry with SC_FUNC_QUIESCE that is never left, and for what it
 * calls in turn, the calls of other entries in the old code, which are to stay in the old code.
 * Takes the flag from these entries. Those with a reference that cannot be kept so keep theirs.
 */
void old_calls_find(struct differ *differ);

#endif

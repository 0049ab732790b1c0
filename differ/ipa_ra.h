/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers that callers keep across a call because the callee does not use them (-fipa-ra). */
#ifndef SYSCARE_DIFFER_IPA_RA_H
#define SYSCARE_DIFFER_IPA_RA_H

#include "differ/differ.h"

/*
 * Notes which entries' new code may write registers that the old one did not, with everything that
 * it calls. After all entries are known.
 */
void ipa_ra_find(struct differ *differ);

/*
 * True if the old function may come, through functions that stay as they are, to an entry that
 * writes more registers now: its old code, compiled for the old one, may have something in them.
 */
bool ipa_ra_disagrees(struct differ *differ, const struct entry *entry);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Section groups: inline functions, templates and what else many objects hold a copy of. */
#ifndef SYSCARE_DIFFER_COMDAT_H
#define SYSCARE_DIFFER_COMDAT_H

#include "differ/differ.h"
#include "differ/names.h"

/*
 * Drops from all objects of the job the groups whose copy the linker did not take, as it did
 * itself: references to them mean the copy that was taken, or are by name. Comes before
 * phase_sanity.
 */
void phase_comdat(struct differ *differ);

/*
 * Pairs what is left of groups without a twin across objects: the linker may have taken the copy of
 * another object in the patched link.
 */
void comdat_pair(struct differ *differ);

/* Refuses new variables of groups that another ELF of the process may define. */
void comdat_check(struct differ *differ, const struct unit *unit);

#endif

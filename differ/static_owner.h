/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which function a static variable is of; with link-time optimisation: which file a thing is of. */
#ifndef SYSCARE_DIFFER_STATIC_OWNER_H
#define SYSCARE_DIFFER_STATIC_OWNER_H

#include "differ/model.h"

/*
 * Sets `owner` of static variables of both versions, and of functions with link-time optimisation,
 * where their DWARF tells.
 */
void static_owners_read(struct object *original, struct object *patched);

/* False if they are known to belong to different ones. */
bool static_owners_agree(const struct symbol *a, const struct symbol *b);

#endif

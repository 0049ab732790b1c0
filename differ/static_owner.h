/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which function, or with link-time optimisation which file, a static variable belongs to. */
#ifndef SYSCARE_DIFFER_STATIC_OWNER_H
#define SYSCARE_DIFFER_STATIC_OWNER_H

#include "differ/model.h"

/* Sets `owner` of the object's static variables, where its DWARF tells. */
void static_owners_read(struct object *object);

/* False if they are known to belong to different ones. */
bool static_owners_agree(const struct symbol *a, const struct symbol *b);

#endif

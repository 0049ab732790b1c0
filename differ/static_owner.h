/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which function a static local variable belongs to. */
#ifndef SYSCARE_DIFFER_STATIC_OWNER_H
#define SYSCARE_DIFFER_STATIC_OWNER_H

#include "differ/model.h"

/* Sets `owner` of the object's static local variables, where its DWARF tells. */
void static_owners_read(struct object *object);

#endif

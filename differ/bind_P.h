/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that bind references share. */
#ifndef SYSCARE_DIFFER_BIND_P_H
#define SYSCARE_DIFFER_BIND_P_H

#include "differ/bind.h"

/* Records "what name in function …". Returns false. */
bool bind_refuse(struct differ *differ, enum refusal_code code, const struct relocation *relocation,
                 const char *what, const char *name);

/* Makes it a row of .syscare.sym with an address. */
void bind_target(struct binding *binding, uint8_t kind, uint64_t address, uint64_t size,
                 const char *name);

/* Each as bind_reference, for something that the target does not define; name may have a version */
bool bind_import(struct differ *differ, const struct relocation *relocation, const char *name,
                 struct binding *binding);
/* … for something that it defines, and another file may define in its place */
bool bind_preemptible(struct differ *differ, const struct relocation *relocation,
                      const struct image_symbol *symbol, struct binding *binding);
/* … for an indirect function (STT_GNU_IFUNC) of its own. */
bool bind_indirect(struct differ *differ, const struct relocation *relocation,
                   const struct image_symbol *symbol, struct binding *binding);

#endif

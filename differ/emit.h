/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts that write the patch's object share. */
#ifndef SYSCARE_DIFFER_EMIT_H
#define SYSCARE_DIFFER_EMIT_H

#include "differ/differ.h"
#include "differ/elf_writer.h"

/* The object in the making (emit.c). */
struct emitter;

struct elf_writer *emitter_writer(struct emitter *emitter);

/*
 * Relocates a reference of what was copied: by a relocation for ld, or one for the runtime. unit
 * tells where it was copied to. 0, or -1 with err set.
 */
int emit_reference(struct emitter *emitter, struct unit *unit, const struct relocation *relocation,
                   struct sc_error **err);

#endif

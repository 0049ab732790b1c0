/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading an object file into the model. */
#ifndef SYSCARE_DIFFER_READ_H
#define SYSCARE_DIFFER_READ_H

#include "differ/model.h"

/*
 * Reads the relocatable object at path: sections, symbols (SHN_XINDEX included), relocations (RELA
 * only, gABI "Relocation"), and finds for each relocation what it means. NULL with err set when
 * the file is damaged, not ET_REL or of another machine. Memory belongs to the pool; close the
 * ELF with object_close.
 */
struct object *object_read(struct pool *pool, const struct arch *arch, struct decoder *decoder,
                           const char *path, struct sc_error **err);

/* Closes the file; NULL is allowed. The model must not be used afterwards. */
void object_close(struct object *object);

/* read_targets.c: finds target and delta of every relocation. Called by object_read. */
int object_find_targets(struct object *object, const struct arch *arch, struct decoder *decoder,
                        struct sc_error **err);

/* The defined symbol that is exactly so named, or NULL for none; *count tells how many there are.
 */
struct symbol *object_symbol(struct object *object, const char *name, size_t *count);

/* The first relocation of the section at or after offset; index relocation_count for none. */
size_t section_relocation_from(const struct section *section, uint64_t offset);

#endif

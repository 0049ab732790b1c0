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

/*
 * read_index.c: what lies at an offset of a section, its symbols being sorted by value (and, at one
 * value, the largest first). All take logarithmic time.
 */

/* A name that the assembler leaves in merged sections, not a thing of its own. */
bool symbol_is_label(const struct symbol *symbol);

/* The symbol that the offset lies in, or one at it that is no label; NULL when there is none. */
struct symbol *section_covering(struct section *section, uint64_t offset);

/* The symbol of a section that has exactly one with a size (under all its names), else NULL. */
struct symbol *section_only_symbol(struct section *section);

/* True if a symbol with a size ends there. */
bool section_ends_symbol(struct section *section, uint64_t offset);

/* Index of the first of section->symbols at or behind the offset. */
size_t section_symbol_from(const struct section *section, uint64_t offset);

/* The piece that begins at the offset, as section_piece_add put it into section->pieces; or NULL.
 */
struct symbol *section_piece(struct section *section, uint64_t offset);
void section_piece_add(struct section *section, struct symbol *piece);

/* The defined symbol that is exactly so named, or NULL for none; *count tells how many there are.
 */
struct symbol *object_symbol(struct object *object, const char *name, size_t *count);

/* The first relocation of the section at or after offset; index relocation_count for none. */
size_t section_relocation_from(const struct section *section, uint64_t offset);

#endif

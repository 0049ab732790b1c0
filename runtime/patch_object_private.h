/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that read a patch object share. */
#ifndef SYSCARE_PATCH_OBJECT_PRIVATE_H
#define SYSCARE_PATCH_OBJECT_PRIVATE_H

#include "runtime/patch_object.h"

#include <elf.h>

/* Sets err to "damaged patch object: what". Returns -1. */
int patch_refuse(struct sc_error **err, const char *what);

/* True if [offset, offset + size) lies in [0, total), without overflow. */
bool patch_range_inside(uint64_t offset, uint64_t size, uint64_t total);

/* The file's bytes that are mapped at vaddr, all size of them in one segment; or NULL. */
const uint8_t *patch_image_at(const struct patch_object *patch, uint64_t vaddr, uint64_t size);

/* The segment in whose memory all of [vaddr, vaddr + size) lies; or NULL. */
const struct patch_segment *patch_segment_at(const struct patch_object *patch, uint64_t vaddr,
                                             uint64_t size);

/* Reads .syscare.funcs, .syscare.sym and .syscare.strtab. */
int patch_tables_load(struct patch_object *patch, const Elf64_Ehdr *ehdr, struct sc_error **err);

/* Reads PT_DYNAMIC, the dynamic relocations and .syscare.rela. After patch_tables_load. */
int patch_relocs_load(struct patch_object *patch, const Elf64_Ehdr *ehdr, struct sc_error **err);

/*
 * The contents of the only section of the name; size 0 and NULL when there is none. A section that
 * is compressed, not in the file, or there twice is refused.
 */
int patch_section_find(const struct patch_object *patch, const Elf64_Ehdr *ehdr, const char *name,
                       const uint8_t **data, size_t *size, struct sc_error **err);

#endif

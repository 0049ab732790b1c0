/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts together a relocatable object and writes it through libelf. */
#ifndef SYSCARE_DIFFER_ELF_WRITER_H
#define SYSCARE_DIFFER_ELF_WRITER_H

#include "differ/pool.h"
#include "lib/error.h"

#include <gelf.h>
#include <stdint.h>

struct out_section {
    const char *name;
    uint32_t type;
    uint64_t flags, align;
    uint8_t *data; /* NULL for SHT_NOBITS */
    size_t size, room;
    struct list relocations; /* GElf_Rela; symbol numbers as elf_writer_symbol returned them */
    size_t index;            /* in the file */
};

struct elf_writer {
    struct pool *pool;
    uint16_t machine;
    struct list sections; /* struct out_section */
    struct list symbols;  /* local ones, then undefined ones when written */
};

/* A new section; data of it is added with elf_writer_append or set by the caller. */
struct out_section *elf_writer_section(struct elf_writer *writer, const char *name, uint32_t type,
                                       uint64_t flags, uint64_t align);

/* Adds size bytes at the next multiple of align (a power of two); returns where they stand. */
uint64_t elf_writer_append(struct elf_writer *writer, struct out_section *section, const void *data,
                           size_t size, uint64_t align);

/* A local symbol; or an undefined global one when section is NULL. Returns its number. */
uint32_t elf_writer_symbol(struct elf_writer *writer, const char *name, struct out_section *section,
                           uint64_t value, uint64_t size, uint8_t type);

void elf_writer_relocate(struct elf_writer *writer, struct out_section *section, uint64_t offset,
                         uint32_t type, uint32_t symbol, int64_t addend);

/* Writes the object to path: the same calls give the same bytes. 0, or -1 with err set. */
int elf_writer_write(struct elf_writer *writer, const char *path, struct sc_error **err);

#endif

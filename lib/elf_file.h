/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ELF file opened for reading through libelf, with its section names and symbols checked. */
#ifndef SYSCARE_ELF_FILE_H
#define SYSCARE_ELF_FILE_H

#include "lib/error.h"

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SC_BUILD_ID_MAX 32

/* A section; index is that of the section header table (gABI, "Sections"). */
struct elf_section {
    size_t index;
    const char *name; /* owned by the Elf */
    GElf_Shdr shdr;
    Elf_Scn *scn;
};

/* An open file. All members are read-only for users. */
struct elf_file {
    int fd;
    Elf *elf;
    char *path;
    GElf_Ehdr ehdr;
    size_t section_count;         /* including the null section 0 */
    struct elf_section *sections; /* section_count of them, by index */
};

/* Opens path; only 64-bit little-endian ELF is taken. NULL with err set. Close with elf_file_close.
 */
struct elf_file *elf_file_open(const char *path, struct sc_error **err);

/* NULL is allowed. */
void elf_file_close(struct elf_file *file);

/* For __attribute__((cleanup)). */
void elf_file_cleanup(struct elf_file **file);
#define cleanup_elf __attribute__((cleanup(elf_file_cleanup)))

/* The first section of the name, or NULL. */
struct elf_section *elf_section_find(struct elf_file *file, const char *name);

/*
 * The contents of a section as they are in the file (untranslated), checked to lie inside the
 * file. SHT_NOBITS gives NULL and size 0. 0, or -1 with err set.
 */
int elf_section_data(struct elf_file *file, const struct elf_section *section, const uint8_t **data,
                     size_t *size, struct sc_error **err);

/*
 * The GNU build-id (NT_GNU_BUILD_ID), from the note sections or, without sections, the PT_NOTE
 * segments. Returns its size in bytes, 0 when there is none, -1 with err set when it is malformed
 * or longer than SC_BUILD_ID_MAX.
 */
int elf_build_id(struct elf_file *file, uint8_t id[SC_BUILD_ID_MAX], struct sc_error **err);

/* True if the section is the one that holds the NT_GNU_BUILD_ID note. */
bool elf_section_is_build_id(struct elf_file *file, const struct elf_section *section);

/*
 * The offset in the file of the byte that a PT_LOAD segment maps to vaddr (a link-time address).
 * 0, or -1 with err set when no segment has file contents there.
 */
int elf_offset_of_vaddr(struct elf_file *file, uint64_t vaddr, uint64_t *offset,
                        struct sc_error **err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF files as they are mapped in another process: headers, notes, load bias. */
#ifndef SYSCARE_PROCESS_ELF_H
#define SYSCARE_PROCESS_ELF_H

#include "runtime/process_maps.h"

#include <elf.h>

#define PROCESS_ELF_PHDRS_MAX 64

/* An ELF file whose first page is mapped at `start`. */
struct process_elf {
    uint64_t start;     /* run-time address of the ELF header */
    uint64_t bias;      /* load bias */
    uint64_t low, high; /* run-time range of its PT_LOADs, page-aligned */
    Elf64_Ehdr ehdr;
    Elf64_Phdr phdrs[PROCESS_ELF_PHDRS_MAX];
    size_t phdr_count;
    uint8_t page[2048]; /* the first bytes of the file, for what follows the header */
    size_t page_size;   /* 0 where they could not be read at once */
};

/*
 * Reads the ELF header and program headers at the start of a mapping of file offset 0. False when
 * there is no loaded 64-bit ELF file: no magic, another machine, damaged, or mapped only as data
 * (an executable PT_LOAD is not mapped executable from the same file).
 */
bool process_elf_read(const struct process *process, const struct process_map *map,
                      struct process_elf *elf);

/* Calls visit for the contents of each PT_NOTE until one returns true; then true. */
typedef bool (*process_note_visit)(const uint8_t *notes, size_t size, size_t align, void *data);
bool process_elf_notes(const struct process *process, const struct process_elf *elf,
                       process_note_visit visit, void *data);

#endif

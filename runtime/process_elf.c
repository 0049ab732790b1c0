// SPDX-License-Identifier: GPL-2.0-or-later
// Recognises ELF files in the memory of a process. What is read there is as untrusted as a file.
#include "runtime/process_elf.h"
#include "runtime/arch/arch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ADDRESS_PAGE (~UINT64_C(4095)) /* the page that an address lies in */
#define NOTES_MAX 65536

/* From the first page, where it is there, else from memory: one look instead of half a dozen. */
static bool page_read(const struct process *process, const struct process_elf *elf,
                      uint64_t address, void *data, size_t size)
{
    uint64_t at = address - elf->start;

    if (address < elf->start || at > elf->page_size || size > elf->page_size - at)
        return process_read(process, address, data, size);
    memcpy(data, elf->page + at, size);
    return true;
}

static bool header_read(const struct process *process, const struct process_map *map,
                        struct process_elf *elf)
{
    Elf64_Ehdr *ehdr = &elf->ehdr;

    elf->page_size = sizeof(elf->page);
    if (!process_read(process, map->start, elf->page, elf->page_size))
        elf->page_size = 0;
    if (!page_read(process, elf, map->start, ehdr, sizeof(*ehdr)))
        return false;
    if (memcmp(ehdr->e_ident, ELFMAG, SELFMAG) != 0 || ehdr->e_ident[EI_CLASS] != ELFCLASS64 ||
        ehdr->e_ident[EI_DATA] != ELFDATA2LSB || ehdr->e_machine != arch_machine())
        return false;
    if ((ehdr->e_type != ET_DYN && ehdr->e_type != ET_EXEC) || ehdr->e_phnum == 0 ||
        ehdr->e_phnum > PROCESS_ELF_PHDRS_MAX || ehdr->e_phentsize != sizeof(Elf64_Phdr) ||
        ehdr->e_phoff > map->end - map->start)
        return false;
    elf->phdr_count = ehdr->e_phnum;
    return page_read(process, elf, map->start + ehdr->e_phoff, elf->phdrs,
                     elf->phdr_count * sizeof(Elf64_Phdr));
}

/* The segment that begins with the ELF header tells the bias; the others give the range. */
static bool range_find(struct process_elf *elf)
{
    const Elf64_Phdr *first = NULL;
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;

    for (size_t i = 0; i < elf->phdr_count; i++) {
        const Elf64_Phdr *phdr = &elf->phdrs[i];
        uint64_t end;

        if (phdr->p_type != PT_LOAD)
            continue;
        if (__builtin_add_overflow(phdr->p_vaddr, phdr->p_memsz, &end) || end > INT64_MAX)
            return false;
        if (!first && (phdr->p_offset & ADDRESS_PAGE) == 0)
            first = phdr;
        low = phdr->p_vaddr < low ? phdr->p_vaddr : low;
        high = end > high ? end : high;
    }
    if (!first)
        return false;
    elf->bias = elf->start - (first->p_vaddr & ADDRESS_PAGE);
    elf->low = elf->bias + (low & ADDRESS_PAGE);
    elf->high = elf->bias + ((high + ~ADDRESS_PAGE) & ADDRESS_PAGE);
    return elf->ehdr.e_type == ET_DYN || elf->bias == 0;
}

/*
 * Debuggers and profilers map whole files as data; code is mapped executable where it belongs, or
 * has been moved to anonymous (huge) pages at the same address.
 */
static bool code_mapped(const struct process *process, const struct process_map *header,
                        const struct process_elf *elf)
{
    for (size_t i = 0; i < elf->phdr_count; i++) {
        const Elf64_Phdr *phdr = &elf->phdrs[i];
        uint64_t address = elf->bias + phdr->p_vaddr;
        const struct process_map *map;

        if (phdr->p_type != PT_LOAD || !(phdr->p_flags & PF_X) || phdr->p_filesz == 0)
            continue;
        map = process_map_at(process, address);
        if (!map || !(map->prot & PROT_EXEC))
            return false;
        if (map->kind == PROCESS_MAP_FILE &&
            (map->inode != header->inode || map->device != header->device ||
             map->offset + (address - map->start) != phdr->p_offset))
            return false;
    }
    return true;
}

bool process_elf_read(const struct process *process, const struct process_map *map,
                      struct process_elf *elf)
{
    elf->start = map->start;
    if (map->kind != PROCESS_MAP_FILE || map->offset != 0 || !(map->prot & PROT_READ))
        return false;
    return header_read(process, map, elf) && range_find(elf) && code_mapped(process, map, elf);
}

bool process_elf_notes(const struct process *process, const struct process_elf *elf,
                       process_note_visit visit, void *data)
{
    for (size_t i = 0; i < elf->phdr_count; i++) {
        const Elf64_Phdr *phdr = &elf->phdrs[i];
        uint8_t *notes;
        bool found;

        if (phdr->p_type != PT_NOTE || phdr->p_filesz == 0 || phdr->p_filesz > NOTES_MAX)
            continue;
        notes = malloc(phdr->p_filesz);
        if (!notes)
            return false;
        found = page_read(process, elf, elf->bias + phdr->p_vaddr, notes, phdr->p_filesz) &&
                visit(notes, phdr->p_filesz, phdr->p_align, data);
        free(notes);
        if (found)
            return true;
    }
    return false;
}

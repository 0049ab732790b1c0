// SPDX-License-Identifier: GPL-2.0-or-later
// Compares what the linker wrote with what a package installs.
#include "rpmtools/elf_match.h"

#include "lib/cleanup.h"
#include "lib/elf_file.h"
#include "lib/target_digest.h"

#include <fcntl.h>
#include <string.h>

/* A cheap look before libelf: most files of a package are no ELF at all. */
static bool has_magic(const char *path)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    char magic[SELFMAG];

    return fd >= 0 && read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
           memcmp(magic, ELFMAG, SELFMAG) == 0;
}

/* Plugins and data-only libraries without a single instruction have nothing to patch. */
static bool has_code(const struct elf_file *file)
{
    for (size_t i = 1; i < file->section_count; i++) {
        const GElf_Shdr *shdr = &file->sections[i].shdr;

        if ((shdr->sh_flags & SHF_EXECINSTR) && (shdr->sh_flags & SHF_ALLOC) &&
            shdr->sh_type == SHT_PROGBITS && shdr->sh_size)
            return true;
    }
    return false;
}

int elf_match_identify(const char *path, char digest[SC_DIGEST_HEX_SIZE], char *build_id,
                       struct sc_error **err)
{
    cleanup_elf struct elf_file *file = NULL;
    uint8_t id[SC_BUILD_ID_MAX], sum[SC_DIGEST_SIZE];
    int id_size;

    if (!has_magic(path))
        return ELF_MATCH_OTHER;
    file = elf_file_open(path, NULL); /* 32-bit files are none that we could patch */
    if (!file || (file->ehdr.e_type != ET_EXEC && file->ehdr.e_type != ET_DYN) || !has_code(file))
        return ELF_MATCH_OTHER;
    id_size = elf_build_id(file, id, err);
    if (id_size < 0 || target_digest(file, sum, err) < 0)
        return -1;
    sc_hex_encode(id, (size_t)id_size, build_id);
    sc_hex_encode(sum, sizeof(sum), digest);
    return ELF_MATCH_PROGRAM;
}

/* A changed RPATH rewrites .dynstr in place, and the build-id follows from the rest. */
static bool is_compared(struct elf_file *file, const struct elf_section *section)
{
    return (section->shdr.sh_flags & SHF_ALLOC) && strcmp(section->name, ".dynamic") != 0 &&
           strcmp(section->name, ".dynstr") != 0 && !elf_section_is_build_id(file, section);
}

/* The next section at or after index that is compared; section_count when there is none. */
static size_t next_section(struct elf_file *file, size_t index)
{
    while (index < file->section_count && !is_compared(file, &file->sections[index]))
        index++;
    return index;
}

/* Addresses too: equal bytes at other places are another program. */
static bool same_section(struct elf_file *a, const struct elf_section *one, struct elf_file *b,
                         const struct elf_section *two)
{
    const uint8_t *first, *second;
    size_t first_size, second_size;

    if (strcmp(one->name, two->name) != 0 || one->shdr.sh_addr != two->shdr.sh_addr ||
        one->shdr.sh_size != two->shdr.sh_size || one->shdr.sh_type != two->shdr.sh_type)
        return false;
    if (elf_section_data(a, one, &first, &first_size, NULL) < 0 ||
        elf_section_data(b, two, &second, &second_size, NULL) < 0 || first_size != second_size)
        return false;
    return first_size == 0 || memcmp(first, second, first_size) == 0;
}

/* Pairwise in the order of the section headers, which these tools do not change. */
bool elf_match_code(const char *path, const char *other)
{
    cleanup_elf struct elf_file *a = elf_file_open(path, NULL);
    cleanup_elf struct elf_file *b = elf_file_open(other, NULL);
    size_t i = 1, j = 1;

    if (!a || !b)
        return false;
    for (;; i++, j++) {
        i = next_section(a, i);
        j = next_section(b, j);
        if (i >= a->section_count || j >= b->section_count)
            return i >= a->section_count && j >= b->section_count;
        if (!same_section(a, &a->sections[i], b, &b->sections[j]))
            return false;
    }
}

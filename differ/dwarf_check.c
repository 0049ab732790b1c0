// SPDX-License-Identifier: GPL-2.0-or-later
// Looks at the sections of debugging information before libdwarf does: old releases, which
// distributions still have (20210528), take much of what they find there for granted.
#include "differ/dwarf_die.h"

#include "lib/cleanup.h"
#include "lib/elf_file.h"

#include <endian.h>
#include <string.h>
#include <sys/stat.h>

static int damaged(const struct elf_file *elf, const char *section, struct sc_error **err)
{
    return sc_error_set(err, SC_FAILED, "%s: debugging information is damaged (%s)", elf->path,
                        section);
}

/* The header of a table of ranges or locations: DWARF 5, sections 7.28 and 7.29. */
struct list_header {
    uint64_t length; /* of what follows this member */
    size_t before;   /* bytes up to there */
    uint16_t version;
    uint8_t address_size, segment_size;
    uint32_t offset_count;
};

static bool list_header_read(const uint8_t *data, size_t size, struct list_header *header)
{
    uint32_t length;

    if (size < sizeof(length))
        return false;
    memcpy(&length, data, sizeof(length));
    header->length = le32toh(length);
    header->before = sizeof(length);
    if (header->length == UINT32_MAX) {
        if (size < 12)
            return false;
        memcpy(&header->length, data + 4, sizeof(header->length));
        header->length = le64toh(header->length);
        header->before = 12;
    }
    if (header->length < 8 || header->length > size - header->before)
        return false;
    data += header->before;
    memcpy(&header->version, data, sizeof(header->version));
    header->address_size = data[2];
    header->segment_size = data[3];
    memcpy(&header->offset_count, data + 4, sizeof(header->offset_count));
    return true;
}

static bool lists_are_sane(const uint8_t *data, size_t size)
{
    struct list_header header;

    for (size_t at = 0; at < size; at += header.before + header.length) {
        size_t width, table;

        if (!list_header_read(data + at, size - at, &header))
            return false;
        width = header.before == 12 ? 8 : 4;
        table = le32toh(header.offset_count) * width;
        if (le16toh(header.version) != 5 || header.segment_size ||
            (header.address_size != 4 && header.address_size != 8) || table > header.length - 8)
            return false;
    }
    return true;
}

/* libdwarf reads all of these tables with the first unit, and frees them twice if one is wrong. */
int dwarf_lists_check(struct dwarf_file *file, struct sc_error **err)
{
    static const char *const names[] = {".debug_rnglists", ".debug_loclists"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        size_t size;
        const uint8_t *data = dwarf_object_contents(file, names[i], &size);

        if (data && !lists_are_sane(data, size))
            return damaged(file->elf, names[i], err);
    }
    return 0;
}

/* How large a section is; of a compressed one, what is in it. */
static uint64_t contents_size(const struct elf_section *section)
{
    GElf_Chdr header;

    return section->shdr.sh_flags & SHF_COMPRESSED && gelf_getchdr(section->scn, &header)
               ? header.ch_size
               : section->shdr.sh_size;
}

/* Every place lies in the section, every symbol in the table. */
static bool relocations_are_sane(const struct elf_file *elf, const struct elf_section *section)
{
    const struct elf_section *target = &elf->sections[section->shdr.sh_info];
    const struct elf_section *symbols = &elf->sections[section->shdr.sh_link];
    Elf_Data *data = elf_getdata(section->scn, NULL);
    uint64_t size = contents_size(target);
    size_t count = data ? data->d_size / sizeof(Elf64_Rela) : 0;
    size_t symbol_count = symbols->shdr.sh_size / sizeof(Elf64_Sym);

    if (!data || section->shdr.sh_entsize != sizeof(Elf64_Rela) ||
        symbols->shdr.sh_type != SHT_SYMTAB)
        return section->shdr.sh_size == 0;
    for (size_t i = 0; i < count; i++) {
        GElf_Rela rela;

        if (!gelf_getrela(data, (int)i, &rela) || GELF_R_SYM(rela.r_info) >= symbol_count ||
            size < 4 || rela.r_offset > size - 4)
            return false;
    }
    return true;
}

static bool is_debugging(const struct elf_section *section)
{
    return strncmp(section->name, ".debug_", 7) == 0;
}

/* libdwarf makes room for what a header says before it looks whether there is as much. */
static bool is_inside(const struct elf_section *section, uint64_t file_size)
{
    const GElf_Shdr *shdr = &section->shdr;

    return shdr->sh_type == SHT_NOBITS || shdr->sh_type == SHT_NULL ||
           (shdr->sh_offset <= file_size && shdr->sh_size <= file_size - shdr->sh_offset);
}

static int check_section(struct elf_file *elf, const struct elf_section *section,
                         uint64_t file_size, struct sc_error **err)
{
    const uint8_t *data;
    size_t size;

    if (!is_inside(section, file_size))
        return damaged(elf, section->name, err);
    if (section->shdr.sh_type == SHT_RELA || section->shdr.sh_type == SHT_REL) {
        if (is_debugging(section) || section->shdr.sh_info >= elf->section_count ||
            section->shdr.sh_link >= elf->section_count)
            return damaged(elf, section->name, err);
        if (is_debugging(&elf->sections[section->shdr.sh_info]) &&
            !relocations_are_sane(elf, section))
            return damaged(elf, section->name, err);
        return 0;
    }
    if (!is_debugging(section))
        return 0;
    if (section->shdr.sh_type == SHT_NOBITS ||
        elf_section_data(elf, section, &data, &size, err) < 0)
        return damaged(elf, section->name, err);
    return 0;
}

int dwarf_file_check(struct elf_file *elf, struct sc_error **err)
{
    struct stat st;

    if (fstat(elf->fd, &st) < 0)
        return sc_error_errno(err, "%s", elf->path);
    for (size_t i = 1; i < elf->section_count; i++)
        if (check_section(elf, &elf->sections[i], (uint64_t)st.st_size, err) < 0)
            return -1;
    return 0;
}

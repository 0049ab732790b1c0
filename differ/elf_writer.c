// SPDX-License-Identifier: GPL-2.0-or-later
// Puts together a relocatable object and writes it through libelf.
#include "differ/elf_writer.h"

#include "lib/cleanup.h"

#include <fcntl.h>
#include <string.h>

struct out_symbol {
    const char *name;
    struct out_section *section;
    uint64_t value, size;
    uint8_t type;
    uint32_t index; /* in the file */
};

/* A string table in the making. */
struct strings {
    char *data;
    size_t size, room;
};

struct out_section *elf_writer_section(struct elf_writer *writer, const char *name, uint32_t type,
                                       uint64_t flags, uint64_t align)
{
    struct out_section *section = pool_alloc(writer->pool, sizeof(*section));

    section->name = name;
    section->type = type;
    section->flags = flags;
    section->align = align;
    list_add(writer->pool, &writer->sections, section);
    return section;
}

uint64_t elf_writer_append(struct elf_writer *writer, struct out_section *section, const void *data,
                           size_t size, uint64_t align)
{
    uint64_t at = (section->size + align - 1) & ~(align - 1);

    if (at + size > section->room) {
        uint8_t *grown = pool_alloc(writer->pool, 2 * (at + size));

        if (section->size)
            memcpy(grown, section->data, section->size);
        section->data = grown;
        section->room = 2 * (at + size);
    }
    if (size)
        memcpy(section->data + at, data, size);
    section->size = at + size;
    section->align = align > section->align ? align : section->align;
    return at;
}

uint32_t elf_writer_symbol(struct elf_writer *writer, const char *name, struct out_section *section,
                           uint64_t value, uint64_t size, uint8_t type)
{
    struct out_symbol *symbol = pool_alloc(writer->pool, sizeof(*symbol));

    *symbol = (struct out_symbol){name, section, value, size, type, 0};
    list_add(writer->pool, &writer->symbols, symbol);
    return (uint32_t)writer->symbols.count - 1;
}

void elf_writer_relocate(struct elf_writer *writer, struct out_section *section, uint64_t offset,
                         uint32_t type, uint32_t symbol, int64_t addend)
{
    GElf_Rela *rela = pool_alloc(writer->pool, sizeof(*rela));

    *rela = (GElf_Rela){offset, GELF_R_INFO((uint64_t)symbol, type), addend};
    list_add(writer->pool, &section->relocations, rela);
}

static uint32_t add_string(struct pool *pool, struct strings *strings, const char *text)
{
    size_t size = strlen(text) + 1, at = strings->size;

    if (at + size > strings->room) {
        char *grown = pool_alloc(pool, 2 * (at + size));

        if (at)
            memcpy(grown, strings->data, at);
        strings->data = grown;
        strings->room = 2 * (at + size);
    }
    memcpy(strings->data + at, text, size);
    strings->size += size;
    return (uint32_t)at;
}

static int elf_failure(struct sc_error **err, const char *path)
{
    return sc_error_set(err, SC_FAILED, "cannot write %s: %s", path, elf_errmsg(-1));
}

/* Adds a section with contents to the file; flags are for the header. */
static Elf_Scn *add_section(Elf *elf, uint32_t name, uint32_t type, uint64_t flags, void *data,
                            size_t size, uint64_t align, Elf_Type kind)
{
    Elf_Scn *scn = elf_newscn(elf);
    Elf_Data *contents = scn ? elf_newdata(scn) : NULL;
    GElf_Shdr shdr;

    if (!contents || !gelf_getshdr(scn, &shdr))
        return NULL;
    contents->d_buf = data;
    contents->d_size = size;
    contents->d_align = align;
    contents->d_type = kind;
    shdr.sh_name = name;
    shdr.sh_type = type;
    shdr.sh_flags = flags;
    shdr.sh_addralign = align;
    return gelf_update_shdr(scn, &shdr) ? scn : NULL;
}

static int link_section(Elf_Scn *scn, uint32_t link, uint32_t info, uint64_t entsize)
{
    GElf_Shdr shdr;

    if (!gelf_getshdr(scn, &shdr))
        return -1;
    shdr.sh_link = link;
    shdr.sh_info = info;
    shdr.sh_entsize = entsize;
    return gelf_update_shdr(scn, &shdr) ? 0 : -1;
}

/* Local symbols come first (gABI); numbers are given out here. */
static Elf64_Sym *lay_out_symbols(struct elf_writer *writer, struct strings *strings,
                                  uint32_t *local)
{
    Elf64_Sym *table = pool_alloc(writer->pool, (writer->symbols.count + 1) * sizeof(*table));
    uint32_t next = 1;

    for (int undefined = 0; undefined < 2; undefined++) {
        for (size_t i = 0; i < writer->symbols.count; i++) {
            struct out_symbol *symbol = writer->symbols.items[i];

            if ((symbol->section == NULL) != undefined)
                continue;
            symbol->index = next++;
            table[symbol->index] = (Elf64_Sym){
                .st_name = symbol->name[0] ? add_string(writer->pool, strings, symbol->name) : 0,
                .st_info = ELF64_ST_INFO(undefined ? STB_GLOBAL : STB_LOCAL, symbol->type),
                .st_shndx = symbol->section ? (Elf64_Section)symbol->section->index : SHN_UNDEF,
                .st_value = symbol->value,
                .st_size = symbol->size,
            };
        }
        if (!undefined)
            *local = next;
    }
    return table;
}

static int add_contents(struct elf_writer *writer, Elf *elf, struct strings *names)
{
    for (size_t i = 0; i < writer->sections.count; i++) {
        struct out_section *section = writer->sections.items[i];
        Elf_Scn *scn =
            add_section(elf, add_string(writer->pool, names, section->name), section->type,
                        section->flags, section->data, section->size, section->align, ELF_T_BYTE);

        if (!scn)
            return -1;
        section->index = elf_ndxscn(scn);
    }
    return 0;
}

static int add_relocations(struct elf_writer *writer, Elf *elf, struct strings *names,
                           const struct out_section *section, uint32_t symtab)
{
    size_t count = section->relocations.count;
    Elf64_Rela *table = pool_alloc(writer->pool, (count + 1) * sizeof(*table));
    const char *name = pool_format(writer->pool, ".rela%s", section->name);
    Elf_Scn *scn;

    if (!count)
        return 0;
    for (size_t i = 0; i < count; i++) {
        const GElf_Rela *rela = section->relocations.items[i];
        const struct out_symbol *symbol = writer->symbols.items[GELF_R_SYM(rela->r_info)];

        table[i] = (Elf64_Rela){rela->r_offset,
                                ELF64_R_INFO((uint64_t)symbol->index, GELF_R_TYPE(rela->r_info)),
                                rela->r_addend};
    }
    scn = add_section(elf, add_string(writer->pool, names, name), SHT_RELA, SHF_INFO_LINK, table,
                      count * sizeof(*table), 8, ELF_T_RELA);
    return scn ? link_section(scn, symtab, (uint32_t)section->index, sizeof(*table)) : -1;
}

static int fill(struct elf_writer *writer, Elf *elf)
{
    struct strings names = {0}, strings = {0};
    Elf64_Sym *symbols;
    uint32_t local, name;
    Elf_Scn *symtab, *strtab, *shstrtab;
    GElf_Ehdr ehdr;

    add_string(writer->pool, &names, "");
    add_string(writer->pool, &strings, "");
    if (!gelf_newehdr(elf, ELFCLASS64) || add_contents(writer, elf, &names) < 0)
        return -1;
    symbols = lay_out_symbols(writer, &strings, &local);
    symtab = add_section(elf, add_string(writer->pool, &names, ".symtab"), SHT_SYMTAB, 0, symbols,
                         (writer->symbols.count + 1) * sizeof(*symbols), 8, ELF_T_SYM);
    strtab = add_section(elf, add_string(writer->pool, &names, ".strtab"), SHT_STRTAB, 0,
                         strings.data, strings.size, 1, ELF_T_BYTE);
    if (!symtab || !strtab ||
        link_section(symtab, (uint32_t)elf_ndxscn(strtab), local, sizeof(*symbols)) < 0)
        return -1;
    for (size_t i = 0; i < writer->sections.count; i++)
        if (add_relocations(writer, elf, &names, writer->sections.items[i],
                            (uint32_t)elf_ndxscn(symtab)) < 0)
            return -1;
    name = add_string(writer->pool, &names, ".shstrtab");
    shstrtab = add_section(elf, name, SHT_STRTAB, 0, names.data, names.size, 1, ELF_T_BYTE);
    if (!shstrtab || !gelf_getehdr(elf, &ehdr))
        return -1;
    ehdr.e_type = ET_REL;
    ehdr.e_machine = writer->machine;
    ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
    ehdr.e_version = EV_CURRENT;
    ehdr.e_shstrndx = (Elf64_Half)elf_ndxscn(shstrtab);
    return gelf_update_ehdr(elf, &ehdr) && elf_update(elf, ELF_C_WRITE) >= 0 ? 0 : -1;
}

int elf_writer_write(struct elf_writer *writer, const char *path, struct sc_error **err)
{
    cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    Elf *elf;
    int result;

    if (fd < 0)
        return sc_error_errno(err, "cannot create %s", path);
    elf = elf_begin(fd, ELF_C_WRITE, NULL);
    if (!elf)
        return elf_failure(err, path);
    result = fill(writer, elf) < 0 ? elf_failure(err, path) : 0;
    elf_end(elf);
    return result;
}

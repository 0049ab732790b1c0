// SPDX-License-Identifier: GPL-2.0-or-later
// Prints what a patch object holds, one line a thing, for comparisons: no addresses, sizes or
// order.
//
// usage: objects-dump PATCH
//   replaces NAME [quiet]               a function of the target
//   holds function|object NAME          what came with the patch
//   needs KIND NAME[@VERSION] [weak]    what it takes from the target or from libraries
//   relocates PLACE: TYPE TARGET ADDEND by ld.so's tables and by ours
#include "lib/patch_format.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct dump {
    Elf *elf;
    Elf_Data *symtab, *dynsym, *strings; /* strings: .syscare.strtab */
    size_t symtab_names, dynsym_names;   /* sections of the names */
};

/* The section of this name, or NULL; its header and data. */
static Elf_Scn *section(const struct dump *dump, const char *name, GElf_Shdr *header,
                        Elf_Data **data)
{
    size_t names;

    if (elf_getshdrstrndx(dump->elf, &names) != 0)
        return NULL;
    for (Elf_Scn *at = NULL; (at = elf_nextscn(dump->elf, at));) {
        const char *found;

        gelf_getshdr(at, header);
        found = elf_strptr(dump->elf, names, header->sh_name);
        if (found && strcmp(found, name) == 0) {
            *data = elf_getdata(at, NULL);
            return at;
        }
    }
    *data = NULL;
    return NULL;
}

static const char *string_at(const struct dump *dump, uint32_t offset)
{
    return dump->strings && offset < dump->strings->d_size
               ? (const char *)dump->strings->d_buf + offset
               : "?";
}

static const char *kind_name(unsigned int kind)
{
    static const char *const names[] = {"?", "function", "data", "slot", "import", "word"};

    return names[kind < sizeof(names) / sizeof(names[0]) ? kind : 0];
}

/* Rows of one of our tables; *count is set. */
static const void *rows(const struct dump *dump, const char *name, size_t size, size_t *count)
{
    GElf_Shdr header;
    Elf_Data *data;

    *count = section(dump, name, &header, &data) && data ? data->d_size / size : 0;
    return *count ? data->d_buf : NULL;
}

/* What of the patch covers the address: a symbol, else a section. */
static const char *place_name(const struct dump *dump, uint64_t place)
{
    size_t names;
    GElf_Sym symbol;

    for (int i = 0; dump->symtab && gelf_getsym(dump->symtab, i, &symbol); i++) {
        int type = GELF_ST_TYPE(symbol.st_info);

        if ((type == STT_FUNC || type == STT_OBJECT) && place >= symbol.st_value &&
            place - symbol.st_value < symbol.st_size)
            return elf_strptr(dump->elf, dump->symtab_names, symbol.st_name);
    }
    elf_getshdrstrndx(dump->elf, &names);
    for (Elf_Scn *at = NULL; (at = elf_nextscn(dump->elf, at));) {
        const char *name;
        GElf_Shdr header;

        gelf_getshdr(at, &header);
        if (!(header.sh_flags & SHF_ALLOC) || place < header.sh_addr ||
            place - header.sh_addr >= header.sh_size)
            continue;
        /* Which of them has the slots is up to the linker. */
        name = elf_strptr(dump->elf, names, header.sh_name);
        return name && strcmp(name, ".got.plt") == 0 ? ".got" : name;
    }
    return "?";
}

static void print_functions(const struct dump *dump)
{
    size_t count;
    const struct sc_patch_func *funcs = rows(dump, SC_PATCH_FUNCS_SECTION, sizeof(*funcs), &count);

    for (size_t i = 0; i < count; i++)
        printf("replaces %s%s\n", string_at(dump, funcs[i].name),
               funcs[i].flags & SC_FUNC_QUIESCE ? " quiet" : "");
}

static void print_contents(const struct dump *dump)
{
    GElf_Sym symbol;

    for (int i = 0; dump->symtab && gelf_getsym(dump->symtab, i, &symbol); i++) {
        const char *name = elf_strptr(dump->elf, dump->symtab_names, symbol.st_name);
        int type = GELF_ST_TYPE(symbol.st_info);

        if (symbol.st_shndx == SHN_UNDEF || !name || !*name ||
            (type != STT_FUNC && type != STT_OBJECT))
            continue;
        printf("holds %s %s\n", type == STT_FUNC ? "function" : "object", name);
    }
}

static void print_needs(const struct dump *dump)
{
    size_t count;
    const struct sc_patch_sym *symbols = rows(dump, SC_PATCH_SYM_SECTION, sizeof(*symbols), &count);

    for (size_t i = 0; i < count; i++)
        printf("needs %s %s%s%s%s\n", kind_name(symbols[i].kind), string_at(dump, symbols[i].name),
               symbols[i].version ? "@" : "",
               symbols[i].version ? string_at(dump, symbols[i].version) : "",
               symbols[i].flags & SC_SYM_WEAK ? " weak" : "");
}

static const char *type_name(unsigned int type)
{
    static const struct {
        unsigned int type;
        const char *name;
    } types[] = {{R_X86_64_64, "64"},
                 {R_X86_64_PC32, "PC32"},
                 {R_X86_64_PLT32, "PLT32"},
                 {R_X86_64_GLOB_DAT, "GLOB_DAT"},
                 {R_X86_64_JUMP_SLOT, "JUMP_SLOT"},
                 {R_X86_64_RELATIVE, "RELATIVE"},
                 {R_X86_64_32, "32"},
                 {R_X86_64_32S, "32S"},
                 {R_X86_64_PC64, "PC64"}};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (types[i].type == type)
            return types[i].name;
    return "?";
}

/* Where the value stands relative to the symbol is told by the addend, which code decides. */
static void print_ours(const struct dump *dump)
{
    size_t count, symbol_count;
    const struct sc_patch_rela *rela = rows(dump, SC_PATCH_RELA_SECTION, sizeof(*rela), &count);
    const struct sc_patch_sym *symbols =
        rows(dump, SC_PATCH_SYM_SECTION, sizeof(*symbols), &symbol_count);

    for (size_t i = 0; i < count; i++) {
        const char *target = "?";

        if (rela[i].sym == SC_RELA_SELF)
            target = place_name(dump, (uint64_t)rela[i].addend);
        else if (rela[i].sym < symbol_count)
            target = string_at(dump, symbols[rela[i].sym].name);
        printf("relocates %s: %s %s", place_name(dump, rela[i].place), type_name(rela[i].type),
               target);
        if (rela[i].sym == SC_RELA_SELF)
            putchar('\n');
        else
            printf(" %+lld\n", (long long)rela[i].addend);
    }
}

static void print_dynamic(const struct dump *dump, const char *name)
{
    GElf_Shdr header;
    Elf_Data *data;
    GElf_Rela rela;

    if (!section(dump, name, &header, &data))
        return;
    for (int i = 0; gelf_getrela(data, i, &rela); i++) {
        GElf_Sym symbol = {0};
        const char *target = "";

        if (GELF_R_SYM(rela.r_info) && dump->dynsym &&
            gelf_getsym(dump->dynsym, (int)GELF_R_SYM(rela.r_info), &symbol))
            target = elf_strptr(dump->elf, dump->dynsym_names, symbol.st_name);
        else
            target = place_name(dump, (uint64_t)rela.r_addend);
        printf("relocates %s: %s %s\n", place_name(dump, rela.r_offset),
               type_name(GELF_R_TYPE(rela.r_info)), target);
    }
}

static int dump_open(struct dump *dump, const char *path)
{
    GElf_Shdr header;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    elf_version(EV_CURRENT);
    dump->elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (!dump->elf || elf_kind(dump->elf) != ELF_K_ELF)
        return -1;
    section(dump, SC_PATCH_STRTAB_SECTION, &header, &dump->strings);
    if (section(dump, ".symtab", &header, &dump->symtab))
        dump->symtab_names = header.sh_link;
    if (section(dump, ".dynsym", &header, &dump->dynsym))
        dump->dynsym_names = header.sh_link;
    return 0;
}

int main(int argc, char **argv)
{
    struct dump dump = {0};

    if (argc != 2 || dump_open(&dump, argv[1]) < 0) {
        fprintf(stderr, "usage: objects-dump PATCH\n");
        return 2;
    }
    print_functions(&dump);
    print_contents(&dump);
    print_needs(&dump);
    print_ours(&dump);
    print_dynamic(&dump, ".rela.dyn");
    print_dynamic(&dump, ".rela.plt");
    elf_end(dump.elf);
    return 0;
}

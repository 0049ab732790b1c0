// SPDX-License-Identifier: GPL-2.0-or-later
// Reads an object file into the model: sections, symbols, relocations.
#include "differ/read.h"

#include "differ/eh_frame.h"
#include "differ/names.h"

#include <stdlib.h>
#include <string.h>

/*
 * Sums of sizes, offsets and addends are 64-bit numbers with a sign. No file has such sizes, and an
 * addend that is no distance but the upper bits of a tagged pointer is small, taken as negative.
 */
#define SIZE_LIMIT (UINT64_C(1) << 60)
#define ADDEND_LIMIT (INT64_C(1) << 62)

static int bad_object(struct object *object, struct sc_error **err, const char *what)
{
    return sc_error_set(err, SC_FAILED, "%s: %s", object->elf->path, what);
}

static int read_section(struct object *object, size_t index, struct sc_error **err)
{
    struct elf_section *from = &object->elf->sections[index];
    struct section *section = &object->sections[index];
    size_t size;

    section->object = object;
    section->index = index;
    section->name = from->name;
    section->flags = from->shdr.sh_flags;
    section->type = from->shdr.sh_type;
    section->size = from->shdr.sh_size;
    section->align = from->shdr.sh_addralign ? from->shdr.sh_addralign : 1;
    section->entsize = from->shdr.sh_entsize;
    section->grouped = (section->flags & SHF_GROUP) != 0;
    section->kind = section_classify(section->name, section->type, section->flags);
    if (section->size > SIZE_LIMIT)
        return bad_object(object, err, "section larger than any memory");
    if (section->align & (section->align - 1))
        return bad_object(object, err, "section alignment is not a power of two");
    if (section->kind == SECTION_TEXT && section->type == SHT_NOBITS && section->size)
        return bad_object(object, err, "section of code without contents");
    if (section->kind == SECTION_IGNORED || section->type == SHT_NOBITS)
        return 0;
    if (section->flags & SHF_COMPRESSED)
        return bad_object(object, err, "compressed section");
    return elf_section_data(object->elf, from, &section->data, &size, err);
}

static int read_sections(struct object *object, struct sc_error **err)
{
    object->section_count = object->elf->section_count;
    object->sections =
        pool_alloc(object->pool, (object->section_count + 1) * sizeof(*object->sections));
    for (size_t i = 1; i < object->section_count; i++)
        if (read_section(object, i, err) < 0)
            return -1;
    return 0;
}

/* The symbol table's section, and that of the indexes too large for st_shndx. */
static struct elf_section *find_symtab(struct elf_file *elf, Elf_Data **xindex)
{
    struct elf_section *symtab = NULL;

    *xindex = NULL;
    for (size_t i = 1; i < elf->section_count; i++) {
        if (elf->sections[i].shdr.sh_type == SHT_SYMTAB && !symtab)
            symtab = &elf->sections[i];
        else if (elf->sections[i].shdr.sh_type == SHT_SYMTAB_SHNDX)
            *xindex = elf_getdata(elf->sections[i].scn, NULL);
    }
    return symtab;
}

/* Which section, or which special kind, a symbol is defined in. */
static int place_symbol(struct symbol *symbol, const GElf_Sym *sym, Elf32_Word extended,
                        struct sc_error **err)
{
    struct object *object = symbol->object;
    size_t index = sym->st_shndx;

    if (index == SHN_UNDEF)
        return 0;
    symbol->common = index == SHN_COMMON;
    symbol->absolute = index == SHN_ABS;
    if (index == SHN_XINDEX)
        index = extended;
    else if (index >= SHN_LORESERVE)
        return symbol->common || symbol->absolute
                   ? 0
                   : bad_object(object, err, "symbol with an unknown kind of section");
    if (index == 0 || index >= object->section_count)
        return bad_object(object, err, "symbol in a section that does not exist");
    symbol->section = &object->sections[index];
    if (symbol->value > symbol->section->size ||
        symbol->size > symbol->section->size - symbol->value)
        return bad_object(object, err, "symbol reaches beyond its section");
    return 0;
}

static int read_symbol(struct object *object, Elf_Data *data, Elf_Data *xindex, size_t names,
                       size_t index, struct sc_error **err)
{
    struct symbol *symbol = &object->symbols[index];
    Elf32_Word extended = 0;
    GElf_Sym sym;

    if (!gelf_getsymshndx(data, xindex, (int)index, &sym, &extended))
        return bad_object(object, err, "unreadable symbol");
    symbol->object = object;
    symbol->name = elf_strptr(object->elf->elf, names, sym.st_name);
    if (!symbol->name)
        return bad_object(object, err, "symbol with a name outside the string table");
    symbol->value = sym.st_value;
    symbol->size = sym.st_size;
    symbol->type = GELF_ST_TYPE(sym.st_info);
    symbol->bind = GELF_ST_BIND(sym.st_info);
    symbol->visibility = GELF_ST_VISIBILITY(sym.st_other);
    symbol->key = name_key(object->pool, symbol->name);
    symbol->numbered = strcmp(symbol->key, symbol->name) != 0;
    symbol->counted = name_is_cxx(symbol->name) && !name_is_cxx(symbol->key);
    return place_symbol(symbol, &sym, extended, err);
}

/* Puts a defined symbol into the lists of its object and section. */
static void enlist_symbol(struct object *object, struct symbol *symbol)
{
    struct section *section = symbol->section;

    if (symbol->type == STT_SECTION || symbol->type == STT_FILE || symbol->absolute ||
        !symbol_is_defined(symbol) || (section && section->kind == SECTION_IGNORED))
        return;
    if (section) {
        bool constant = section->kind == SECTION_RODATA || section->kind == SECTION_STRINGS ||
                        section->kind == SECTION_CONSTANTS;

        symbol->by_content = section->kind == SECTION_STRINGS ||
                             section->kind == SECTION_CONSTANTS ||
                             (constant && name_is_compiler_made(symbol->name));
        list_add(object->pool, &section->symbols, symbol);
    }
    list_add(object->pool, &object->all, symbol);
    name_index_add(object->pool, &object->names, symbol->name, symbol);
}

static int read_symbols(struct object *object, struct sc_error **err)
{
    Elf_Data *xindex, *data;
    struct elf_section *symtab = find_symtab(object->elf, &xindex);

    if (!symtab)
        return bad_object(object, err, "no symbol table");
    data = elf_getdata(symtab->scn, NULL);
    if (!data || symtab->shdr.sh_entsize != sizeof(Elf64_Sym))
        return bad_object(object, err, "unreadable symbol table");
    object->symbol_count = data->d_size / sizeof(Elf64_Sym);
    object->symbols = pool_alloc(object->pool, (object->symbol_count + 1) * sizeof(struct symbol));
    for (size_t i = 0; i < object->symbol_count; i++) {
        if (read_symbol(object, data, xindex, symtab->shdr.sh_link, i, err) < 0)
            return -1;
        if (i)
            enlist_symbol(object, &object->symbols[i]);
    }
    name_index_sort(&object->names);
    return 0;
}

static int compare_relocations(const void *a, const void *b)
{
    const struct relocation *x = a, *y = b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int read_relocation(struct section *section, const struct arch *arch, Elf_Data *data,
                           size_t index, struct sc_error **err)
{
    struct relocation *relocation = &section->relocations[index];
    GElf_Rela rela;

    if (!gelf_getrela(data, (int)index, &rela) ||
        GELF_R_SYM(rela.r_info) >= section->object->symbol_count)
        return bad_object(section->object, err, "unreadable relocation");
    if (rela.r_offset >= section->size)
        return bad_object(section->object, err, "relocation outside its section");
    if (rela.r_addend < -ADDEND_LIMIT || rela.r_addend > ADDEND_LIMIT)
        return bad_object(section->object, err, "relocation with an addend of 63 bits");
    relocation->section = section;
    relocation->offset = rela.r_offset;
    relocation->type = (uint32_t)GELF_R_TYPE(rela.r_info);
    relocation->class = arch->reloc_class(relocation->type);
    relocation->symbol = &section->object->symbols[GELF_R_SYM(rela.r_info)];
    relocation->addend = rela.r_addend;
    return 0;
}

static int read_relocations(struct object *object, const struct arch *arch,
                            const struct elf_section *from, struct sc_error **err)
{
    struct section *section;
    Elf_Data *data;

    if (from->shdr.sh_info == 0 || from->shdr.sh_info >= object->section_count)
        return bad_object(object, err, "relocations for a section that does not exist");
    section = &object->sections[from->shdr.sh_info];
    if (section->kind == SECTION_IGNORED || from->shdr.sh_size == 0)
        return 0;
    if (from->shdr.sh_type == SHT_REL || section->relocations)
        return bad_object(object, err, "unexpected kind of relocations");
    data = elf_getdata(from->scn, NULL);
    if (!data || from->shdr.sh_entsize != sizeof(Elf64_Rela))
        return bad_object(object, err, "unreadable relocations");
    section->relocation_count = data->d_size / sizeof(Elf64_Rela);
    section->relocations =
        pool_alloc(object->pool, (section->relocation_count + 1) * sizeof(*section->relocations));
    for (size_t i = 0; i < section->relocation_count; i++)
        if (read_relocation(section, arch, data, i, err) < 0)
            return -1;
    qsort(section->relocations, section->relocation_count, sizeof(*section->relocations),
          compare_relocations);
    return 0;
}

static int read_contents(struct object *object, const struct arch *arch, struct sc_error **err)
{
    if (object->elf->ehdr.e_type != ET_REL || object->elf->ehdr.e_machine != arch->machine)
        return bad_object(object, err, "is not an object file of this architecture");
    if (read_sections(object, err) < 0 || read_symbols(object, err) < 0)
        return -1;
    for (size_t i = 1; i < object->section_count; i++) {
        uint32_t type = object->elf->sections[i].shdr.sh_type;

        if ((type == SHT_RELA || type == SHT_REL) &&
            read_relocations(object, arch, &object->elf->sections[i], err) < 0)
            return -1;
    }
    return 0;
}

/* Ties NAME.cold to NAME; a cold part without a parent stays a function of its own. */
static void find_cold_parts(struct object *object)
{
    for (size_t i = 0; i < object->all.count; i++) {
        struct symbol *symbol = object->all.items[i];
        const char *name =
            symbol_is_function(symbol) ? name_cold_parent(object->pool, symbol->name) : NULL;
        size_t count;

        if (!name)
            continue;
        symbol->parent = object_symbol(object, name, &count);
        if (count != 1 || !symbol_is_function(symbol->parent))
            symbol->parent = NULL;
        else
            list_add(object->pool, &symbol->parent->children, symbol);
    }
    for (size_t i = 0; i < object->all.count; i++) {
        struct symbol *symbol = object->all.items[i];

        if (symbol_is_function(symbol) && !symbol->parent && symbol->type == STT_FUNC)
            list_add(object->pool, &object->functions, symbol);
    }
}

struct object *object_read(struct pool *pool, const struct arch *arch, struct decoder *decoder,
                           const char *path, struct sc_error **err)
{
    struct object *object = pool_alloc(pool, sizeof(*object));

    object->pool = pool;
    object->elf = elf_file_open(path, err);
    if (!object->elf)
        return NULL;
    if (read_contents(object, arch, err) < 0 ||
        object_find_targets(object, arch, decoder, err) < 0) {
        object_close(object);
        return NULL;
    }
    find_cold_parts(object);
    eh_frame_attach(object);
    return object;
}

void object_close(struct object *object)
{
    if (!object)
        return;
    elf_file_close(object->elf);
    object->elf = NULL;
}

struct symbol *object_symbol(struct object *object, const char *name, size_t *count)
{
    struct name_entry *entry = name_index_find(&object->names, name, count);

    return entry ? entry->item : NULL;
}

size_t section_relocation_from(const struct section *section, uint64_t offset)
{
    size_t low = 0, high = section->relocation_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (section->relocations[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Compares a shipped ELF file with a rebuilt one, and says where they differ.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/string_list.h"
#include "rpmtools/faithful_P.h"

#include <string.h>

#define FUNCTIONS_NAMED 8 /* so many differing functions are named in a message */

/* The symbols of a file. */
struct symbol_table {
    Elf *elf;
    Elf_Data *data;
    size_t names; /* index of the string table */
    size_t count;
};

/* From section i on, the next that is mapped into memory; section_count at the end. */
static size_t next_allocated(const struct elf_file *file, size_t i)
{
    while (i < file->section_count && !(file->sections[i].shdr.sh_flags & SHF_ALLOC))
        i++;
    return i;
}

/* In a .debug file all sections of the program are SHT_NOBITS, whatever they were. */
static bool same_type(uint32_t a, uint32_t b)
{
    return a == b || a == SHT_NOBITS || b == SHT_NOBITS;
}

/* The order matters: a moved section has other addresses, and the size is the plainer reason. */
static int same_header(const struct elf_section *a, const struct elf_section *b,
                       struct sc_error **err)
{
    if (strcmp(a->name, b->name) != 0)
        return sc_error_set(err, SC_REFUSED, "section %s was shipped where the rebuild has %s",
                            a->name, b->name);
    if (a->shdr.sh_size != b->shdr.sh_size)
        return sc_error_set(err, SC_REFUSED, "section %s has %llu bytes shipped, %llu rebuilt",
                            a->name, (unsigned long long)a->shdr.sh_size,
                            (unsigned long long)b->shdr.sh_size);
    if (a->shdr.sh_addr != b->shdr.sh_addr)
        return sc_error_set(err, SC_REFUSED, "section %s is at %#llx shipped, at %#llx rebuilt",
                            a->name, (unsigned long long)a->shdr.sh_addr,
                            (unsigned long long)b->shdr.sh_addr);
    if (!same_type(a->shdr.sh_type, b->shdr.sh_type) || a->shdr.sh_flags != b->shdr.sh_flags)
        return sc_error_set(err, SC_REFUSED, "section %s has another type or flags", a->name);
    return 0;
}

int faithful_same_layout(struct elf_file *shipped, struct elf_file *own, struct sc_error **err)
{
    size_t i = next_allocated(shipped, 1), j = next_allocated(own, 1);

    if (shipped->section_count == 0 || own->section_count == 0)
        return sc_error_set(err, SC_REFUSED, "there are no section headers");
    while (i < shipped->section_count && j < own->section_count) {
        if (same_header(&shipped->sections[i], &own->sections[j], err) < 0)
            return -1;
        i = next_allocated(shipped, i + 1);
        j = next_allocated(own, j + 1);
    }
    if (i < shipped->section_count)
        return sc_error_set(err, SC_REFUSED, "section %s is missing in the rebuild",
                            shipped->sections[i].name);
    if (j < own->section_count)
        return sc_error_set(err, SC_REFUSED, "section %s is new in the rebuild",
                            own->sections[j].name);
    return 0;
}

/* False when the file has no .symtab. */
static bool symbols_open(struct elf_file *file, struct symbol_table *table)
{
    struct elf_section *section = file ? elf_section_find(file, ".symtab") : NULL;

    if (!section || section->shdr.sh_type != SHT_SYMTAB)
        return false;
    table->elf = file->elf;
    table->data = elf_getdata(section->scn, NULL);
    table->names = section->shdr.sh_link;
    table->count = table->data ? table->data->d_size / sizeof(Elf64_Sym) : 0;
    return table->count > 0;
}

/* A symbol and its name; NULL when the table is damaged. */
static const char *symbol_get(const struct symbol_table *table, size_t i, GElf_Sym *symbol)
{
    if (!gelf_getsym(table->data, (int)i, symbol))
        return NULL;
    return elf_strptr(table->elf, table->names, symbol->st_name);
}

static int symbol_differs(const char *name, struct sc_error **err)
{
    return sc_error_set(err, SC_REFUSED, "symbol %s differs", name ? name : "?");
}

/*
 * In order: two builds of the same sources by the same tools have the same order, and a moved
 * symbol is the first sign that they are not.
 */
int faithful_same_symbols(struct elf_file *shipped, struct elf_file *own, struct sc_error **err)
{
    struct symbol_table a, b;

    if (!symbols_open(shipped, &a))
        return sc_error_set(err, SC_REFUSED, "%s has no symbol table", shipped->path);
    if (!symbols_open(own, &b))
        return sc_error_set(err, SC_REFUSED, "%s has no symbol table", own->path);
    for (size_t i = 0; i < a.count && i < b.count; i++) {
        GElf_Sym x, y;
        const char *name = symbol_get(&a, i, &x), *other = symbol_get(&b, i, &y);

        if (!name || !other)
            return sc_error_set(err, SC_REFUSED, "the symbol table is damaged");
        if (strcmp(name, other) != 0 || x.st_info != y.st_info)
            return sc_error_set(err, SC_REFUSED, "symbol %zu is %s shipped, %s rebuilt", i, name,
                                other);
        if (x.st_value != y.st_value || x.st_size != y.st_size)
            return symbol_differs(name, err);
    }
    if (a.count != b.count)
        return sc_error_set(err, SC_REFUSED, "there are %zu symbols shipped, %zu rebuilt", a.count,
                            b.count);
    return 0;
}

/* Uncompresses the section in memory if it is compressed (gABI, "Section Compression"). */
static int section_expand(struct elf_file *file, struct elf_section *section, struct sc_error **err)
{
    if (!(section->shdr.sh_flags & SHF_COMPRESSED))
        return 0;
    if (elf_compress(section->scn, 0, 0) < 0 || !gelf_getshdr(section->scn, &section->shdr))
        return sc_error_set(err, SC_REFUSED, "%s: section %s cannot be uncompressed: %s",
                            file->path, section->name, elf_errmsg(-1));
    return 0;
}

/*
 * Compares contents. *where gets the offset of the first byte that differs, or SIZE_MAX when they
 * are equal. -1 only when they cannot be read.
 */
static int compare_contents(struct elf_file *shipped, struct elf_section *a, struct elf_file *own,
                            struct elf_section *b, size_t *where, struct sc_error **err)
{
    const uint8_t *x, *y;
    size_t x_size, y_size, i = 0;

    if (section_expand(shipped, a, err) < 0 || section_expand(own, b, err) < 0 ||
        elf_section_data(shipped, a, &x, &x_size, err) < 0 ||
        elf_section_data(own, b, &y, &y_size, err) < 0)
        return -1;
    while (i < x_size && i < y_size && x[i] == y[i])
        i++;
    *where = i == x_size && i == y_size ? SIZE_MAX : i;
    return 0;
}

/* The bytes of a function in a file; NULL when no section has all of them. */
static const uint8_t *function_bytes(struct elf_file *file, const GElf_Sym *symbol)
{
    for (size_t i = next_allocated(file, 1); i < file->section_count;
         i = next_allocated(file, i + 1)) {
        const GElf_Shdr *shdr = &file->sections[i].shdr;
        const uint8_t *data;
        size_t size;

        if (symbol->st_value < shdr->sh_addr || symbol->st_value - shdr->sh_addr >= shdr->sh_size)
            continue;
        if (elf_section_data(file, &file->sections[i], &data, &size, NULL) < 0 ||
            symbol->st_value - shdr->sh_addr > size ||
            size - (symbol->st_value - shdr->sh_addr) < symbol->st_size)
            return NULL;
        return data + (symbol->st_value - shdr->sh_addr);
    }
    return NULL;
}

/* Only called when both files have the same layout, so that one address is right for both. */
static bool function_differs(struct elf_file *shipped, struct elf_file *own, const GElf_Sym *symbol)
{
    const uint8_t *a = function_bytes(shipped, symbol), *b = function_bytes(own, symbol);

    return a && b && memcmp(a, b, symbol->st_size) != 0;
}

/* "a, b and 5 more" of the first few names and the number of others. */
static char *enumerate(const struct string_list *names, size_t more)
{
    cleanup_free char *joined = string_list_join(names, ", ");

    return more ? sc_format("%s and %zu more", joined, more) : steal_pointer(&joined);
}

/* Keeps the first few names, and counts the rest. */
static void enlist(struct string_list *names, size_t *more, const char *name)
{
    if (names->count < FUNCTIONS_NAMED)
        string_list_add(names, name);
    else
        ++*more;
}

/* "; functions that differ: a, b and 5 more", or "". */
static char *name_functions(struct elf_file *shipped, struct elf_file *own,
                            struct elf_file *symbols)
{
    cleanup_strings struct string_list names = {0};
    cleanup_free char *joined = NULL;
    struct symbol_table table;
    size_t more = 0;

    if (!symbols_open(symbols, &table))
        return sc_format("%s", "");
    for (size_t i = 0; i < table.count; i++) {
        GElf_Sym symbol;
        const char *name = symbol_get(&table, i, &symbol);

        if (!name || GELF_ST_TYPE(symbol.st_info) != STT_FUNC || !symbol.st_size ||
            !function_differs(shipped, own, &symbol) || string_list_has(&names, name))
            continue;
        enlist(&names, &more, name);
    }
    joined = enumerate(&names, more);
    return sc_format("%s%s", names.count ? "; functions that differ: " : "", joined);
}

int faithful_same_code(struct elf_file *shipped, struct elf_file *own, struct elf_file *symbols,
                       struct sc_error **err)
{
    if (faithful_same_layout(shipped, own, err) < 0)
        return -1;
    for (size_t i = next_allocated(shipped, 1), j = next_allocated(own, 1);
         i < shipped->section_count;
         i = next_allocated(shipped, i + 1), j = next_allocated(own, j + 1)) {
        struct elf_section *a = &shipped->sections[i], *b = &own->sections[j];
        cleanup_free char *functions = NULL;
        size_t where;

        if (elf_section_is_build_id(shipped, a) && elf_section_is_build_id(own, b))
            continue;
        if (a->shdr.sh_type != b->shdr.sh_type)
            return sc_error_set(err, SC_REFUSED, "section %s has another type", a->name);
        if (compare_contents(shipped, a, own, b, &where, err) < 0)
            return -1;
        if (where == SIZE_MAX)
            continue;
        functions = name_functions(shipped, own, symbols);
        return sc_error_set(err, SC_REFUSED, "section %s differs at byte %zu (address %#llx)%s",
                            a->name, where, (unsigned long long)a->shdr.sh_addr + where, functions);
    }
    return 0;
}

/* Sections of .debug files that differ between equal builds, or are compared symbol by symbol. */
static bool is_incidental(struct elf_file *file, const struct elf_section *section)
{
    static const char *const names[] = {".gnu_debuglink", ".gnu_debugaltlink", ".gnu_debugdata",
                                        ".symtab",        ".strtab",           ".shstrtab"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(section->name, names[i]) == 0)
            return true;
    return elf_section_is_build_id(file, section);
}

/* One section of the shipped file with that of the same name. */
static int same_section(struct elf_file *shipped, struct elf_section *a, struct elf_file *own,
                        struct sc_error **err)
{
    struct elf_section *b = elf_section_find(own, a->name);
    size_t where;

    if (!b)
        return sc_error_set(err, SC_REFUSED, "section %s is missing in the rebuild", a->name);
    /* one of the two files may be the program itself */
    if ((b->shdr.sh_flags & SHF_ALLOC) && b->shdr.sh_type == SHT_NOBITS)
        return 0;
    if (compare_contents(shipped, a, own, b, &where, err) < 0)
        return -1;
    if (where != SIZE_MAX)
        return sc_error_set(err, SC_REFUSED, "section %s differs at byte %zu", a->name, where);
    return 0;
}

/* Sections that only the program has are not missed: the other file may be stripped of them. */
int faithful_same_debug(struct elf_file *shipped, struct elf_file *own, struct sc_error **err)
{
    size_t compared = 0;

    for (size_t i = 1; i < shipped->section_count; i++) {
        struct elf_section *section = &shipped->sections[i];

        if (section->shdr.sh_type == SHT_NOBITS || is_incidental(shipped, section))
            continue;
        if (same_section(shipped, section, own, err) < 0)
            return -1;
        compared += strcmp(section->name, ".debug_info") == 0;
    }
    for (size_t i = 1; i < own->section_count; i++)
        if (strncmp(own->sections[i].name, ".debug_", 7) == 0 &&
            !elf_section_find(shipped, own->sections[i].name))
            return sc_error_set(err, SC_REFUSED, "section %s is new in the rebuild",
                                own->sections[i].name);
    if (!compared)
        return sc_error_set(err, SC_REFUSED, "%s has no debugging information", shipped->path);
    return 0;
}

const char *faithful_alternate(struct elf_file *file)
{
    struct elf_section *section = elf_section_find(file, ".gnu_debugaltlink");
    const uint8_t *data;
    size_t size;

    if (!section || elf_section_data(file, section, &data, &size, NULL) < 0 ||
        !memchr(data ? data : (const uint8_t *)"", 0, size))
        return NULL;
    return (const char *)data;
}

/* A function's name and size, to be sorted. */
struct function {
    const char *name;
    uint64_t size;
};

/* By size too, so that several static functions of one name pair up. */
static int compare_functions(const void *a, const void *b)
{
    const struct function *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : (x->size > y->size) - (x->size < y->size);
}

/* All functions of a file, sorted; *list is malloc'd. */
static size_t sort_functions(struct elf_file *file, struct function **list)
{
    struct symbol_table table;
    size_t count = 0;

    *list = NULL;
    if (!symbols_open(file, &table))
        return 0;
    *list = calloc(table.count, sizeof(**list));
    if (!*list)
        abort();
    for (size_t i = 0; i < table.count; i++) {
        GElf_Sym symbol;
        const char *name = symbol_get(&table, i, &symbol);

        if (name && GELF_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_size)
            (*list)[count++] = (struct function){name, symbol.st_size};
    }
    qsort(*list, count, sizeof(**list), compare_functions);
    return count;
}

char *faithful_resized(struct elf_file *shipped, struct elf_file *own)
{
    cleanup_strings struct string_list names = {0};
    cleanup_free struct function *a = NULL;
    cleanup_free struct function *b = NULL;
    size_t a_count = sort_functions(shipped, &a), b_count = sort_functions(own, &b), more = 0;
    cleanup_free char *text = NULL;

    /* merging both: what has no equal on the other side differs, once for each name */
    for (size_t i = 0, j = 0; i < a_count && j < b_count;) {
        int order = compare_functions(&a[i], &b[j]);
        const char *name = order <= 0 ? a[i].name : b[j].name;

        if (order && !string_list_has(&names, name))
            enlist(&names, &more, name);
        i += order <= 0;
        j += order >= 0;
    }
    if (!names.count)
        return NULL;
    text = enumerate(&names, more);
    return sc_format("functions of another size, new or missing: %s", text);
}

/* The first string of the section that begins with prefix ("" for any), or NULL. */
static const char *find_string(struct elf_file *file, const char *name, const char *prefix)
{
    struct elf_section *section = elf_section_find(file, name);
    const uint8_t *data;
    size_t size;

    if (!section || section_expand(file, section, NULL) < 0 ||
        elf_section_data(file, section, &data, &size, NULL) < 0)
        return NULL;
    for (size_t at = 0; at < size; at += strlen((const char *)data + at) + 1) {
        if (!memchr(data + at, 0, size - at))
            return NULL;
        if (data[at] && strncmp((const char *)data + at, prefix, strlen(prefix)) == 0)
            return (const char *)data + at;
    }
    return NULL;
}

char *faithful_compilers(struct elf_file *shipped, struct elf_file *own)
{
    /* DW_AT_producer is found by its text: with dwz it may stand in a file that is not here */
    static const char *const places[][2] = {
        {".comment", ""}, {".debug_str", "GNU C"}, {".debug_line_str", "GNU C"}};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const char *a = find_string(shipped, places[i][0], places[i][1]);
        const char *b = find_string(own, places[i][0], places[i][1]);

        if (a && b && strcmp(a, b) != 0)
            return sc_format("compilers: shipped '%.300s', rebuilt '%.300s'", a, b);
    }
    return NULL;
}

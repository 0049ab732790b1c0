// SPDX-License-Identifier: GPL-2.0-or-later
// Finds in the DWARF of an object which function each static local variable belongs to.
//
// The symbols n.0 and n.1 do not tell: numbers are counted up afresh, and a function may use the
// variables of all that was inlined into it. A variable of one function is never that of another,
// even if the code that uses it is the same.
//
// With link-time optimisation static variables and functions of many files may have one name. What
// is known of each lies in the debugging information of its file, which it refers to by a symbol
// (main.c.5d9907ac, with a checksum of what is declared there): the file is the owner of functions,
// and of variables that are in no function.
#include "differ/static_owner.h"

#include "differ/differ.h"
#include "differ/dwarf_die.h"
#include "differ/names.h"
#include "differ/read.h"
#include "lib/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* A relocation of debugging information: the address that stands there. */
struct place {
    uint64_t offset;
    struct symbol *symbol;
    int64_t addend;
};

/* Those of one section, by offset. */
struct places {
    struct place *items;
    size_t count;
};

struct owner_reader {
    struct dwarf_file file;
    struct object *object;
    struct places info, ranges; /* ranges: .debug_rnglists, or before DWARF 5 .debug_ranges */
    uint64_t skip;              /* bytes before the address of an entry there */
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void read_places(struct owner_reader *reader, const char *name, struct places *places)
{
    struct elf_section *rela = elf_section_find(reader->object->elf, name);
    Elf_Data *data = rela ? elf_getdata(rela->scn, NULL) : NULL;
    size_t count = data ? data->d_size / sizeof(Elf64_Rela) : 0;

    places->items = pool_alloc(reader->file.pool, (count + 1) * sizeof(*places->items));
    for (size_t i = 0; i < count; i++) {
        GElf_Rela entry;

        if (!gelf_getrela(data, (int)i, &entry) ||
            GELF_R_SYM(entry.r_info) >= reader->object->symbol_count)
            continue;
        places->items[places->count++] = (struct place){
            entry.r_offset, &reader->object->symbols[GELF_R_SYM(entry.r_info)], entry.r_addend};
    }
    if (places->count)
        qsort(places->items, places->count, sizeof(*places->items), compare_places);
}

static const struct place *place_at(const struct places *places, uint64_t offset)
{
    const struct place key = {.offset = offset};

    return bsearch(&key, places->items, places->count, sizeof(*places->items), compare_places);
}

/* What has its address there: a thing with a size, and one name only. NULL for none. */
static struct symbol *symbol_of(const struct place *place)
{
    const struct section *section = place ? place->symbol->section : NULL;
    uint64_t value = section ? place->symbol->value + (uint64_t)place->addend : 0;
    struct symbol *found = NULL;

    for (size_t i = section ? section_symbol_from(section, value) : 0;
         section && i < section->symbols.count; i++) {
        struct symbol *symbol = section->symbols.items[i];

        if (symbol->value != value)
            break;
        if (symbol->size && found)
            return NULL;
        found = symbol->size ? symbol : found;
    }
    return found;
}

/* The length of the file's name in such a symbol: without the checksum. 0: it is none. */
static size_t file_length(const char *symbol)
{
    const char *dot = strrchr(symbol, '.');

    return dot && dot > symbol && strlen(dot + 1) == 8 && strspn(dot + 1, "0123456789abcdef") == 8
               ? (size_t)(dot - symbol)
               : 0;
}

/* The symbols of files, by the names of the files. */
static void index_files(struct object *object, struct name_index *index)
{
    for (size_t i = 1; i < object->symbol_count; i++) {
        struct symbol *symbol = &object->symbols[i];
        size_t length = file_length(symbol->name);

        if (length)
            name_index_add(object->pool, index,
                           pool_format(object->pool, "%.*s", (int)length, symbol->name), symbol);
    }
    name_index_sort(index);
}

static bool has_symbol(const struct name_entry *files, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(((const struct symbol *)files[i].item)->name, name) == 0)
            return true;
    return false;
}

static size_t count_others(const struct name_entry *files, size_t count,
                           const struct name_entry *others, size_t other_count)
{
    size_t alone = 0;

    for (size_t i = 0; i < count; i++)
        alone += !has_symbol(others, other_count, ((const struct symbol *)files[i].item)->name);
    return alone;
}

/*
 * Sets `owner` of a version's symbols of files. Those of one name lie in several directories: the
 * checksum tells which is which, as long as at most one of them changed; else it is not known.
 */
static void name_files(const struct name_index *index, const struct name_index *other)
{
    for (size_t i = 0; i < index->count;) {
        const char *name = index->entries[i].name;
        size_t mine, theirs;
        struct name_entry *files = name_index_find(index, name, &mine);
        struct name_entry *others = name_index_find(other, name, &theirs);
        bool only = mine == 1 && theirs <= 1;
        bool known = count_others(files, mine, others, theirs) <= 1 &&
                     count_others(others, theirs, files, mine) <= 1;

        for (size_t j = 0; j < mine; j++) {
            struct symbol *symbol = files[j].item;

            if (!only && has_symbol(others, theirs, symbol->name))
                symbol->owner = symbol->name;
            else
                symbol->owner = only || known ? name : NULL;
        }
        i += mine;
    }
}

/*
 * NAME or NAME.lto_priv.3, which is no longer local if other partitions use it; static variables of
 * functions have a number of their own before that.
 */
static bool is_of_file(const struct symbol *variable)
{
    const char *dot = strchr(variable->name, '.');

    return dot ? strncmp(dot, ".lto_priv.", 10) == 0 : variable->bind == STB_LOCAL;
}

/* The place that an attribute holds, or NULL. */
static const struct place *attribute_place(struct owner_reader *reader, Dwarf_Die die,
                                           Dwarf_Half name)
{
    Dwarf_Attribute attribute;
    Dwarf_Error error = NULL;
    Dwarf_Off offset = 0;
    const struct place *place = NULL;

    if (dwarf_attr(die, name, &attribute, &error) != DW_DLV_OK)
        return NULL;
    if (dwarf_attr_offset(die, attribute, &offset, &error) == DW_DLV_OK)
        place = place_at(&reader->info, offset);
    dwarf_dealloc(reader->file.dwarf, attribute, DW_DLA_ATTR);
    return place;
}

/* The file that something in an LTO object is said to come from, or NULL. */
static const char *file_of(struct owner_reader *reader, Dwarf_Die die)
{
    const struct place *place =
        reader->object->job->lto ? attribute_place(reader, die, DW_AT_abstract_origin) : NULL;

    return place && file_length(place->symbol->name) ? place->symbol->owner : NULL;
}

/* Of what has its name in all files, any one may hold the copy: that tells nothing. */
static bool may_be_static(const char *name)
{
    return !name_is_cxx(name) || strncmp(name, "_ZL", 3) == 0 || strstr(name, "_GLOBAL__N_");
}

/* A function has a first address, or, where a part of it lies elsewhere, a list of ranges. */
static void read_function(struct owner_reader *reader, Dwarf_Die die)
{
    const char *file = file_of(reader, die);
    const struct place *place = file ? attribute_place(reader, die, DW_AT_low_pc) : NULL;
    struct symbol *symbol;

    if (file && !place) {
        place = attribute_place(reader, die, DW_AT_ranges);
        if (place)
            place = place_at(&reader->ranges,
                             place->symbol->value + (uint64_t)place->addend + reader->skip);
    }
    symbol = symbol_of(place);
    if (symbol && symbol_is_function(symbol) && !symbol->parent && may_be_static(symbol->name))
        symbol->owner = file;
}

/* DW_AT_location is a block of nine bytes with its length before them: DW_OP_addr, the address. */
static void read_variable(struct owner_reader *reader, Dwarf_Die die, const char *owner)
{
    Dwarf_Attribute attribute;
    Dwarf_Error error = NULL;
    Dwarf_Off offset = 0;
    Dwarf_Half form = 0;
    struct symbol *symbol = NULL;

    bool file = !owner;

    if (file)
        owner = file_of(reader, die);
    if (!owner || dwarf_attr(die, DW_AT_location, &attribute, &error) != DW_DLV_OK)
        return;
    if (dwarf_whatform(attribute, &form, &error) == DW_DLV_OK && form == DW_FORM_exprloc &&
        dwarf_attr_offset(die, attribute, &offset, &error) == DW_DLV_OK)
        symbol = symbol_of(place_at(&reader->info, offset + 2));
    if (symbol && !symbol_is_function(symbol) &&
        (!file || (is_of_file(symbol) && may_be_static(symbol->name))))
        symbol->owner = owner;
    dwarf_dealloc(reader->file.dwarf, attribute, DW_DLA_ATTR);
}

static void read_scope(struct owner_reader *reader, Dwarf_Die parent, const char *owner)
{
    if (!dwarf_enter(&reader->file))
        return;
    for (Dwarf_Die die = dwarf_die_child(&reader->file, parent); die;
         die = dwarf_die_next(&reader->file, die)) {
        const char *name = owner;

        switch (dwarf_die_tag(&reader->file, die)) {
        case DW_TAG_subprogram:
            read_function(reader, die);
            __attribute__((fallthrough));
        case DW_TAG_inlined_subroutine:
            /* with link-time optimisation names are in what .debug_info refers to */
            name = reader->object->job->lto ? NULL : dwarf_die_name(&reader->file, die);
            __attribute__((fallthrough));
        case DW_TAG_lexical_block:
        case DW_TAG_namespace:
        case DW_TAG_structure_type:
        case DW_TAG_class_type:
            read_scope(reader, die, name);
            break;
        case DW_TAG_variable:
            read_variable(reader, die, owner);
            break;
        default:
            break;
        }
    }
    dwarf_leave(&reader->file);
}

static bool has_statics(const struct object *object)
{
    for (size_t i = 0; i < object->all.count; i++) {
        const struct symbol *symbol = object->all.items[i];

        if (symbol->numbered && !symbol->by_content && !symbol_is_function(symbol))
            return true;
    }
    return false;
}

bool static_owners_agree(const struct symbol *a, const struct symbol *b)
{
    return !a->owner || !b->owner || strcmp(a->owner, b->owner) == 0;
}

static void read_object(struct object *object)
{
    cleanup_error struct sc_error *error = NULL; /* what is not known is compared without it */
    struct owner_reader reader = {.object = object};
    Dwarf_Die unit;

    if ((!object->job->lto && !has_statics(object)) ||
        dwarf_file_open(&reader.file, object->pool, object->elf->path, &error) <= 0)
        return;
    read_places(&reader, ".rela.debug_info", &reader.info);
    read_places(&reader, ".rela.debug_rnglists", &reader.ranges);
    reader.skip = reader.ranges.count ? 1 : 0; /* the kind of the entry */
    if (!reader.ranges.count)
        read_places(&reader, ".rela.debug_ranges", &reader.ranges);
    while ((unit = dwarf_file_next_unit(&reader.file))) {
        read_scope(&reader, unit, NULL);
        dwarf_die_free(&reader.file, unit);
    }
    dwarf_file_close(&reader.file);
}

void static_owners_read(struct object *original, struct object *patched)
{
    struct name_index theirs = {0}, mine = {0};

    if (original->job->lto) {
        index_files(original, &theirs);
        index_files(patched, &mine);
        name_files(&theirs, &mine);
        name_files(&mine, &theirs);
    }
    read_object(original);
    read_object(patched);
}

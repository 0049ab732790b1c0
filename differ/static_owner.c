// SPDX-License-Identifier: GPL-2.0-or-later
// Finds in the DWARF of an object which function each static local variable belongs to.
//
// The symbols n.0 and n.1 do not tell: numbers are counted up afresh, and a function may use the
// variables of all that was inlined into it. A variable of one function is never that of another,
// even if the code that uses it is the same.
//
// With link-time optimisation static variables of many files may have one name. What is known of
// each lies in the debugging information of its file, which it refers to by a symbol
// (main.c.5d9907ac): the file is the owner of those that are in no function.
#include "differ/static_owner.h"

#include "differ/differ.h"
#include "differ/dwarf_die.h"
#include "lib/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* A relocation of .debug_info: the addresses that stand in it. */
struct place {
    uint64_t offset;
    struct symbol *symbol;
    int64_t addend;
};

struct owner_reader {
    struct dwarf_file file;
    struct object *object;
    struct place *places; /* by offset */
    size_t place_count;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void read_places(struct owner_reader *reader)
{
    struct elf_section *rela = elf_section_find(reader->object->elf, ".rela.debug_info");
    Elf_Data *data = rela ? elf_getdata(rela->scn, NULL) : NULL;
    size_t count = data ? data->d_size / sizeof(Elf64_Rela) : 0;

    reader->places = pool_alloc(reader->file.pool, (count + 1) * sizeof(*reader->places));
    for (size_t i = 0; i < count; i++) {
        GElf_Rela entry;

        if (!gelf_getrela(data, (int)i, &entry) ||
            GELF_R_SYM(entry.r_info) >= reader->object->symbol_count)
            continue;
        reader->places[reader->place_count++] = (struct place){
            entry.r_offset, &reader->object->symbols[GELF_R_SYM(entry.r_info)], entry.r_addend};
    }
    if (reader->place_count)
        qsort(reader->places, reader->place_count, sizeof(*reader->places), compare_places);
}

static const struct place *place_at(const struct owner_reader *reader, uint64_t offset)
{
    const struct place key = {.offset = offset};

    return bsearch(&key, reader->places, reader->place_count, sizeof(*reader->places),
                   compare_places);
}

/* The variable at the address that stands in .debug_info at offset, or NULL. */
static struct symbol *variable_at(const struct owner_reader *reader, uint64_t offset)
{
    const struct place *place = place_at(reader, offset);
    const struct section *section = place ? place->symbol->section : NULL;

    if (!section)
        return NULL;
    for (size_t i = 0; i < section->symbols.count; i++) {
        struct symbol *symbol = section->symbols.items[i];

        if (symbol->value == place->symbol->value + (uint64_t)place->addend && symbol->size)
            return symbol;
    }
    return NULL;
}

/* The length of the file's name in such a symbol: without the checksum. 0: it is none. */
static size_t file_length(const char *symbol)
{
    const char *dot = strrchr(symbol, '.');

    return dot && dot > symbol && strlen(dot + 1) == 8 && strspn(dot + 1, "0123456789abcdef") == 8
               ? (size_t)(dot - symbol)
               : 0;
}

/* True if there are several files of that name: then it tells nothing. */
static bool is_common_file(const struct object *object, const struct symbol *file)
{
    size_t length = file_length(file->name);

    for (size_t i = 1; i < object->symbol_count; i++) {
        const struct symbol *other = &object->symbols[i];

        if (other != file && file_length(other->name) == length &&
            strncmp(other->name, file->name, length) == 0 && strcmp(other->name, file->name) != 0)
            return true;
    }
    return false;
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

/* The file that an LTO object's variable is said to come from, or NULL. */
static const char *file_of(const struct owner_reader *reader, Dwarf_Die die)
{
    Dwarf_Attribute attribute;
    Dwarf_Error error = NULL;
    Dwarf_Off offset = 0;
    const struct place *place = NULL;

    if (!reader->object->job->lto ||
        dwarf_attr(die, DW_AT_abstract_origin, &attribute, &error) != DW_DLV_OK)
        return NULL;
    if (dwarf_attr_offset(die, attribute, &offset, &error) == DW_DLV_OK)
        place = place_at(reader, offset);
    dwarf_dealloc(reader->file.dwarf, attribute, DW_DLA_ATTR);
    if (!place || !file_length(place->symbol->name) ||
        is_common_file(reader->object, place->symbol))
        return NULL;
    return pool_format(reader->file.pool, "%.*s", (int)file_length(place->symbol->name),
                       place->symbol->name);
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
        symbol = variable_at(reader, offset + 2);
    if (symbol && (!file || is_of_file(symbol)))
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
        case DW_TAG_inlined_subroutine:
            name = dwarf_die_name(&reader->file, die);
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

void static_owners_read(struct object *object)
{
    cleanup_error struct sc_error *error = NULL; /* what is not known is compared without it */
    struct owner_reader reader = {.object = object};
    Dwarf_Die unit;

    if ((!object->job->lto && !has_statics(object)) ||
        dwarf_file_open(&reader.file, object->pool, object->elf->path, &error) <= 0)
        return;
    read_places(&reader);
    while ((unit = dwarf_file_next_unit(&reader.file))) {
        read_scope(&reader, unit, NULL);
        dwarf_die_free(&reader.file, unit);
    }
    dwarf_file_close(&reader.file);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Reads places of functions, variables and instructions from the DWARF of an object.
#include "differ/source_info.h"

#include "differ/dwarf_die.h"
#include "lib/cleanup.h"

#include <stdlib.h>
#include <string.h>

/* Chains of abstract origins and specifications: two or three in fact. */
#define ORIGINS_MAX 8

struct info_reader {
    struct dwarf_file file;
    struct source_info *info;
    const struct object *object;
    const struct edits *edits;
    struct section **sequences; /* the section that each sequence of lines is for */
    size_t sequence_count, sequence;
    bool unit; /* of link-time optimisation: its sections are not those of the object */
};

const char *source_name(struct pool *pool, const char *symbol)
{
    const char *dot = symbol[0] ? strchr(symbol + 1, '.') : NULL;

    return dot ? pool_format(pool, "%.*s", (int)(dot - symbol), symbol) : symbol;
}

/* --- entries ---------------------------------------------------------------------------------- */

static struct source_place thing_place(struct info_reader *reader, Dwarf_Die die, int depth)
{
    static const Dwarf_Half links[] = {DW_AT_abstract_origin, DW_AT_specification};
    struct source_place place = {0};
    uint64_t line, file;

    if (dwarf_die_number(&reader->file, die, DW_AT_decl_line, &line) &&
        dwarf_die_number(&reader->file, die, DW_AT_decl_file, &file)) {
        place.file = dwarf_file_name(&reader->file, file);
        place.line = place.file ? (uint32_t)line : 0;
        return place;
    }
    for (size_t i = 0; !place.line && depth < ORIGINS_MAX && i < 2; i++) {
        Dwarf_Die origin =
            dwarf_die_has(die, links[i]) ? dwarf_die_reference(&reader->file, die, links[i]) : NULL;

        if (origin)
            place = thing_place(reader, origin, depth + 1);
        dwarf_die_free(&reader->file, origin);
    }
    return place;
}

static struct source_thing *add_thing(struct info_reader *reader, Dwarf_Die die, struct list *list)
{
    struct source_thing *thing;
    const char *name = dwarf_die_name(&reader->file, die);
    bool edited;

    if (!name)
        return NULL;
    thing = pool_alloc(reader->file.pool, sizeof(*thing));
    thing->name = name;
    thing->place = thing_place(reader, die, 0);
    thing->from = thing->place.line;
    if (reader->info->patched && thing->place.file)
        thing->from =
            edits_line(edits_find(reader->edits, thing->place.file), thing->place.line, &edited);
    thing->to = thing->from;
    thing->has_code = dwarf_die_has(die, DW_AT_low_pc) || dwarf_die_has(die, DW_AT_ranges);
    thing->noreturn = dwarf_die_has(die, DW_AT_noreturn);
    list_add(reader->file.pool, list, thing);
    return thing;
}

static void read_scope(struct info_reader *reader, Dwarf_Die parent, struct source_thing *function);

/* One DIE below a unit, a scope or a function. */
static void read_die(struct info_reader *reader, Dwarf_Die die, struct source_thing *function)
{
    struct source_thing *thing;
    const char *name;

    switch (dwarf_die_tag(&reader->file, die)) {
    case DW_TAG_subprogram:
        /* a declaration is no place where code comes from; a method's has its place */
        thing = dwarf_die_has(die, DW_AT_declaration)
                    ? NULL
                    : add_thing(reader, die, &reader->info->functions);
        read_scope(reader, die, thing);
        break;
    case DW_TAG_inlined_subroutine:
        name = dwarf_die_name(&reader->file, die);
        if (function && name)
            list_add(reader->file.pool, &function->inlined, (void *)name);
        read_scope(reader, die, function);
        break;
    case DW_TAG_variable:
        thing = dwarf_die_has(die, DW_AT_declaration)
                    ? NULL
                    : add_thing(reader, die, &reader->info->variables);
        if (thing && function)
            thing->scope = function->name;
        break;
    case DW_TAG_lexical_block:
    case DW_TAG_namespace:
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
        read_scope(reader, die, function);
        break;
    default:
        break;
    }
}

static void read_scope(struct info_reader *reader, Dwarf_Die parent, struct source_thing *function)
{
    if (!dwarf_enter(&reader->file))
        return;
    for (Dwarf_Die die = dwarf_die_child(&reader->file, parent); die;
         die = dwarf_die_next(&reader->file, die))
        read_die(reader, die, function);
    dwarf_leave(&reader->file);
}

/* --- lines ------------------------------------------------------------------------------------ */

/*
 * Addresses in an object are offsets in sections, and the line program does not say in which: the
 * relocations of its DW_LNE_set_address do, one for each sequence.
 */
static int find_sequences(struct info_reader *reader, uint32_t abs_type)
{
    struct elf_section *rela = elf_section_find(reader->object->elf, ".rela.debug_line");
    Elf_Data *data = rela ? elf_getdata(rela->scn, NULL) : NULL;
    size_t count = data ? data->d_size / sizeof(Elf64_Rela) : 0;

    reader->sequences = pool_alloc(reader->file.pool, (count + 1) * sizeof(*reader->sequences));
    for (size_t i = 0; i < count; i++) {
        GElf_Rela entry;

        if (!gelf_getrela(data, (int)i, &entry) ||
            GELF_R_SYM(entry.r_info) >= reader->object->symbol_count)
            return -1;
        if (GELF_R_TYPE(entry.r_info) == abs_type)
            reader->sequences[reader->sequence_count++] =
                reader->object->symbols[GELF_R_SYM(entry.r_info)].section;
    }
    return 0;
}

static void add_row(struct info_reader *reader, const struct section *section, uint64_t address,
                    struct source_place place)
{
    struct source_rows *rows = &reader->info->by_section[section->index];

    if (rows->count == rows->room) {
        size_t room = rows->room ? 2 * rows->room : 32;
        struct source_row *more = pool_alloc(reader->file.pool, room * sizeof(*more));

        if (rows->count)
            memcpy(more, rows->rows, rows->count * sizeof(*more));
        rows->rows = more;
        rows->room = room;
    }
    rows->rows[rows->count++] = (struct source_row){address, place};
}

/*
 * A sequence begins with file 1 (DWARF 5, 6.2.2). libdwarf 20210528 says 0, which is the same file
 * unless the unit is a partition of link-time optimisation, that gcc calls <artificial>.
 */
static Dwarf_Unsigned file_meant(struct info_reader *reader, Dwarf_Unsigned file)
{
    const char *name =
        file == 0 && reader->file.version >= 5 ? dwarf_file_name(&reader->file, 0) : NULL;
    const char *slash = name ? strrchr(name, '/') : NULL;

    return name && strcmp(slash ? slash + 1 : name, "<artificial>") == 0 ? 1 : file;
}

static void read_line(struct info_reader *reader, Dwarf_Line line, const char **names,
                      size_t name_count)
{
    const struct section *section =
        reader->sequence < reader->sequence_count ? reader->sequences[reader->sequence] : NULL;
    Dwarf_Unsigned number = 0, file = 0;
    Dwarf_Addr address = 0;
    Dwarf_Error error = NULL;
    Dwarf_Bool end = 0;

    if (dwarf_lineno(line, &number, &error) != DW_DLV_OK ||
        dwarf_lineaddr(line, &address, &error) != DW_DLV_OK ||
        dwarf_line_srcfileno(line, &file, &error) != DW_DLV_OK ||
        dwarf_lineendsequence(line, &end, &error) != DW_DLV_OK) {
        reader->file.failed = true;
        return;
    }
    if (end) {
        reader->sequence++;
        return;
    }
    if (!section)
        return;
    file = file_meant(reader, file);
    if (file < name_count && !names[file])
        names[file] = dwarf_file_name(&reader->file, file);
    add_row(reader, section, address,
            (struct source_place){file < name_count ? names[file] : NULL, (uint32_t)number});
}

/* A unit without code has no lines. */
static void read_lines(struct info_reader *reader, Dwarf_Die unit)
{
    size_t name_count = (size_t)reader->file.file_count + 1;
    const char **names = pool_alloc(reader->file.pool, (name_count + 1) * sizeof(*names));
    Dwarf_Line_Context context = NULL;
    Dwarf_Error error = NULL;
    Dwarf_Unsigned version;
    Dwarf_Small tables;
    Dwarf_Line *lines = NULL;
    Dwarf_Signed count = 0;

    if (!reader->file.has_lines ||
        dwarf_srclines_b(unit, &version, &tables, &context, &error) != DW_DLV_OK)
        return;
    if (dwarf_srclines_from_linecontext(context, &lines, &count, &error) == DW_DLV_OK)
        for (Dwarf_Signed i = 0; i < count; i++)
            read_line(reader, lines[i], names, name_count);
    for (size_t i = 0; i < name_count; i++) {
        const char *name = dwarf_file_name(&reader->file, i);

        if (name)
            list_add(reader->file.pool, &reader->info->files, (void *)name);
    }
    dwarf_srclines_dealloc_b(context);
}

static int compare_rows(const void *a, const void *b)
{
    const struct source_row *x = a, *y = b;

    return x->address < y->address ? -1 : x->address > y->address;
}

/* --- which lines a function has --------------------------------------------------------------- */

static int compare_things(const void *a, const void *b)
{
    const struct source_thing *x = *(void *const *)a, *y = *(void *const *)b;
    int order = strcmp(x->place.file ? x->place.file : "", y->place.file ? y->place.file : "");

    return order ? order : x->from < y->from ? -1 : x->from > y->from;
}

/* The last function of the file that begins at or before the line. */
static struct source_thing *begins_before(const struct source_info *info, const char *file,
                                          uint32_t line)
{
    const struct source_thing key = {.place = {.file = file}, .from = line};
    const void *wanted = &key;
    size_t low = 0, high = info->functions.count;
    struct source_thing *found;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_things(&info->functions.items[middle], &wanted) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    found = low ? info->functions.items[low - 1] : NULL;
    return found && found->place.file && strcmp(found->place.file, file) == 0 ? found : NULL;
}

/* A function reaches to the last line that code was made from, before the next one begins. */
static void find_extents(struct info_reader *reader)
{
    struct source_info *info = reader->info;

    for (size_t i = 0; i < reader->object->section_count; i++)
        for (size_t j = 0; j < info->by_section[i].count; j++) {
            const struct source_place *place = &info->by_section[i].rows[j].place;
            struct source_thing *owner;
            uint32_t line = place->line;
            bool edited;

            if (!place->file || !line)
                continue;
            if (info->patched)
                line = edits_line(edits_find(reader->edits, place->file), line, &edited);
            owner = begins_before(info, place->file, line);
            if (owner && line > owner->to)
                owner->to = line;
        }
}

/*
 * Several entries may stand for one function: the abstract instance, and each of its copies. All
 * get the lines that any of them has.
 */
static void share_extents(struct source_info *info)
{
    struct list *list = &info->functions;

    for (size_t i = list->count; i-- > 1;) {
        struct source_thing *one = list->items[i - 1], *next = list->items[i];

        if (compare_things(&list->items[i - 1], &list->items[i]) == 0 && one->to < next->to)
            one->to = next->to;
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

/* One file. entries: also functions and variables, not only lines. */
static int read_file(struct info_reader *reader, const char *path, bool entries)
{
    cleanup_error struct sc_error *error = NULL; /* no evidence is no failure */
    struct pool *pool = reader->file.pool;
    Dwarf_Die unit;

    if (dwarf_file_open(&reader->file, pool, path, &error) <= 0)
        return -1;
    while ((unit = dwarf_file_next_unit(&reader->file))) {
        if (entries)
            read_scope(reader, unit, NULL);
        read_lines(reader, unit);
        dwarf_die_free(&reader->file, unit);
    }
    dwarf_file_close(&reader->file);
    return reader->file.failed ? -1 : 0;
}

/* Functions know their lines only when all are there. */
static void finish(struct info_reader *reader)
{
    struct source_info *info = reader->info;

    for (size_t i = 0; i < reader->object->section_count; i++)
        if (info->by_section[i].count)
            qsort(info->by_section[i].rows, info->by_section[i].count, sizeof(struct source_row),
                  compare_rows);
    if (info->functions.count)
        qsort(info->functions.items, info->functions.count, sizeof(void *), compare_things);
    find_extents(reader);
    share_extents(info);
}

struct source_info *source_info_read(struct pool *pool, const struct object *object,
                                     const char *path, const char *const *units,
                                     const struct edits *edits, uint32_t abs_type, bool patched)
{
    struct source_info *info = pool_alloc(pool, sizeof(*info));
    struct info_reader reader = {
        .file = {.pool = pool}, .object = object, .edits = edits, .info = info};

    info->patched = patched;
    info->by_section = pool_alloc(pool, (object->section_count + 1) * sizeof(*info->by_section));
    if (find_sequences(&reader, abs_type) < 0 || read_file(&reader, path, !units) < 0)
        return NULL;
    /* were the sequences not what the relocations are for, every place would be wrong */
    if (reader.sequence != reader.sequence_count)
        memset(info->by_section, 0, object->section_count * sizeof(*info->by_section));
    reader.unit = true;
    for (; units && *units; units++)
        if (read_file(&reader, *units, true) < 0)
            return NULL;
    finish(&reader);
    return info;
}

struct source_thing *source_function(const struct source_info *info, const char *name)
{
    struct source_thing *found = NULL;

    for (size_t i = 0; info && i < info->functions.count; i++) {
        struct source_thing *function = info->functions.items[i];

        if (strcmp(function->name, name) == 0 && (!found || function->has_code))
            found = function;
    }
    return found;
}

const struct source_thing *source_variable(const struct source_info *info, const char *name)
{
    const struct source_thing *found = NULL;

    for (size_t i = 0; info && i < info->variables.count; i++) {
        const struct source_thing *variable = info->variables.items[i];

        if (strcmp(variable->name, name) != 0 || !variable->place.line)
            continue;
        if (found && (found->place.line != variable->place.line ||
                      strcmp(found->place.file, variable->place.file) != 0))
            return NULL;
        found = variable;
    }
    return found;
}

struct source_thing *source_owner(const struct source_info *info, const char *file, uint32_t line)
{
    struct source_thing *owner = begins_before(info, file, line);

    return owner && line <= owner->to ? owner : NULL;
}

struct source_place source_place_of(const struct source_info *info, size_t section, uint64_t offset)
{
    const struct source_rows *rows = &info->by_section[section];
    struct source_place place = {0};

    for (size_t i = 0; i < rows->count && rows->rows[i].address <= offset; i++)
        if (rows->rows[i].place.line)
            place = rows->rows[i].place;
    return place;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the layouts of types from the DWARF of an object file, through libdwarf.
//
// A tree that could be read only in part would make a changed layout look like a missing one: any
// damage fails the whole.
#include "differ/dwarf_types.h"

#include "differ/dwarf_die.h"
#include "lib/cleanup.h"

#include <string.h>

/* Pointers to pointers, functions with functions as parameters: deeper than this tells nothing. */
#define DESCRIPTION_DEPTH 6

/* Types that may be described for one layout: its members, and what they are made of. */
#define DESCRIPTIONS_MAX 100000

struct reader {
    struct dwarf_file file;
    struct pool *pool;
    struct type_table *table;
    bool elsewhere;   /* some of the types are in another file or in units of their own */
    size_t described; /* for the layout that is being read */
};

static const char *die_name(struct reader *reader, Dwarf_Die die)
{
    return dwarf_die_string(&reader->file, die, DW_AT_name);
}

/* A numeric attribute, of either sign. False when the DIE has none, or it is an expression. */
static bool die_number(struct reader *reader, Dwarf_Die die, Dwarf_Half name, int64_t *value)
{
    uint64_t number;

    if (!dwarf_die_number(&reader->file, die, name, &number))
        return false;
    *value = (int64_t)number;
    return true;
}

static const char *describe(struct reader *reader, Dwarf_Die type, int depth, bool behind_pointer);

/* The description of what attribute DW_AT_type of die leads to. */
static const char *describe_type_of(struct reader *reader, Dwarf_Die die, int depth,
                                    bool behind_pointer)
{
    Dwarf_Die type;
    const char *text;

    if (!dwarf_die_has(die, DW_AT_type))
        return "void";
    if (depth > DESCRIPTION_DEPTH)
        return "...";
    type = dwarf_die_reference(&reader->file, die, DW_AT_type);
    text = type ? describe(reader, type, depth + 1, behind_pointer) : "?";
    dwarf_die_free(&reader->file, type);
    return text;
}

static uint64_t die_size(struct reader *reader, Dwarf_Die die)
{
    int64_t size = 0;

    die_number(reader, die, DW_AT_byte_size, &size);
    return (uint64_t)size;
}

/* Signedness, bool and char make no difference to a stored object; integer or floating does. */
static const char *describe_base(struct reader *reader, Dwarf_Die type)
{
    int64_t encoding = 0;
    const char *class = "int";

    die_number(reader, type, DW_AT_encoding, &encoding);
    if (encoding == DW_ATE_float || encoding == DW_ATE_decimal_float)
        class = "float";
    else if (encoding == DW_ATE_complex_float)
        class = "complex";
    return pool_format(reader->pool, "%s:%llu", class, (unsigned long long)die_size(reader, type));
}

/* Takes what was written to out, made by open_memstream for *text, into the pool. */
static const char *take_text(struct reader *reader, FILE *out, char **text)
{
    if (fclose(out))
        abort();
    return pool_string(reader->pool, *text);
}

static const char *describe_array(struct reader *reader, Dwarf_Die type, int depth)
{
    cleanup_free char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    for (Dwarf_Die range = dwarf_die_child(&reader->file, type); range;
         range = dwarf_die_next(&reader->file, range)) {
        int64_t count;

        if (dwarf_die_tag(&reader->file, range) != DW_TAG_subrange_type)
            continue;
        if (die_number(reader, range, DW_AT_count, &count))
            fprintf(out, "[%lld]", (long long)count);
        else if (die_number(reader, range, DW_AT_upper_bound, &count))
            fprintf(out, "[%lld]", (long long)((uint64_t)count + 1));
        else
            fputs("[]", out);
    }
    fputs(describe_type_of(reader, type, depth, false), out);
    return take_text(reader, out, &text);
}

static const char *describe_function(struct reader *reader, Dwarf_Die type, int depth)
{
    cleanup_free char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    fprintf(out, "function returning %s (", describe_type_of(reader, type, depth, false));
    for (Dwarf_Die child = dwarf_die_child(&reader->file, type); child;
         child = dwarf_die_next(&reader->file, child)) {
        Dwarf_Half tag = dwarf_die_tag(&reader->file, child);

        if (tag == DW_TAG_formal_parameter)
            fprintf(out, "%s,", describe_type_of(reader, child, depth, false));
        else if (tag == DW_TAG_unspecified_parameters)
            fputs("...", out);
    }
    fputc(')', out);
    return take_text(reader, out, &text);
}

static const char *kind_name(Dwarf_Half tag)
{
    switch (tag) {
    case DW_TAG_structure_type:
        return "struct";
    case DW_TAG_union_type:
        return "union";
    case DW_TAG_class_type:
        return "class";
    case DW_TAG_enumeration_type:
        return "enum";
    default:
        return NULL;
    }
}

static void read_members(struct reader *reader, Dwarf_Die type, struct list *members, int depth);

/* A structure without a name: what is in it. */
static const char *describe_anonymous(struct reader *reader, Dwarf_Die type, int depth)
{
    struct list members = {0};
    cleanup_free char *text = NULL;
    size_t size;
    FILE *out;

    if (depth > DESCRIPTION_DEPTH)
        return "...";
    out = open_memstream(&text, &size);
    if (!out)
        abort();
    read_members(reader, type, &members, depth + 1);
    fputs(kind_name(dwarf_die_tag(&reader->file, type)), out);
    for (size_t i = 0; i < members.count; i++) {
        const struct type_member *member = members.items[i];

        fprintf(out, " %lld=%s;", (long long)member->offset,
                member->type ? member->type : member->name);
    }
    return take_text(reader, out, &text);
}

static const char *describe_aggregate(struct reader *reader, Dwarf_Die type, int depth,
                                      bool behind_pointer)
{
    const char *name = die_name(reader, type);
    Dwarf_Half tag = dwarf_die_tag(&reader->file, type);

    if (tag == DW_TAG_enumeration_type)
        return pool_format(reader->pool, "int:%llu", (unsigned long long)die_size(reader, type));
    if (!name)
        return describe_anonymous(reader, type, depth);
    /* behind a pointer the structure may be incomplete in one version and not in the other */
    if (behind_pointer)
        return pool_format(reader->pool, "%s %s", kind_name(tag), name);
    return pool_format(reader->pool, "%s %s:%llu", kind_name(tag), name,
                       (unsigned long long)die_size(reader, type));
}

/* A typedef of a nameless structure stands for it by its own name; others are looked through. */
static const char *describe_typedef(struct reader *reader, Dwarf_Die type, int depth,
                                    bool behind_pointer)
{
    Dwarf_Die meant = dwarf_die_reference(&reader->file, type, DW_AT_type);
    const char *text = "void";

    if (meant) {
        Dwarf_Half tag = dwarf_die_tag(&reader->file, meant);

        if (kind_name(tag) && tag != DW_TAG_enumeration_type && !die_name(reader, meant))
            text = behind_pointer
                       ? pool_format(reader->pool, "typedef %s", die_name(reader, type))
                       : pool_format(reader->pool, "typedef %s:%llu", die_name(reader, type),
                                     (unsigned long long)die_size(reader, meant));
        else
            text = describe(reader, meant, depth + 1, behind_pointer);
        dwarf_die_free(&reader->file, meant);
    }
    return text;
}

static const char *describe(struct reader *reader, Dwarf_Die type, int depth, bool behind_pointer)
{
    Dwarf_Half tag = dwarf_die_tag(&reader->file, type);

    if (++reader->described > DESCRIPTIONS_MAX)
        reader->file.failed = true; /* each level may have as many as the one above */
    if (depth > DESCRIPTION_DEPTH || reader->described > DESCRIPTIONS_MAX)
        return "...";
    switch (tag) {
    case DW_TAG_base_type:
        return describe_base(reader, type);
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
        return pool_format(reader->pool, "*%s", describe_type_of(reader, type, depth, true));
    case DW_TAG_const_type:
    case DW_TAG_volatile_type:
    case DW_TAG_restrict_type:
    case DW_TAG_atomic_type:
        return describe_type_of(reader, type, depth, behind_pointer);
    case DW_TAG_typedef:
        return describe_typedef(reader, type, depth, behind_pointer);
    case DW_TAG_array_type:
        return describe_array(reader, type, depth);
    case DW_TAG_subroutine_type:
        return describe_function(reader, type, depth);
    default:
        if (kind_name(tag))
            return describe_aggregate(reader, type, depth, behind_pointer);
        return pool_format(reader->pool, "type with tag %#x", tag);
    }
}

/* Where the DIE is declared; the file is NULL when that is not known. */
static void die_place(struct reader *reader, Dwarf_Die die, const char **file, uint32_t *line)
{
    uint64_t number, index;

    *file = NULL;
    *line = 0;
    if (!dwarf_die_number(&reader->file, die, DW_AT_decl_line, &number) ||
        !dwarf_die_number(&reader->file, die, DW_AT_decl_file, &index) || number > INT32_MAX)
        return;
    *file = dwarf_file_name(&reader->file, index);
    *line = (uint32_t)number;
}

/* Where a member starts, in bits; DWARF 2 to 4 count bit-fields from the other end. */
static int64_t member_offset(struct reader *reader, Dwarf_Die member)
{
    int64_t bytes = 0, bits = 0;

    die_number(reader, member, DW_AT_data_member_location, &bytes);
    if (!die_number(reader, member, DW_AT_data_bit_offset, &bits))
        die_number(reader, member, DW_AT_bit_offset, &bits);
    return (int64_t)(8 * (uint64_t)bytes + (uint64_t)bits);
}

static void add_member(struct reader *reader, Dwarf_Die die, struct list *members, int depth)
{
    struct type_member *member = pool_alloc(reader->pool, sizeof(*member));
    const char *name = die_name(reader, die);
    int64_t bits;

    member->name = name ? name : "";
    die_place(reader, die, &member->file, &member->line);
    member->offset = member_offset(reader, die);
    member->type = describe_type_of(reader, die, depth, false);
    if (dwarf_die_has(die, DW_AT_virtuality))
        member->type = pool_format(reader->pool, "virtual base %s", member->type);
    if (die_number(reader, die, DW_AT_bit_size, &bits))
        member->type = pool_format(reader->pool, "%s/%lld bits", member->type, (long long)bits);
    list_add(reader->pool, members, member);
}

static void add_enumerator(struct reader *reader, Dwarf_Die die, struct list *members)
{
    struct type_member *member = pool_alloc(reader->pool, sizeof(*member));
    const char *name = die_name(reader, die);

    member->name = name ? name : "";
    die_number(reader, die, DW_AT_const_value, &member->offset);
    list_add(reader->pool, members, member);
}

/*
 * A virtual function of a class has a slot in its table: one more or less, or another order, is
 * another layout of that. What the compiler declares by itself it declares only when it is used.
 */
static void add_virtual(struct reader *reader, Dwarf_Die die, struct list *members, int64_t *slot)
{
    struct type_member *member;
    const char *name = die_name(reader, die);

    if (!dwarf_die_has(die, DW_AT_virtuality) || dwarf_die_has(die, DW_AT_artificial) || !name)
        return;
    member = pool_alloc(reader->pool, sizeof(*member));
    member->name = pool_format(reader->pool, "virtual %s()", name);
    die_place(reader, die, &member->file, &member->line);
    member->offset = 64 * (*slot)++;
    member->type = "virtual function";
    list_add(reader->pool, members, member);
}

static void read_members(struct reader *reader, Dwarf_Die type, struct list *members, int depth)
{
    int64_t slot = 0;

    for (Dwarf_Die die = dwarf_die_child(&reader->file, type); die;
         die = dwarf_die_next(&reader->file, die)) {
        Dwarf_Half tag = dwarf_die_tag(&reader->file, die);

        if (tag == DW_TAG_enumerator)
            add_enumerator(reader, die, members);
        else if (tag == DW_TAG_inheritance ||
                 (tag == DW_TAG_member &&
                  !dwarf_die_has(die, DW_AT_external))) /* not static members */
            add_member(reader, die, members, depth);
        else if (tag == DW_TAG_subprogram)
            add_virtual(reader, die, members, &slot);
    }
}

static void add_layout(struct reader *reader, Dwarf_Die type, const char *key)
{
    struct type_layout *layout = pool_alloc(reader->pool, sizeof(*layout));

    layout->key = key;
    die_place(reader, type, &layout->file, &layout->line);
    layout->size = die_size(reader, type);
    layout->enumeration = dwarf_die_tag(&reader->file, type) == DW_TAG_enumeration_type;
    reader->described = 0;
    read_members(reader, type, &layout->members, 0);
    list_add(reader->pool, &reader->table->layouts, layout);
    name_index_add(reader->pool, &reader->table->index, key, layout);
}

/* An enumeration without a name only gives names to numbers: each stands for itself. */
static void add_constants(struct reader *reader, Dwarf_Die type, const char *scope)
{
    struct list members = {0};

    read_members(reader, type, &members, 0);
    for (size_t i = 0; i < members.count; i++) {
        const struct type_member *member = members.items[i];
        struct type_layout *layout = pool_alloc(reader->pool, sizeof(*layout));

        layout->key = pool_format(reader->pool, "%senumerator %s", scope, member->name);
        die_place(reader, type, &layout->file, &layout->line);
        layout->enumeration = true;
        list_add(reader->pool, &layout->members, members.items[i]);
        list_add(reader->pool, &reader->table->layouts, layout);
        name_index_add(reader->pool, &reader->table->index, layout->key, layout);
    }
}

/* Constants hold no state: they are compared by content. */
static bool is_constant(struct reader *reader, Dwarf_Die die)
{
    Dwarf_Die type = dwarf_die_reference(&reader->file, die, DW_AT_type);
    Dwarf_Half tag = type ? dwarf_die_tag(&reader->file, type) : 0;
    bool constant = tag == DW_TAG_const_type;

    if (tag == DW_TAG_array_type || tag == DW_TAG_typedef || tag == DW_TAG_volatile_type)
        constant = is_constant(reader, type);
    dwarf_die_free(&reader->file, type);
    return constant;
}

/*
 * What a variable holds: the same bytes mean another thing when an integer becomes a float. Its
 * name and size tell nothing of that. Variables of functions count when they are static.
 */
static void read_variable(struct reader *reader, Dwarf_Die die, const char *scope)
{
    bool local = strstr(scope, "()::") != NULL && !dwarf_die_has(die, DW_AT_external);
    Dwarf_Die declaration = dwarf_die_reference(&reader->file, die, DW_AT_specification);
    Dwarf_Die named = declaration ? declaration : die;
    const char *name = die_name(reader, named);
    bool placed = dwarf_die_has_address(&reader->file, die);
    /* gcc says neither where it is nor what; of functions' own variables that means little */
    bool folded = !local && !placed && !dwarf_die_has(die, DW_AT_location) &&
                  !dwarf_die_has(named, DW_AT_external) && !dwarf_die_has(named, DW_AT_declaration);

    if (name && (!local || placed) && !is_constant(reader, named)) {
        struct type_layout *layout = pool_alloc(reader->pool, sizeof(*layout));
        struct type_member *content = pool_alloc(reader->pool, sizeof(*content));

        layout->key = pool_format(reader->pool, "%svariable %s", scope, name);
        layout->variable = true;
        layout->folded = folded;
        die_place(reader, named, &layout->file, &layout->line);
        content->name = "";
        content->type = describe_type_of(reader, named, 0, false);
        list_add(reader->pool, &layout->members, content);
        list_add(reader->pool, &reader->table->layouts, layout);
        name_index_add(reader->pool, &reader->table->index, layout->key, layout);
    }
    dwarf_die_free(&reader->file, declaration);
}

static void read_typedef(struct reader *reader, Dwarf_Die die, const char *scope)
{
    Dwarf_Die meant = dwarf_die_reference(&reader->file, die, DW_AT_type);

    Dwarf_Half tag = meant ? dwarf_die_tag(&reader->file, meant) : 0;

    if (kind_name(tag) && tag != DW_TAG_enumeration_type && !die_name(reader, meant))
        add_layout(reader, meant,
                   pool_format(reader->pool, "%stypedef %s", scope, die_name(reader, die)));
    dwarf_die_free(&reader->file, meant);
}

static void read_scope(struct reader *reader, Dwarf_Die parent, const char *scope);

/* The name of a function; that of a member which is defined outside of its class is elsewhere. */
static const char *function_name(struct reader *reader, Dwarf_Die die)
{
    static const Dwarf_Half others[] = {DW_AT_specification, DW_AT_abstract_origin};
    const char *name = die_name(reader, die);

    if (name || !dwarf_enter(&reader->file))
        return name;
    for (size_t i = 0; i < 2 && !name; i++) {
        Dwarf_Die other = dwarf_die_reference(&reader->file, die, others[i]);

        name = other ? function_name(reader, other) : NULL;
        dwarf_die_free(&reader->file, other);
    }
    dwarf_leave(&reader->file);
    return name;
}

/* One DIE of a scope: a type is kept, and whatever can hold types is entered. */
static void read_die(struct reader *reader, Dwarf_Die die, const char *scope)
{
    Dwarf_Half tag = dwarf_die_tag(&reader->file, die);
    const char *name = die_name(reader, die);

    if (kind_name(tag)) {
        if (name && !dwarf_die_has(die, DW_AT_declaration))
            add_layout(reader, die,
                       pool_format(reader->pool, "%s%s %s", scope, kind_name(tag), name));
        else if (tag == DW_TAG_enumeration_type && !name)
            add_constants(reader, die, scope);
        if (tag != DW_TAG_enumeration_type && name)
            read_scope(reader, die, pool_format(reader->pool, "%s%s::", scope, name));
    } else if (tag == DW_TAG_typedef) {
        read_typedef(reader, die, scope);
    } else if (tag == DW_TAG_variable) {
        read_variable(reader, die, scope);
    } else if (tag == DW_TAG_subprogram) {
        name = function_name(reader, die);
        read_scope(reader, die, pool_format(reader->pool, "%s%s()::", scope, name ? name : ""));
    } else if (tag == DW_TAG_lexical_block) {
        read_scope(reader, die, scope);
    } else if (tag == DW_TAG_namespace) {
        read_scope(reader, die, pool_format(reader->pool, "%s%s::", scope, name ? name : ""));
    }
}

static void read_scope(struct reader *reader, Dwarf_Die parent, const char *scope)
{
    if (!dwarf_enter(&reader->file))
        return;
    for (Dwarf_Die die = dwarf_die_child(&reader->file, parent); die;
         die = dwarf_die_next(&reader->file, die))
        read_die(reader, die, scope);
    dwarf_leave(&reader->file);
}

int dwarf_types_read(struct pool *pool, const char *path, struct type_table *table,
                     struct sc_error **err)
{
    struct reader reader = {.pool = pool, .table = table};
    int units = 0, have = dwarf_file_open(&reader.file, pool, path, err);
    Dwarf_Die unit;

    if (have <= 0)
        return have;
    if (dwarf_file_has_type_units(&reader.file))
        reader.elsewhere = true;
    while ((unit = dwarf_file_next_unit(&reader.file))) {
        if (dwarf_die_has(unit, DW_AT_dwo_name) || dwarf_die_has(unit, DW_AT_GNU_dwo_name))
            reader.elsewhere = true;
        read_scope(&reader, unit, "");
        dwarf_die_free(&reader.file, unit);
        units++;
    }
    dwarf_file_close(&reader.file);
    if (reader.elsewhere)
        return 0;
    if (reader.file.failed)
        return sc_error_set(err, SC_FAILED, "%s: debugging information cannot be read", path);
    name_index_sort(&table->index);
    return units > 0;
}

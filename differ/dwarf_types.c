// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the layouts of types from the DWARF of an object file, through libdwarf.
//
// Errors of libdwarf become one flag on the reader: a tree that could be read only in part would
// make a changed layout look like a missing one.
#include "differ/dwarf_types.h"

#include "differ/dwarf_die.h"

#include "lib/cleanup.h"

#include <dwarf.h>
#include <fcntl.h>
#include <libdwarf.h>
#include <stdlib.h>
#include <string.h>

/* Pointers to pointers, functions with functions as parameters: deeper than this tells nothing. */
#define DESCRIPTION_DEPTH 6

struct reader {
    struct pool *pool;
    struct type_table *table;
    Dwarf_Debug dwarf;
    Dwarf_Half version; /* of the unit that is being read */
    char **files;       /* its file names, as libdwarf counts them */
    Dwarf_Signed file_count;
    bool failed;
};

/* Notes a failure; libdwarf's own errors are freed with it. */
static void reader_fail(struct reader *reader)
{
    reader->failed = true;
}

static Dwarf_Half die_tag(struct reader *reader, Dwarf_Die die)
{
    Dwarf_Half tag = 0;

    if (dwarf_tag(die, &tag, NULL) != DW_DLV_OK)
        reader_fail(reader);
    return tag;
}

static const char *die_name(struct reader *reader, Dwarf_Die die)
{
    Dwarf_Error error = NULL;
    char *name = NULL;

    return dwarf_diename(die, &name, &error) == DW_DLV_OK ? pool_string(reader->pool, name) : NULL;
}

/* A numeric attribute. False when the DIE has none, or it is an expression. */
static bool die_number(struct reader *reader, Dwarf_Die die, Dwarf_Half name, int64_t *value)
{
    Dwarf_Attribute attribute;
    Dwarf_Error error = NULL;
    Dwarf_Unsigned number;
    Dwarf_Signed with_sign;
    bool found = true;

    if (dwarf_attr(die, name, &attribute, &error) != DW_DLV_OK)
        return false;
    if (dwarf_formsdata(attribute, &with_sign, &error) == DW_DLV_OK)
        *value = with_sign;
    else if (dwarf_formudata(attribute, &number, &error) == DW_DLV_OK)
        *value = (int64_t)number;
    else
        found = false;
    dwarf_dealloc(reader->dwarf, attribute, DW_DLA_ATTR);
    return found;
}

static bool die_has(Dwarf_Die die, Dwarf_Half name)
{
    Dwarf_Bool has = 0;

    return dwarf_hasattr(die, name, &has, NULL) == DW_DLV_OK && has;
}

/* The DIE that attribute name refers to, to be freed by die_free; NULL for none. */
static Dwarf_Die die_reference(struct reader *reader, Dwarf_Die die, Dwarf_Half name)
{
    Dwarf_Attribute attribute;
    Dwarf_Error error = NULL;
    Dwarf_Die found = NULL;
    Dwarf_Off offset;

    if (dwarf_attr(die, name, &attribute, &error) != DW_DLV_OK)
        return NULL;
    if (dwarf_global_formref(attribute, &offset, &error) != DW_DLV_OK ||
        dwarf_offdie_b(reader->dwarf, offset, true, &found, &error) != DW_DLV_OK)
        reader_fail(reader); /* a type unit, or damaged */
    dwarf_dealloc(reader->dwarf, attribute, DW_DLA_ATTR);
    return found;
}

static void die_free(struct reader *reader, Dwarf_Die die)
{
    if (die)
        dwarf_dealloc(reader->dwarf, die, DW_DLA_DIE);
}

/* The first child, then its siblings; frees the one before. NULL at the end. */
static Dwarf_Die first_child(struct reader *reader, Dwarf_Die die)
{
    Dwarf_Error error = NULL;
    Dwarf_Die child = NULL;

    if (dwarf_child(die, &child, &error) == DW_DLV_ERROR)
        reader_fail(reader);
    return child;
}

static Dwarf_Die next_sibling(struct reader *reader, Dwarf_Die die)
{
    Dwarf_Error error = NULL;
    Dwarf_Die next = NULL;

    if (dwarf_siblingof_b(reader->dwarf, die, true, &next, &error) == DW_DLV_ERROR)
        reader_fail(reader);
    die_free(reader, die);
    return next;
}

static const char *describe(struct reader *reader, Dwarf_Die type, int depth, bool behind_pointer);

/* The description of what attribute DW_AT_type of die leads to. */
static const char *describe_type_of(struct reader *reader, Dwarf_Die die, int depth,
                                    bool behind_pointer)
{
    Dwarf_Die type;
    const char *text;

    if (!die_has(die, DW_AT_type))
        return "void";
    if (depth > DESCRIPTION_DEPTH)
        return "...";
    type = die_reference(reader, die, DW_AT_type);
    text = type ? describe(reader, type, depth + 1, behind_pointer) : "?";
    die_free(reader, type);
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

static const char *describe_array(struct reader *reader, Dwarf_Die type, int depth)
{
    const char *element = describe_type_of(reader, type, depth, false);
    const char *bounds = "";

    for (Dwarf_Die range = first_child(reader, type); range; range = next_sibling(reader, range)) {
        int64_t count;

        if (die_tag(reader, range) != DW_TAG_subrange_type)
            continue;
        if (die_number(reader, range, DW_AT_count, &count))
            bounds = pool_format(reader->pool, "%s[%lld]", bounds, (long long)count);
        else if (die_number(reader, range, DW_AT_upper_bound, &count))
            bounds = pool_format(reader->pool, "%s[%lld]", bounds, (long long)count + 1);
        else
            bounds = pool_format(reader->pool, "%s[]", bounds);
    }
    return pool_format(reader->pool, "%s%s", bounds, element);
}

static const char *describe_function(struct reader *reader, Dwarf_Die type, int depth)
{
    const char *text = describe_type_of(reader, type, depth, false);

    text = pool_format(reader->pool, "function returning %s (", text);
    for (Dwarf_Die child = first_child(reader, type); child; child = next_sibling(reader, child)) {
        Dwarf_Half tag = die_tag(reader, child);

        if (tag == DW_TAG_formal_parameter)
            text = pool_format(reader->pool, "%s%s,", text,
                               describe_type_of(reader, child, depth, false));
        else if (tag == DW_TAG_unspecified_parameters)
            text = pool_format(reader->pool, "%s...", text);
    }
    return pool_format(reader->pool, "%s)", text);
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
    const char *text = kind_name(die_tag(reader, type));
    struct list members = {0};

    if (depth > DESCRIPTION_DEPTH)
        return "...";
    read_members(reader, type, &members, depth + 1);
    for (size_t i = 0; i < members.count; i++) {
        const struct type_member *member = members.items[i];

        text = pool_format(reader->pool, "%s %lld=%s;", text, (long long)member->offset,
                           member->type ? member->type : member->name);
    }
    return text;
}

static const char *describe_aggregate(struct reader *reader, Dwarf_Die type, int depth,
                                      bool behind_pointer)
{
    const char *name = die_name(reader, type);
    Dwarf_Half tag = die_tag(reader, type);

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
    Dwarf_Die meant = die_reference(reader, type, DW_AT_type);
    const char *text = "void";

    if (meant) {
        Dwarf_Half tag = die_tag(reader, meant);

        if (kind_name(tag) && tag != DW_TAG_enumeration_type && !die_name(reader, meant))
            text = behind_pointer
                       ? pool_format(reader->pool, "typedef %s", die_name(reader, type))
                       : pool_format(reader->pool, "typedef %s:%llu", die_name(reader, type),
                                     (unsigned long long)die_size(reader, meant));
        else
            text = describe(reader, meant, depth + 1, behind_pointer);
        die_free(reader, meant);
    }
    return text;
}

static const char *describe(struct reader *reader, Dwarf_Die type, int depth, bool behind_pointer)
{
    Dwarf_Half tag = die_tag(reader, type);

    if (depth > DESCRIPTION_DEPTH)
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
    int64_t number, index;

    *file = NULL;
    *line = 0;
    if (!die_number(reader, die, DW_AT_decl_line, &number) ||
        !die_number(reader, die, DW_AT_decl_file, &index))
        return;
    index -= reader->version >= 5 ? 0 : 1; /* DWARF 5 counts files from 0 */
    if (index < 0 || index >= reader->file_count || number <= 0 || number > INT32_MAX)
        return;
    *file = dwarf_path_clean(reader->pool, reader->files[index]);
    *line = (uint32_t)number;
}

/* Where a member starts, in bits; DWARF 2 to 4 count bit-fields from the other end. */
static int64_t member_offset(struct reader *reader, Dwarf_Die member)
{
    int64_t bytes = 0, bits = 0;

    die_number(reader, member, DW_AT_data_member_location, &bytes);
    if (!die_number(reader, member, DW_AT_data_bit_offset, &bits))
        die_number(reader, member, DW_AT_bit_offset, &bits);
    return 8 * bytes + bits;
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

static void read_members(struct reader *reader, Dwarf_Die type, struct list *members, int depth)
{
    for (Dwarf_Die die = first_child(reader, type); die; die = next_sibling(reader, die)) {
        Dwarf_Half tag = die_tag(reader, die);

        if (tag == DW_TAG_enumerator)
            add_enumerator(reader, die, members);
        else if (tag == DW_TAG_inheritance ||
                 (tag == DW_TAG_member && !die_has(die, DW_AT_external))) /* not static members */
            add_member(reader, die, members, depth);
    }
}

static void add_layout(struct reader *reader, Dwarf_Die type, const char *key)
{
    struct type_layout *layout = pool_alloc(reader->pool, sizeof(*layout));

    layout->key = key;
    die_place(reader, type, &layout->file, &layout->line);
    layout->size = die_size(reader, type);
    layout->enumeration = die_tag(reader, type) == DW_TAG_enumeration_type;
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

static void read_typedef(struct reader *reader, Dwarf_Die die, const char *scope)
{
    Dwarf_Die meant = die_reference(reader, die, DW_AT_type);

    Dwarf_Half tag = meant ? die_tag(reader, meant) : 0;

    if (kind_name(tag) && tag != DW_TAG_enumeration_type && !die_name(reader, meant))
        add_layout(reader, meant,
                   pool_format(reader->pool, "%stypedef %s", scope, die_name(reader, die)));
    die_free(reader, meant);
}

static void read_scope(struct reader *reader, Dwarf_Die parent, const char *scope);

/* One DIE of a scope: a type is kept, and whatever can hold types is entered. */
static void read_die(struct reader *reader, Dwarf_Die die, const char *scope)
{
    Dwarf_Half tag = die_tag(reader, die);
    const char *name = die_name(reader, die);

    if (kind_name(tag)) {
        if (name && !die_has(die, DW_AT_declaration))
            add_layout(reader, die,
                       pool_format(reader->pool, "%s%s %s", scope, kind_name(tag), name));
        else if (tag == DW_TAG_enumeration_type && !name)
            add_constants(reader, die, scope);
        if (tag != DW_TAG_enumeration_type && name)
            read_scope(reader, die, pool_format(reader->pool, "%s%s::", scope, name));
    } else if (tag == DW_TAG_typedef) {
        read_typedef(reader, die, scope);
    } else if (tag == DW_TAG_subprogram && name) {
        read_scope(reader, die, pool_format(reader->pool, "%s%s()::", scope, name));
    } else if (tag == DW_TAG_lexical_block) {
        read_scope(reader, die, scope);
    } else if (tag == DW_TAG_namespace) {
        read_scope(reader, die, pool_format(reader->pool, "%s%s::", scope, name ? name : ""));
    }
}

static void read_scope(struct reader *reader, Dwarf_Die parent, const char *scope)
{
    for (Dwarf_Die die = first_child(reader, parent); die; die = next_sibling(reader, die))
        read_die(reader, die, scope);
}

static void read_unit(struct reader *reader)
{
    Dwarf_Error error = NULL;
    Dwarf_Die unit = NULL;

    if (dwarf_siblingof_b(reader->dwarf, NULL, true, &unit, &error) != DW_DLV_OK) {
        reader_fail(reader);
        return;
    }
    if (dwarf_srcfiles(unit, &reader->files, &reader->file_count, &error) != DW_DLV_OK)
        reader->file_count = 0;
    read_scope(reader, unit, "");
    die_free(reader, unit); /* the file names are freed with the Dwarf_Debug */
}

/* Reads all units. Returns how many there were. */
static int read_units(struct reader *reader)
{
    Dwarf_Unsigned length, type_offset, next;
    Dwarf_Half address, offset_size, extension, unit_type;
    Dwarf_Off abbreviations;
    Dwarf_Sig8 signature;
    Dwarf_Error error = NULL;
    int units = 0, result;

    while ((result = dwarf_next_cu_header_d(reader->dwarf, true, &length, &reader->version,
                                            &abbreviations, &address, &offset_size, &extension,
                                            &signature, &type_offset, &next, &unit_type, &error)) ==
           DW_DLV_OK) {
        read_unit(reader);
        units++;
    }
    if (result == DW_DLV_ERROR)
        reader_fail(reader);
    return units;
}

/* The interface of dwarf_init_b and dwarf_finish changed with libdwarf 0.1. */
static int open_dwarf(int fd, Dwarf_Debug *dwarf)
{
    Dwarf_Error error = NULL;

#ifdef DW_LIBDWARF_VERSION
    return dwarf_init_b(fd, DW_GROUPNUMBER_ANY, NULL, NULL, dwarf, &error);
#else
    return dwarf_init_b(fd, DW_DLC_READ, DW_GROUPNUMBER_ANY, NULL, NULL, dwarf, &error);
#endif
}

static void close_dwarf(Dwarf_Debug dwarf)
{
#ifdef DW_LIBDWARF_VERSION
    dwarf_finish(dwarf);
#else
    dwarf_finish(dwarf, NULL);
#endif
}

int dwarf_types_read(struct pool *pool, const char *path, struct type_table *table,
                     struct sc_error **err)
{
    struct reader reader = {.pool = pool, .table = table};
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    int units = 0, result;

    if (fd < 0)
        return sc_error_errno(err, "cannot open %s", path);
    result = open_dwarf(fd, &reader.dwarf);
    if (result == DW_DLV_NO_ENTRY)
        return 0;
    if (result == DW_DLV_OK) {
        units = read_units(&reader);
        close_dwarf(reader.dwarf);
    }
    if (result != DW_DLV_OK || reader.failed)
        return sc_error_set(err, SC_FAILED, "%s: debugging information cannot be read", path);
    name_index_sort(&table->index);
    return units > 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Looks at the header of a line table (DWARF 5, section 6.2.4) before libdwarf does. Release
// 20210528 takes a directory behind the last one for one, and believes in any number of directories
// and files.
#include "differ/dwarf_die.h"

#include <endian.h>
#include <string.h>

/* What is left of the table. Once bad, nothing more is read. */
struct cursor {
    const uint8_t *at;
    size_t left;
    size_t width; /* of offsets in this table: 4 or 8 */
    bool bad;
};

static void skip(struct cursor *cursor, uint64_t size)
{
    if (size > cursor->left)
        cursor->bad = true;
    if (cursor->bad)
        return;
    cursor->at += size;
    cursor->left -= size;
}

static uint64_t read_number(struct cursor *cursor, size_t size)
{
    const uint8_t *at = cursor->at;
    uint64_t value = 0;

    skip(cursor, size);
    if (!cursor->bad)
        memcpy(&value, at, size);
    return le64toh(value);
}

/* Section 7.6. */
static uint64_t read_leb128(struct cursor *cursor)
{
    uint64_t value = 0;

    for (unsigned int shift = 0; shift < 63; shift += 7) {
        uint8_t byte = (uint8_t)read_number(cursor, 1);

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    cursor->bad = true;
    return 0;
}

static void skip_string(struct cursor *cursor)
{
    const uint8_t *end = cursor->left ? memchr(cursor->at, '\0', cursor->left) : NULL;

    skip(cursor, end ? (uint64_t)(end - cursor->at) + 1 : UINT64_MAX);
}

/* One value of an entry; 0 unless it is a number. */
static uint64_t read_form(struct cursor *cursor, uint64_t form)
{
    switch (form) {
    case DW_FORM_udata:
        return read_leb128(cursor);
    case DW_FORM_data1:
        return read_number(cursor, 1);
    case DW_FORM_data2:
        return read_number(cursor, 2);
    case DW_FORM_data4:
        return read_number(cursor, 4);
    case DW_FORM_data8:
        return read_number(cursor, 8);
    case DW_FORM_data16:
        skip(cursor, 16);
        return 0;
    case DW_FORM_block:
        skip(cursor, read_leb128(cursor));
        return 0;
    case DW_FORM_string:
        skip_string(cursor);
        return 0;
    case DW_FORM_strp:
    case DW_FORM_line_strp:
        skip(cursor, cursor->width);
        return 0;
    default:
        cursor->bad = true;
        return 0;
    }
}

/*
 * The table of directories, or that of files, whose directories are numbers below limit: its
 * format, its length, its entries. Returns how many there are.
 */
static uint64_t read_entries(struct cursor *cursor, uint64_t limit)
{
    size_t columns = read_number(cursor, 1);
    struct cursor format = *cursor;
    uint64_t count;

    for (size_t i = 0; i < 2 * columns; i++)
        read_leb128(cursor);
    count = read_leb128(cursor);
    /* each has a byte at least */
    if (count > cursor->left || (count && !columns))
        cursor->bad = true;
    for (uint64_t i = 0; i < count && !cursor->bad; i++) {
        struct cursor column = format;
        uint64_t directory = 0;

        for (size_t j = 0; j < columns; j++) {
            uint64_t type = read_leb128(&column), value = read_form(cursor, read_leb128(&column));

            if (type == DW_LNCT_directory_index)
                directory = value;
        }
        if (directory >= limit)
            cursor->bad = true;
    }
    return count;
}

static bool header_is_sane(const uint8_t *data, size_t size)
{
    struct cursor cursor = {.at = data, .left = size, .width = 4};
    uint64_t length = read_number(&cursor, 4), version, directories;

    if (length == UINT32_MAX) {
        length = read_number(&cursor, 8);
        cursor.width = 8;
    }
    if (cursor.bad || length > cursor.left)
        return false;
    cursor.left = length;
    version = read_number(&cursor, 2);
    if (version < 2 || version > 5)
        return false;
    if (version == 5)
        skip(&cursor, 2);                             /* sizes of addresses and segments */
    skip(&cursor, cursor.width + 4 + (version >= 4)); /* up to opcode_base */
    length = read_number(&cursor, 1);
    if (!length)
        return false;
    skip(&cursor, length - 1);
    /* in older versions the tables end with an empty name, and libdwarf does look at the numbers */
    if (version == 5) {
        directories = read_entries(&cursor, UINT64_MAX);
        read_entries(&cursor, directories);
    }
    return !cursor.bad;
}

/* Where the unit's table begins, by one of the forms that compilers use. */
static bool table_offset(struct dwarf_file *file, Dwarf_Die unit, uint64_t *offset)
{
    Dwarf_Attribute attribute;
    Dwarf_Error error = NULL;
    Dwarf_Half form = 0;
    Dwarf_Off at = 0;
    bool found;

    if (dwarf_attr(unit, DW_AT_stmt_list, &attribute, &error) != DW_DLV_OK)
        return false;
    found = dwarf_whatform(attribute, &form, &error) == DW_DLV_OK &&
            (form == DW_FORM_sec_offset || form == DW_FORM_data4 || form == DW_FORM_data8) &&
            dwarf_global_formref(attribute, &at, &error) == DW_DLV_OK;
    dwarf_dealloc(file->dwarf, attribute, DW_DLA_ATTR);
    *offset = at;
    return found;
}

bool dwarf_lines_are_sane(struct dwarf_file *file, Dwarf_Die unit)
{
    size_t size;
    uint64_t offset;
    const uint8_t *data = dwarf_object_contents(file, ".debug_line", &size);

    return data && table_offset(file, unit, &offset) && offset < size &&
           header_is_sane(data + offset, size - offset);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Exception tables (LSDA) of a linked file as text: which instructions lead to which landing pads,
// and what is caught there (Itanium C++ ABI, "Exception Handling Tables"; LSB, "Exception Frames").
#include "differ/oracle_P.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* DW_EH_PE_*: how a pointer is encoded. */
#define PE_OMIT 0xff
#define PE_FORM 0x0f
#define PE_APPLY 0x70
#define PE_PCREL 0x10
#define PE_INDIRECT 0x80

/* Bytes of a linked file from some address on. */
struct cursor {
    const struct image *image;
    const uint8_t *at;
    size_t left;
    uint64_t address;
    bool failed; /* it ends too early, or says something that is not known */
};

static struct cursor cursor_at(const struct image *image, uint64_t address)
{
    struct cursor cursor = {.image = image, .address = address};

    cursor.at = image_bytes(image, address, &cursor.left);
    cursor.failed = !cursor.at;
    return cursor;
}

static uint64_t take_bytes(struct cursor *cursor, size_t size)
{
    uint64_t value = 0;

    if (cursor->failed || cursor->left < size) {
        cursor->failed = true;
        return 0;
    }
    memcpy(&value, cursor->at, size < sizeof(value) ? size : sizeof(value));
    cursor->at += size;
    cursor->left -= size;
    cursor->address += size;
    return le64toh(value);
}

static uint64_t take_leb(struct cursor *cursor, bool with_sign)
{
    uint64_t value = 0;
    unsigned int shift = 0;
    uint8_t byte;

    do {
        byte = (uint8_t)take_bytes(cursor, 1);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) && !cursor->failed);
    if (with_sign && shift < 64 && (byte & 0x40))
        value |= ~UINT64_C(0) << shift;
    return value;
}

/* Bytes of a pointer of that encoding; 0 for those that differ in length or are not known. */
static size_t pointer_size(uint8_t encoding)
{
    static const uint8_t sizes[16] = {
        [0] = 8, [2] = 2, [3] = 4, [4] = 8, [10] = 2, [11] = 4, [12] = 8};

    return sizes[encoding & PE_FORM];
}

/* An encoded value, with the place added that it counts from; 0 for a null pointer. */
static uint64_t take_pointer(struct cursor *cursor, uint8_t encoding)
{
    uint64_t place = cursor->address, value;
    size_t size = pointer_size(encoding);

    if ((encoding & PE_FORM) == 1)
        value = take_leb(cursor, false);
    else if ((encoding & PE_FORM) == 9)
        value = take_leb(cursor, true);
    else if (size)
        value = take_bytes(cursor, size);
    else
        cursor->failed = true, value = 0;
    if ((encoding & 8) && size == 4)
        value = (uint64_t)(int64_t)(int32_t)value;
    else if ((encoding & 8) && size == 2)
        value = (uint64_t)(int64_t)(int16_t)value;
    if ((encoding & PE_APPLY) != PE_PCREL)
        cursor->failed |= (encoding & PE_APPLY) != 0;
    else if (value)
        value += place;
    return value;
}

/* What a CIE says of its FDEs. */
struct cie {
    uint8_t pointer, lsda; /* encodings */
    bool augmented;        /* FDEs have the length of what follows */
};

/* The augmentation string's letters: z, P, L, R, S, B. */
static void read_augmentation(struct cursor *cursor, const char *letters, struct cie *cie)
{
    for (; *letters && !cursor->failed; letters++) {
        uint8_t encoding;

        switch (*letters) {
        case 'z':
            cie->augmented = true;
            take_leb(cursor, false);
            break;
        case 'P':
            encoding = (uint8_t)take_bytes(cursor, 1);
            take_bytes(cursor, pointer_size(encoding));
            break;
        case 'L':
            cie->lsda = (uint8_t)take_bytes(cursor, 1);
            break;
        case 'R':
            cie->pointer = (uint8_t)take_bytes(cursor, 1);
            break;
        default: /* S and B have no data */
            break;
        }
    }
}

static bool read_cie(const struct image *image, uint64_t address, struct cie *cie)
{
    struct cursor cursor = cursor_at(image, address);
    char letters[16] = "";
    uint8_t version;

    *cie = (struct cie){.lsda = PE_OMIT};
    take_bytes(&cursor, 4);
    if (take_bytes(&cursor, 4) != 0)
        return false;
    version = (uint8_t)take_bytes(&cursor, 1);
    for (size_t i = 0; i + 1 < sizeof(letters); i++)
        if (!(letters[i] = (char)take_bytes(&cursor, 1)))
            break;
    take_leb(&cursor, false); /* alignment of code and data */
    take_leb(&cursor, true);
    if (version == 1)
        take_bytes(&cursor, 1);
    else
        take_leb(&cursor, false); /* return address column */
    read_augmentation(&cursor, letters, cie);
    return !cursor.failed;
}

/* In a patch for a program at a fixed address the runtime fills in the patch's own addresses. */
static uint64_t runtime_address(const struct view *view, uint64_t place)
{
    for (size_t i = 0; i < view->runtime_count; i++)
        if (view->runtime[i].place == place && view->runtime[i].sym == SC_RELA_SELF)
            return (uint64_t)view->runtime[i].addend;
    return 0;
}

/* Adds what one FDE says; those without a table are of no interest. */
static void read_fde(struct view *view, struct cursor *cursor, uint64_t cie_address)
{
    struct view_table *table;
    uint64_t function, lsda, place;
    struct cie cie;

    if (!read_cie(view->image, cie_address, &cie) || cie.lsda == PE_OMIT || !cie.augmented)
        return;
    function = take_pointer(cursor, cie.pointer);
    take_pointer(cursor, cie.pointer & PE_FORM);
    take_leb(cursor, false);
    place = cursor->address;
    lsda = take_pointer(cursor, cie.lsda);
    if (!lsda)
        lsda = runtime_address(view, place);
    if (cursor->failed || !lsda)
        return;
    table = pool_alloc(view->image->pool, sizeof(*table));
    *table = (struct view_table){function, lsda};
    list_add(view->image->pool, &view->tables, table);
}

static int compare_tables(const void *a, const void *b)
{
    const struct view_table *x = *(struct view_table *const *)a,
                            *y = *(struct view_table *const *)b;

    return x->function < y->function ? -1 : x->function > y->function;
}

void view_read_tables(struct view *view)
{
    const struct elf_section *section = elf_section_find(view->image->elf, ".eh_frame");
    struct cursor cursor;

    if (!section || !section->shdr.sh_addr)
        return;
    cursor = cursor_at(view->image, section->shdr.sh_addr);
    while (!cursor.failed && cursor.left >= 8) {
        struct cursor record = cursor;
        uint64_t length = take_bytes(&record, 4), place = record.address;
        uint64_t back = take_bytes(&record, 4);

        if (length < 4 || length == UINT32_MAX)
            break;
        take_bytes(&cursor, length + 4);
        if (back)
            read_fde(view, &record, place - back);
    }
    if (view->tables.count)
        qsort(view->tables.items, view->tables.count, sizeof(void *), compare_tables);
}

static uint64_t table_of(const struct view *view, uint64_t function)
{
    size_t low = 0, high = view->tables.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct view_table *table = view->tables.items[middle];

        if (table->function == function)
            return table->lsda;
        if (table->function < function)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* The header of a table and where its parts begin. */
struct lsda {
    struct writer *writer;
    const struct code *part;
    uint64_t landing; /* what landing pads count from */
    uint8_t type_encoding;
    uint64_t types, actions; /* addresses: end of the types, beginning of the actions */
    uint8_t site_encoding;
};

static void write_type(struct lsda *lsda, uint64_t index)
{
    const struct view *view = lsda->writer->view;
    size_t size = pointer_size(lsda->type_encoding);
    struct cursor cursor = cursor_at(view->image, lsda->types - index * size);
    uint64_t place = cursor.address, address = take_pointer(&cursor, lsda->type_encoding);

    fputs(" type:", lsda->writer->out);
    if (cursor.failed || !size)
        fputs("unreadable", lsda->writer->out);
    else if (!writer_runtime(lsda->writer, place, size) && address)
        writer_reference(lsda->writer, address, lsda->type_encoding & PE_INDIRECT ? 8 : 0,
                         !(lsda->type_encoding & PE_APPLY));
}

/* throw (A, B): a list of types that ends with 0. */
static void write_specification(struct lsda *lsda, int64_t filter)
{
    struct cursor cursor =
        cursor_at(lsda->writer->view->image, lsda->types + (uint64_t)(-filter - 1));
    uint64_t index;

    fputs(" only:", lsda->writer->out);
    while ((index = take_leb(&cursor, false)) != 0 && !cursor.failed)
        write_type(lsda, index);
}

/* The chain of actions at a landing pad. */
static void write_actions(struct lsda *lsda, uint64_t action)
{
    struct cursor cursor = cursor_at(lsda->writer->view->image, lsda->actions + action - 1);

    /* chains are short; the bound is for tables that lead in a circle */
    for (int i = 0; i < 1024 && !cursor.failed; i++) {
        int64_t filter = (int64_t)take_leb(&cursor, true), next;
        uint64_t place = cursor.address;

        next = (int64_t)take_leb(&cursor, true);
        if (filter == 0)
            fputs(" cleanup", lsda->writer->out);
        else if (filter > 0)
            write_type(lsda, (uint64_t)filter);
        else
            write_specification(lsda, filter);
        if (!next)
            return;
        cursor = cursor_at(lsda->writer->view->image, place + (uint64_t)next);
    }
    fputs(" unreadable", lsda->writer->out);
}

static void write_site(struct lsda *lsda, struct cursor *cursor)
{
    uint64_t start = take_pointer(cursor, lsda->site_encoding);
    uint64_t size = take_pointer(cursor, lsda->site_encoding);
    uint64_t pad = take_pointer(cursor, lsda->site_encoding);
    uint64_t action = take_leb(cursor, false);

    fputs("X ", lsda->writer->out);
    writer_place(lsda->writer, lsda->part, lsda->part->symbol->address + start);
    fputs("-", lsda->writer->out);
    writer_place(lsda->writer, lsda->part, lsda->part->symbol->address + start + size);
    if (pad) {
        const struct code *to = view_code_at(lsda->writer->view, lsda->landing + pad);

        fputs(" to ", lsda->writer->out);
        if (to)
            writer_place(lsda->writer, to, lsda->landing + pad);
    }
    if (action)
        write_actions(lsda, action);
    fputc('\n', lsda->writer->out);
}

void writer_table(struct writer *writer, const struct code *part)
{
    uint64_t address = table_of(writer->view, part->symbol->address), end;
    struct lsda lsda = {.writer = writer, .part = part, .landing = part->symbol->address};
    struct cursor cursor;
    uint8_t encoding;

    if (!address)
        return;
    cursor = cursor_at(writer->view->image, address);
    encoding = (uint8_t)take_bytes(&cursor, 1);
    if (encoding != PE_OMIT)
        lsda.landing = take_pointer(&cursor, encoding);
    lsda.type_encoding = (uint8_t)take_bytes(&cursor, 1);
    if (lsda.type_encoding != PE_OMIT) {
        uint64_t distance = take_leb(&cursor, false);

        lsda.types = cursor.address + distance;
    }
    lsda.site_encoding = (uint8_t)take_bytes(&cursor, 1);
    end = take_leb(&cursor, false);
    end = lsda.actions = cursor.address + end;
    while (!cursor.failed && cursor.address < end)
        write_site(&lsda, &cursor);
    if (cursor.failed)
        fputs("X unreadable\n", writer->out);
}

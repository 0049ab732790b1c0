// SPDX-License-Identifier: GPL-2.0-or-later
// Reads call frame information of object files: which record and which exception table belongs to
// which function (LSB "Exception Frames", DWARF 5 section 6.4).
#include "differ/eh_frame.h"

#include "differ/read.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* FDE: where the relocation of its first address stands. */
#define FDE_PC_BEGIN 8

static uint32_t read_u32(const struct section *section, uint64_t offset)
{
    uint32_t value;

    memcpy(&value, section->data + offset, sizeof(value));
    return le32toh(value);
}

bool eh_frame_record(struct section *section, uint64_t offset, struct eh_record *record)
{
    uint32_t length, id;

    if (!section->data || section->size < 8 || offset > section->size - 8)
        return false;
    length = read_u32(section, offset);
    if (length < 4 || length == UINT32_MAX || length > section->size - offset - 4)
        return false;
    id = read_u32(section, offset + 4);
    *record = (struct eh_record){section, offset, (uint64_t)length + 4, UINT64_MAX};
    if (id == 0)
        return true;
    if (id > offset + 4)
        return false;
    record->cie = offset + 4 - id;
    return true;
}

const struct relocation *eh_frame_function(const struct eh_record *fde)
{
    size_t at = section_relocation_from(fde->section, fde->offset + FDE_PC_BEGIN);

    if (at >= fde->section->relocation_count ||
        fde->section->relocations[at].offset != fde->offset + FDE_PC_BEGIN)
        return NULL;
    return &fde->section->relocations[at];
}

/* The one of an FDE that leads to the exception table; NULL for none. */
static struct relocation *lsda_relocation(const struct eh_record *fde)
{
    struct section *section = fde->section;

    for (size_t i = section_relocation_from(section, fde->offset);
         i < section->relocation_count && section->relocations[i].offset < fde->offset + fde->size;
         i++) {
        const struct symbol *symbol = section->relocations[i].symbol;

        if (symbol->section && symbol->section->kind == SECTION_LSDA)
            return &section->relocations[i];
    }
    return NULL;
}

/* The offset in its section that a relocation of .eh_frame means. */
static uint64_t meant_offset(const struct relocation *relocation)
{
    return relocation->symbol->value + (uint64_t)relocation->addend;
}

static int compare_pieces(const void *a, const void *b)
{
    const struct symbol *x = *(struct symbol *const *)a, *y = *(struct symbol *const *)b;

    return x->value < y->value ? -1 : x->value > y->value;
}

/* The table at offset of its section, made on demand. */
static struct symbol *table_at(struct section *section, uint64_t offset)
{
    struct object *object = section->object;
    struct symbol *table = section_piece(section, offset);

    if (table)
        return table;
    table = pool_alloc(object->pool, sizeof(*table));
    table->object = object;
    table->section = section;
    table->name = table->key = "";
    table->value = offset;
    table->bind = STB_LOCAL;
    table->anonymous = table->by_content = true;
    section_piece_add(section, table);
    list_add(object->pool, &object->all, table);
    return table;
}

/* All names of the function have the table. */
static void attach_table(const struct relocation *function, struct symbol *table)
{
    struct section *section = function->symbol->section;
    uint64_t offset = meant_offset(function);

    for (size_t i = section ? section_symbol_from(section, offset) : SIZE_MAX;
         section && i < section->symbols.count; i++) {
        struct symbol *symbol = section->symbols.items[i];

        if (symbol->value != offset)
            break;
        symbol->lsda = table;
    }
}

static void attach_section(struct section *section)
{
    struct eh_record record;

    for (uint64_t at = 0; eh_frame_record(section, at, &record); at += record.size) {
        const struct relocation *function;
        struct relocation *lsda;

        if (record.cie == UINT64_MAX)
            continue;
        function = eh_frame_function(&record);
        lsda = lsda_relocation(&record);
        if (!function || !lsda || meant_offset(lsda) >= lsda->symbol->section->size)
            continue;
        lsda->target = table_at(lsda->symbol->section, meant_offset(lsda));
        lsda->delta = 0;
        attach_table(function, lsda->target);
    }
}

/* A table reaches to the next one. */
static void size_tables(struct section *section)
{
    struct list *tables = &section->pieces;

    if (tables->count)
        qsort(tables->items, tables->count, sizeof(void *), compare_pieces);
    for (size_t i = 0; i < tables->count; i++) {
        struct symbol *table = tables->items[i];
        const struct symbol *next = i + 1 < tables->count ? tables->items[i + 1] : NULL;

        table->size = (next ? next->value : section->size) - table->value;
    }
}

void eh_frame_attach(struct object *object)
{
    for (size_t i = 1; i < object->section_count; i++)
        if (object->sections[i].kind == SECTION_EH_FRAME)
            attach_section(&object->sections[i]);
    for (size_t i = 1; i < object->section_count; i++)
        if (object->sections[i].kind == SECTION_LSDA)
            size_tables(&object->sections[i]);
}

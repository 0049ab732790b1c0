// SPDX-License-Identifier: GPL-2.0-or-later
// Finds what lies at an offset of a section. A generated table refers to a hundred thousand strings
// of one section, an object without -ffunction-sections has all its functions in one.
#include "differ/read.h"

#include <stdlib.h>
#include <string.h>

/* Made when it is asked for first: most sections are never searched. */
struct section_index {
    uint64_t *reach; /* for each symbol: where the farthest of it and those before it ends */
    uint64_t *ends;  /* of all symbols with a size, sorted */
    size_t end_count;
    struct symbol *only;    /* the only symbol with a size, other names of it aside */
    struct symbol **pieces; /* open addressing by offset; room is a power of two, or 0 */
    size_t piece_room, piece_count;
};

bool symbol_is_label(const struct symbol *symbol)
{
    return symbol->bind == STB_LOCAL && symbol->size == 0 &&
           (symbol->type == STT_NOTYPE || symbol->type == STT_SECTION) &&
           (symbol->type == STT_SECTION || strncmp(symbol->name, ".L", 2) == 0);
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void index_symbols(struct section *section, struct section_index *index)
{
    struct pool *pool = section->object->pool;
    uint64_t farthest = 0;
    bool several = false;

    index->reach = pool_alloc(pool, (section->symbols.count + 1) * sizeof(*index->reach));
    index->ends = pool_alloc(pool, (section->symbols.count + 1) * sizeof(*index->ends));
    for (size_t i = 0; i < section->symbols.count; i++) {
        struct symbol *symbol = section->symbols.items[i];
        uint64_t end = symbol->value + symbol->size;

        if (symbol->size) {
            index->ends[index->end_count++] = end;
            farthest = end > farthest ? end : farthest;
            several |= index->only && index->only->value != symbol->value;
            index->only = index->only ? index->only : symbol;
        }
        index->reach[i] = farthest;
    }
    if (several)
        index->only = NULL;
    if (index->end_count)
        qsort(index->ends, index->end_count, sizeof(*index->ends), compare_numbers);
}

static struct section_index *index_of(struct section *section)
{
    if (!section->search) {
        section->search = pool_alloc(section->object->pool, sizeof(*section->search));
        index_symbols(section, section->search);
    }
    return section->search;
}

struct symbol *section_only_symbol(struct section *section)
{
    return index_of(section)->only;
}

/* Index of the first symbol at or behind the offset. */
static size_t first_from(const struct section *section, uint64_t offset)
{
    size_t low = 0, high = section->symbols.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (((const struct symbol *)section->symbols.items[middle])->value < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where reach first goes beyond the offset, that very symbol does. */
struct symbol *section_covering(struct section *section, uint64_t offset)
{
    const struct section_index *index = index_of(section);
    size_t low = 0, high = section->symbols.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (index->reach[middle] <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < section->symbols.count) {
        struct symbol *symbol = section->symbols.items[low];

        if (symbol->value <= offset)
            return symbol;
    }
    for (size_t i = first_from(section, offset); i < section->symbols.count; i++) {
        struct symbol *symbol = section->symbols.items[i];

        if (symbol->value != offset)
            return NULL;
        if (!symbol_is_label(symbol))
            return symbol;
    }
    return NULL;
}

size_t section_symbol_from(const struct section *section, uint64_t offset)
{
    return first_from(section, offset);
}

bool section_ends_symbol(struct section *section, uint64_t offset)
{
    const struct section_index *index = index_of(section);

    return index->end_count &&
           bsearch(&offset, index->ends, index->end_count, sizeof(*index->ends), compare_numbers);
}

/* The slot of the offset: its piece, or free. */
static struct symbol **slot_of(struct symbol **slots, size_t room, uint64_t offset)
{
    /* Fibonacci hashing (Knuth, volume 3, 6.4): offsets are multiples of small numbers */
    size_t at = (size_t)(offset * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (room - 1);

    while (slots[at] && slots[at]->value != offset)
        at = (at + 1) & (room - 1);
    return &slots[at];
}

struct symbol *section_piece(struct section *section, uint64_t offset)
{
    const struct section_index *index = index_of(section);

    return index->piece_room ? *slot_of(index->pieces, index->piece_room, offset) : NULL;
}

void section_piece_add(struct section *section, struct symbol *piece)
{
    struct section_index *index = index_of(section);
    struct pool *pool = section->object->pool;

    if (2 * (index->piece_count + 1) > index->piece_room) {
        size_t room = index->piece_room ? 2 * index->piece_room : 16;
        struct symbol **slots = pool_alloc(pool, room * sizeof(struct symbol *));

        for (size_t i = 0; i < index->piece_room; i++)
            if (index->pieces[i])
                *slot_of(slots, room, index->pieces[i]->value) = index->pieces[i];
        index->pieces = slots;
        index->piece_room = room;
    }
    *slot_of(index->pieces, index->piece_room, piece->value) = piece;
    index->piece_count++;
    list_add(pool, &section->pieces, piece);
}

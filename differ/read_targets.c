// SPDX-License-Identifier: GPL-2.0-or-later
// Finds what each relocation of an object means: a symbol and a distance from it.
//
// The assembler replaces local symbols by their section's symbol and an offset, and a PC-relative
// addend also holds the distance to the end of the instruction (-4, or -8 with a 32-bit immediate
// behind it), which is why code has to be decoded. Data without a symbol is cut into pieces at the
// places that are referred to.
#include "differ/names.h"
#include "differ/read.h"

#include <stdlib.h>
#include <string.h>

/* A place in a section without symbols that something refers to. */
struct start {
    uint64_t offset;
    bool open; /* only its address is used: how much is read there is unknown */
};

static int compare_symbols(const void *a, const void *b)
{
    const struct symbol *x = *(struct symbol *const *)a, *y = *(struct symbol *const *)b;

    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    if (x->size != y->size) /* the larger one is the more informative */
        return x->size > y->size ? -1 : 1;
    if (x->bind != y->bind)
        return x->bind > y->bind ? -1 : 1;
    return strcmp(x->name, y->name);
}

static void sort_section_symbols(struct object *object)
{
    for (size_t i = 1; i < object->section_count; i++) {
        struct list *symbols = &object->sections[i].symbols;

        if (symbols->count > 1)
            qsort(symbols->items, symbols->count, sizeof(void *), compare_symbols);
    }
}

/* Notes in the relocations inside one instruction how far its end is, and what kind it is. */
static void annotate_insn(struct section *section, const struct arch_insn *insn)
{
    uint64_t end = insn->address + insn->size;

    for (size_t i = section_relocation_from(section, insn->address);
         i < section->relocation_count && section->relocations[i].offset < end; i++) {
        struct relocation *relocation = &section->relocations[i];

        relocation->tail = (uint8_t)(end - relocation->offset);
        relocation->branch =
            insn->kind == INSN_CALL || insn->kind == INSN_JUMP || insn->kind == INSN_BRANCH;
        /* mov foo@GOTPCREL(%rip) and friends keep RELOC_GOT; call *foo@... as well */
        relocation->stores = insn->stores;
        relocation->lea = insn->kind == INSN_LEA;
        relocation->exact_size = insn->exact_size;
        relocation->known_size = insn->ref_count == 1 && insn->ref_sizes[0] > 0;
        if (relocation->branch && relocation->class == RELOC_PCREL)
            relocation->class = RELOC_BRANCH;
        else if (!relocation->branch && relocation->class == RELOC_BRANCH)
            relocation->class = RELOC_PCREL;
    }
}

/* Notes an instruction of [from, to) that leads to code of its section outside. */
static void note_leap(struct section *section, const struct arch_insn *insn, uint64_t from,
                      uint64_t to)
{
    size_t next = section_relocation_from(section, insn->address);
    bool relocated = next < section->relocation_count &&
                     section->relocations[next].offset < insn->address + insn->size;
    struct leap *leap;

    if ((insn->kind != INSN_CALL && insn->kind != INSN_JUMP && insn->kind != INSN_BRANCH) ||
        relocated || insn->target >= section->size || (insn->target >= from && insn->target < to))
        return;
    leap = pool_alloc(section->object->pool, sizeof(*leap));
    *leap = (struct leap){insn->address, insn->target, insn->size, insn->kind, insn->id};
    list_add(section->object->pool, &section->leaps, leap);
}

/* Decodes one stretch of code; where decoding fails the rest of it stays without notes. */
static void annotate_code(struct section *section, const struct arch *arch, struct decoder *decoder,
                          uint64_t from, uint64_t to)
{
    static const struct address_range none = {0, 0};
    uint64_t at = from;
    struct arch_insn insn;

    while (at < to && arch->decode(decoder, section->data + at, to - at, at, &none, &insn)) {
        annotate_insn(section, &insn);
        note_leap(section, &insn, from, to);
        at += insn.size;
    }
}

static void annotate_section(struct section *section, const struct arch *arch,
                             struct decoder *decoder)
{
    uint64_t from = 0;

    if (!section->data)
        return;
    for (size_t i = 0; i < section->symbols.count; i++) {
        struct symbol *symbol = section->symbols.items[i];

        if (symbol->type == STT_FUNC && symbol->value > from) {
            annotate_code(section, arch, decoder, from, symbol->value);
            from = symbol->value;
        }
    }
    annotate_code(section, arch, decoder, from, section->size);
}

static struct symbol *anonymous_symbol(struct section *section, uint64_t offset, uint64_t size)
{
    struct object *object = section->object;
    struct symbol *symbol = pool_alloc(object->pool, sizeof(*symbol));

    symbol->object = object;
    symbol->section = section;
    symbol->name = symbol->key = "";
    symbol->value = offset;
    symbol->size = size;
    symbol->bind = STB_LOCAL;
    symbol->anonymous = true;
    symbol->by_content = section->kind != SECTION_DATA && section->kind != SECTION_TEXT;
    list_add(object->pool, &object->all, symbol);
    return symbol;
}

/* Bytes of the string at offset with its terminator, or up to the end of the section. */
static uint64_t string_size(const struct section *section, uint64_t offset)
{
    uint64_t step = section->entsize ? section->entsize : 1;
    static const uint8_t zero[8];

    for (uint64_t at = offset; step <= sizeof(zero) && at + step <= section->size; at += step)
        if (section->data && memcmp(section->data + at, zero, step) == 0)
            return at + step - offset;
    return section->size - offset;
}

/* The piece of a merged section at offset: a string, or one constant. Made on demand. */
static struct symbol *merged_piece(struct section *section, uint64_t offset)
{
    struct symbol *piece = section_piece(section, offset);
    uint64_t size;

    if (piece)
        return piece;
    if (section->kind == SECTION_STRINGS)
        size = string_size(section, offset);
    else
        size = section->entsize && section->entsize <= section->size - offset
                   ? section->entsize
                   : section->size - offset;
    piece = anonymous_symbol(section, offset, size);
    section_piece_add(section, piece);
    return piece;
}

/* A reference to a merged section. base is where the label stands, offset what is meant. */
static void target_merged(struct relocation *relocation, struct section *section, int64_t base,
                          int64_t offset)
{
    if (section->kind == SECTION_CONSTANTS && section->entsize)
        base = offset - offset % (int64_t)section->entsize;
    if (base < 0 || (uint64_t)base >= section->size)
        return;
    relocation->target = merged_piece(section, (uint64_t)base);
    relocation->delta = offset - base;
}

static void add_start(struct section *section, uint64_t offset, bool open)
{
    struct start *start = pool_alloc(section->object->pool, sizeof(*start));

    start->offset = offset;
    start->open = open;
    list_add(section->object->pool, &section->starts, start);
}

/* A reference into a section by offset: to a symbol there, or to a piece yet to be cut. */
static void target_offset(struct relocation *relocation, struct section *section, int64_t offset)
{
    struct symbol *symbol = offset < 0 ? NULL : section_covering(section, (uint64_t)offset);

    if (!symbol)
        symbol = section_only_symbol(section);
    if (symbol) {
        relocation->target = symbol;
        relocation->delta = offset - (int64_t)symbol->value;
        return;
    }
    /* the end of one thing or the beginning of another: cannot be told apart */
    if (offset < 0 || (uint64_t)offset >= section->size ||
        section_ends_symbol(section, (uint64_t)offset))
        return;
    relocation->unnamed = true;
    relocation->delta = offset;
    add_start(section, (uint64_t)offset, !relocation->known_size);
}

/*
 * In data, a PC-relative value counts from its own place or from the start of its table, which the
 * relocation does not tell; it stays an addend to the start of the section that it points into.
 * In exception tables it always counts from its own place.
 */
static void target_relative(struct relocation *relocation, struct section *section)
{
    for (size_t i = 0; i < section->symbols.count && !relocation->target; i++) {
        struct symbol *symbol = section->symbols.items[i];

        if (symbol->value == 0 && !symbol_is_label(symbol))
            relocation->target = symbol;
    }
    relocation->delta = relocation->addend;
}

/* True if the addend counts from the place of the field. */
static bool is_relative(enum reloc_class class)
{
    return class != RELOC_ABS && class != RELOC_ABS_NARROW && class != RELOC_TLS_OFFSET &&
           class != RELOC_TLS_LD_OFFSET && class != RELOC_TLS_DESC_CALL;
}

static void find_target(struct relocation *relocation)
{
    struct symbol *symbol = relocation->symbol;
    struct section *section = symbol->section;
    bool code = relocation->section->kind == SECTION_TEXT;
    bool relative = is_relative(relocation->class);
    int64_t offset = relocation->addend;

    if (code && relative)
        offset += relocation->tail;
    if (!section || !symbol_is_label(symbol)) {
        relocation->target = symbol;
        relocation->delta = offset;
        return;
    }
    if (section->kind == SECTION_IGNORED || (code && relative && !relocation->tail))
        return;
    if (section->kind == SECTION_STRINGS || section->kind == SECTION_CONSTANTS) {
        offset += (int64_t)symbol->value;
        /* by its section alone, the place meant is the beginning of a thing; with a label it may
         * be the middle or the end of it */
        if (!relative || code)
            target_merged(relocation, section,
                          symbol->type == STT_SECTION ? offset : (int64_t)symbol->value, offset);
        return;
    }
    if (relative && !code && relocation->section->kind != SECTION_LSDA)
        target_relative(relocation, section);
    else
        target_offset(relocation, section, offset + (int64_t)symbol->value);
}

static int compare_starts(const void *a, const void *b)
{
    const struct start *x = *(struct start *const *)a, *y = *(struct start *const *)b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (int)y->open - (int)x->open;
}

/*
 * Cuts a section at the referred places. Behind an open start the next known one may be a look
 * inside the same thing (movdqa .LC0+16(%rip) beside lea .LC0(%rip)), so only open starts, or
 * known ones before the first open one, begin a new piece.
 */
static void cut_pieces(struct section *section)
{
    struct start **starts = (struct start **)section->starts.items;
    struct symbol *last = NULL;
    bool open = false;

    if (section->starts.count)
        qsort(starts, section->starts.count, sizeof(*starts), compare_starts);
    for (size_t i = 0; i < section->starts.count; i++) {
        if (last && (last->value == starts[i]->offset || (open && !starts[i]->open)))
            continue;
        if (last)
            last->size = starts[i]->offset - last->value;
        last = anonymous_symbol(section, starts[i]->offset, section->size - starts[i]->offset);
        open = starts[i]->open;
        section_piece_add(section, last);
    }
}

/* The last piece that does not begin behind the offset; they are in the order of their places. */
static struct symbol *find_piece(struct section *section, uint64_t offset)
{
    size_t low = 0, high = section->pieces.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (((struct symbol *)section->pieces.items[middle])->value <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? section->pieces.items[low - 1] : NULL;
}

/* Second round: the pieces are known now. */
static void resolve_unnamed(struct section *section)
{
    for (size_t i = 0; i < section->relocation_count; i++) {
        struct relocation *relocation = &section->relocations[i];
        struct symbol *piece;

        if (!relocation->unnamed)
            continue;
        piece = find_piece(relocation->symbol->section, (uint64_t)relocation->delta);
        relocation->target = piece;
        if (piece)
            piece->stored |= relocation->stores;
        relocation->delta -= piece ? (int64_t)piece->value : 0;
    }
}

/* True if what has no symbol in the section is made by gcc and is read only. */
static bool may_hold_constants(const struct section *section)
{
    const char *name = section->name;

    return section->kind == SECTION_DATA &&
           (strcmp(name, ".data") == 0 || strncmp(name, ".data.rel.local..LDFCM", 22) == 0);
}

/*
 * gcc keeps initialisers with pointers in them (char *names[] = {"a", "b"} on the stack) without a
 * symbol in .data, where all variables have one and, with -fdata-sections, a section of their own.
 * In position-independent code, exception tables lead to types that no other file knows by pointers
 * (.LDFCM0) in .data.rel.local. They are constants all the same, unless something is written to
 * them.
 */
static void find_constants(struct section *section)
{
    if (!may_hold_constants(section))
        return;
    for (size_t i = 0; i < section->pieces.count; i++) {
        struct symbol *piece = section->pieces.items[i];
        size_t at = section_relocation_from(section, piece->value);

        piece->by_content = !piece->stored && at < section->relocation_count &&
                            section->relocations[at].offset < piece->value + piece->size;
    }
}

/* A label with a name (.LC0) that something refers to by its section's piece has a size too. */
static void size_labels(struct object *object)
{
    for (size_t i = 0; i < object->all.count; i++) {
        struct symbol *symbol = object->all.items[i];

        if (symbol->size == 0 && symbol->section && symbol->section->kind == SECTION_STRINGS)
            symbol->size = string_size(symbol->section, symbol->value);
    }
}

int object_find_targets(struct object *object, const struct arch *arch, struct decoder *decoder,
                        struct sc_error **err)
{
    (void)err;
    sort_section_symbols(object);
    for (size_t i = 1; i < object->section_count; i++) {
        struct section *section = &object->sections[i];

        if (section->kind == SECTION_TEXT)
            annotate_section(section, arch, decoder);
        for (size_t j = 0; j < section->relocation_count; j++)
            find_target(&section->relocations[j]);
    }
    for (size_t i = 1; i < object->section_count; i++)
        cut_pieces(&object->sections[i]);
    for (size_t i = 1; i < object->section_count; i++)
        resolve_unnamed(&object->sections[i]);
    for (size_t i = 1; i < object->section_count; i++)
        find_constants(&object->sections[i]);
    size_labels(object);
    return 0;
}

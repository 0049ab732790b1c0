// SPDX-License-Identifier: GPL-2.0-or-later
// Compares symbols with their twins and gives each a status.
#include "differ/compare.h"

#include "differ/differ.h"
#include "differ/read.h"

#include <string.h>

/* The relocations inside a symbol: [first, first + count). */
struct slice {
    const struct relocation *first;
    size_t count;
};

static struct slice relocations_of(const struct symbol *symbol)
{
    const struct section *section = symbol->section;
    struct slice slice = {NULL, 0};
    size_t at;

    if (!section || !section->relocation_count)
        return slice;
    at = section_relocation_from(section, symbol->value);
    slice.first = section->relocations + at;
    while (at < section->relocation_count &&
           section->relocations[at].offset < symbol->value + symbol->size)
        slice.count++, at++;
    return slice;
}

static bool same_place(const struct relocation *a, const struct symbol *of_a,
                       const struct relocation *b, const struct symbol *of_b)
{
    return a->offset - of_a->value == b->offset - of_b->value && a->class == b->class &&
           (a->class == RELOC_BRANCH || a->class == RELOC_GOT || a->type == b->type);
}

/* Bytes of a symbol; all zero counts as no bytes, so that .bss equals zeroed .data. */
static bool same_bytes(const struct symbol *a, const struct symbol *b, uint64_t size)
{
    const uint8_t *x = a->section ? a->section->data : NULL;
    const uint8_t *y = b->section ? b->section->data : NULL;

    if (x && y)
        return memcmp(x + a->value, y + b->value, size) == 0;
    for (uint64_t i = 0; i < size; i++)
        if ((x && x[a->value + i]) || (y && y[b->value + i]))
            return false;
    return true;
}

/* The first leap of the symbol's section that is at or behind its start. */
static size_t first_leap(const struct symbol *symbol)
{
    size_t low = 0, high = symbol->section ? symbol->section->leaps.count : 0;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct leap *leap = symbol->section->leaps.items[middle];

        if (leap->offset < symbol->value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The one of that index, if it is inside the symbol; else NULL. */
static const struct leap *leap_in(const struct symbol *symbol, size_t index)
{
    const struct leap *leap = symbol->section && index < symbol->section->leaps.count
                                  ? symbol->section->leaps.items[index]
                                  : NULL;

    return leap && leap->offset - symbol->value < symbol->size ? leap : NULL;
}

/* How far away the target is depends on what lies between, and how long the instruction is too. */
static bool same_leaps(const struct symbol *a, const struct leap *x, const struct symbol *b,
                       const struct leap *y)
{
    const struct symbol *to_x = section_covering(a->section, x->target);
    const struct symbol *to_y = section_covering(b->section, y->target);

    return x->kind == y->kind && x->id == y->id && to_x && to_y &&
           x->target - to_x->value == y->target - to_y->value &&
           (to_x->twin == to_y || strcmp(to_x->name, to_y->name) == 0);
}

/* The same, where leaps may be of another size or distance. */
static bool same_code(const struct symbol *a, const struct symbol *b)
{
    uint64_t from_a = a->value, from_b = b->value, left;

    for (size_t i = first_leap(a), j = first_leap(b);; i++, j++) {
        const struct leap *x = leap_in(a, i), *y = leap_in(b, j);

        if (!x != !y)
            return false;
        left = (x ? x->offset : a->value + a->size) - from_a;
        if (left != (y ? y->offset : b->value + b->size) - from_b ||
            memcmp(a->section->data + from_a, b->section->data + from_b, left) != 0)
            return false;
        if (!x)
            return true;
        if (!same_leaps(a, x, b, y))
            return false;
        from_a += left + x->size;
        from_b += left + y->size;
    }
}

bool compare_code_shape(const struct symbol *a, const struct symbol *b)
{
    struct slice x = relocations_of(a), y = relocations_of(b);
    bool leaps = leap_in(a, first_leap(a)) && leap_in(b, first_leap(b));

    if (x.count != y.count ||
        (leaps ? !same_code(a, b) : a->size != b->size || !same_bytes(a, b, a->size)))
        return false;
    for (size_t i = 0; i < x.count; i++)
        if (!same_place(&x.first[i], a, &y.first[i], b))
            return false;
    return true;
}

/*
 * Pieces that one reference leads to: those of a table of names are a few, and in a damaged file
 * one leads to itself. What is not followed to its end counts as changed.
 */
#define PIECES_MAX 10000

static bool same_pieces_up_to(const struct symbol *a, const struct symbol *b, size_t *left);

/* Named, or not defined here at all: the names tell, unless both are defined and paired. */
static bool same_symbols(const struct symbol *a, const struct symbol *b, bool loosely, size_t *left)
{
    if (a->by_content || b->by_content)
        return a->by_content && b->by_content && same_pieces_up_to(a, b, left);
    if (a->twin == b)
        return true;
    if (loosely && !a->twin && !b->twin)
        return strcmp(a->key, b->key) == 0;
    if (symbol_is_defined(a) && symbol_is_defined(b))
        return false;
    /* a global one may be defined in another file on one side: still the same by name */
    return a->bind != STB_LOCAL && b->bind != STB_LOCAL && strcmp(a->name, b->name) == 0;
}

/* The bytes that a reference reads of a constant, which no relocation changes; NULL for others. */
static const uint8_t *constant_read(const struct relocation *reference)
{
    const struct symbol *target = reference->target;
    const struct section *section = target->section;
    uint64_t start = target->value + (uint64_t)reference->delta;
    size_t i;

    if (!reference->exact_size || !target->by_content || !target->anonymous || !section ||
        !section->data || start > section->size || section->size - start < reference->exact_size)
        return NULL;
    i = section_relocation_from(section, start > 7 ? start - 7 : 0);
    return i < section->relocation_count &&
                   section->relocations[i].offset < start + reference->exact_size
               ? NULL
               : section->data + start;
}

static bool same_targets_up_to(const struct relocation *a, const struct relocation *b, bool loosely,
                               size_t *left)
{
    if (a->class == RELOC_NONE)
        return true;
    if (!a->target || !b->target)
        return false;
    if (a->exact_size == b->exact_size && constant_read(a) && constant_read(b))
        return memcmp(constant_read(a), constant_read(b), a->exact_size) == 0;
    if (a->delta != b->delta)
        return false;
    return same_symbols(a->target, b->target, loosely, left);
}

static bool same_targets(const struct relocation *a, const struct relocation *b, bool loosely)
{
    size_t left = PIECES_MAX;

    return same_targets_up_to(a, b, loosely, &left);
}

bool compare_references(const struct relocation *a, const struct relocation *b)
{
    return same_targets(a, b, false);
}

bool compare_code_loosely(const struct symbol *a, const struct symbol *b)
{
    struct slice x = relocations_of(a), y = relocations_of(b);

    if (!compare_code_shape(a, b))
        return false;
    for (size_t i = 0; i < x.count; i++)
        if (!same_targets(&x.first[i], &y.first[i], true))
            return false;
    return true;
}

static bool only_zeros(const struct symbol *symbol, uint64_t from)
{
    const uint8_t *data = symbol->section->data;

    for (uint64_t i = from; data && i < symbol->size; i++)
        if (data[symbol->value + i])
            return false;
    return true;
}

/*
 * Anonymous pieces reach to the next one, so that padding may belong to them: they are equal when
 * the longer one goes on with nothing but zeros. Jump tables point back into their function.
 */
static bool same_pieces_up_to(const struct symbol *a, const struct symbol *b, size_t *left)
{
    struct slice x = relocations_of(a), y = relocations_of(b);
    uint64_t size = a->size < b->size ? a->size : b->size;

    if (*left == 0)
        return false;
    --*left;
    if (a->section->kind != b->section->kind || x.count != y.count || !same_bytes(a, b, size) ||
        !only_zeros(a, size) || !only_zeros(b, size))
        return false;
    if (a->size != b->size && !a->anonymous)
        return false;
    for (size_t i = 0; i < x.count; i++)
        if (!same_place(&x.first[i], a, &y.first[i], b) ||
            !same_targets_up_to(&x.first[i], &y.first[i], false, left))
            return false;
    return true;
}

static bool same_pieces(const struct symbol *a, const struct symbol *b)
{
    size_t left = PIECES_MAX;

    return same_pieces_up_to(a, b, &left);
}

/* What about two relocations at the same place is different, for the report. */
static const char *describe(const struct symbol *symbol, const struct relocation *a,
                            const struct relocation *b)
{
    struct pool *pool = symbol->object->pool;
    const struct symbol *target = b->target;

    if (!a->target || !target)
        return "a reference cannot be followed";
    if (target->by_content && a->target->by_content)
        return target->section->kind == SECTION_STRINGS     ? "string constant changed"
               : target->section->kind == SECTION_CONSTANTS ? "numeric constant changed"
                                                            : "constant or jump table changed";
    if (symbol_is_function(target) && target->numbered)
        return pool_format(pool, "refers to another clone: %s", target->name);
    return pool_format(pool, "refers to %s instead of %s", symbol_label(target),
                       symbol_label(a->target));
}

const char *compare_contents(const struct symbol *a, const struct symbol *b)
{
    struct slice x = relocations_of(a), y = relocations_of(b);

    if (!compare_code_shape(a, b))
        return symbol_is_function(b) ? "code changed" : "contents changed";
    for (size_t i = 0; i < x.count; i++)
        if (!same_targets(&x.first[i], &y.first[i], false))
            return describe(b, &x.first[i], &y.first[i]);
    /* catch (int) and catch (long) may differ in their tables alone */
    if (a->lsda || b->lsda)
        return a->lsda && b->lsda && same_pieces(a->lsda, b->lsda) ? NULL
                                                                   : "exception handling changed";
    return NULL;
}

static void set_status(struct symbol *symbol, enum status status, const char *reason)
{
    symbol->status = symbol->twin->status = status;
    symbol->reason = symbol->twin->reason = reason;
}

/* The first comparison: own bytes and what the references are, not what they have become. */
static void compare_symbols(struct object *patched)
{
    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i];
        const char *reason;

        if (!symbol->twin)
            continue;
        reason = compare_contents(symbol->twin, symbol);
        set_status(symbol, reason ? STATUS_CHANGED : STATUS_SAME, reason);
    }
}

/* A named constant object that has changed; the linked program has another at its place. */
static bool is_changed_constant(const struct symbol *symbol)
{
    return symbol && symbol->twin && symbol->status == STATUS_CHANGED && symbol->section &&
           symbol->section->kind == SECTION_RODATA;
}

/* The changed constant that a piece of data without a name leads to, or that symbol is. */
static const struct symbol *changed_constant_behind(const struct symbol *symbol)
{
    struct slice slice;

    if (!symbol || is_changed_constant(symbol))
        return symbol;
    if (!symbol->by_content || !symbol->section)
        return NULL;
    slice = relocations_of(symbol);
    for (size_t i = 0; i < slice.count; i++)
        if (is_changed_constant(slice.first[i].target))
            return slice.first[i].target;
    return NULL;
}

/* Labels of a function (&&label) in a table: its own copy of them goes with the new code. */
static const struct symbol *changed_code_behind(const struct relocation *relocation)
{
    const struct symbol *target = relocation->target;

    return target && symbol_is_function(target) && relocation->delta != 0 && target->twin &&
                   target->status == STATUS_CHANGED
               ? target
               : NULL;
}

/* Marks code and constants that use a changed constant. Returns whether anything was new. */
static bool spread_constants(struct object *patched)
{
    bool spread = false;

    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i];
        struct slice slice = relocations_of(symbol);

        if (!symbol->twin || symbol->status != STATUS_SAME ||
            !symbol->section || /* a common symbol refers to nothing */
            (!symbol_is_function(symbol) && symbol->section->kind != SECTION_RODATA))
            continue;
        for (size_t j = 0; j < slice.count && symbol->status == STATUS_SAME; j++) {
            const struct symbol *constant = changed_constant_behind(slice.first[j].target);

            if (!constant && !symbol_is_function(symbol))
                constant = changed_code_behind(&slice.first[j]);
            if (!constant)
                continue;
            set_status(symbol, STATUS_CHANGED,
                       pool_format(patched->pool, "%s %s changed",
                                   symbol_is_function(constant) ? "function" : "constant",
                                   constant->name));
            spread = true;
        }
    }
    return spread;
}

/* A function is changed when one of its cold parts is, or has come or gone. */
static void spread_families(struct object *patched)
{
    for (size_t i = 0; i < patched->functions.count; i++) {
        struct symbol *symbol = patched->functions.items[i];

        if (!symbol->twin || symbol->status == STATUS_CHANGED)
            continue;
        if (symbol->children.count != symbol->twin->children.count)
            set_status(symbol, STATUS_CHANGED, "cold part added or removed");
        for (size_t j = 0; j < symbol->children.count; j++) {
            struct symbol *child = symbol->children.items[j];

            if (!child->twin || child->status == STATUS_CHANGED)
                set_status(symbol, STATUS_CHANGED,
                           pool_format(patched->pool, "cold part: %s",
                                       child->reason ? child->reason : "new"));
        }
    }
}

void phase_compare(struct differ *differ)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *patched = differ->job.objects[i].patched;

        if (!patched)
            continue;
        compare_symbols(patched);
        while (spread_constants(patched))
            ;
        spread_families(patched);
        differ->functions_compared += patched->functions.count;
    }
}

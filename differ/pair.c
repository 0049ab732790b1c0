// SPDX-License-Identifier: GPL-2.0-or-later
// Finds for each symbol of the original object its twin in the patched one.
//
// Names without numbers decide by themselves. Numbers (calls.3, f.isra.0, f.part.2) are counted up
// afresh by every run of the compiler and mean nothing: clones are matched by their bodies, static
// variables by the places that refer to them. Nothing is paired on a guess; a writable variable
// that stays without a twin on both sides is refused in phase_check.
#include "differ/comdat.h"
#include "differ/compare.h"
#include "differ/differ.h"
#include "differ/lto.h"
#include "differ/read.h"
#include "differ/static_owner.h"

#include <string.h>

/* Things that may be paired at all: code with code, data with data. */
static bool same_nature(const struct symbol *a, const struct symbol *b)
{
    if (symbol_is_function(a) != symbol_is_function(b))
        return false;
    return a->section && b->section
               ? (a->section->kind == SECTION_TLS) == (b->section->kind == SECTION_TLS)
               : true;
}

/* The only symbol of that name, else NULL. */
static struct symbol *unique_symbol(struct object *object, const char *name)
{
    size_t count;
    struct symbol *symbol = object_symbol(object, name, &count);

    return count == 1 ? symbol : NULL;
}

/* Names that carry no number. */
static void pair_by_name(struct object *original, struct object *patched)
{
    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i];
        struct symbol *twin;

        if (symbol->twin || symbol->numbered || symbol->by_content || !symbol->name[0] ||
            symbol->parent || unique_symbol(patched, symbol->name) != symbol)
            continue;
        twin = unique_symbol(original, symbol->name);
        if (twin && !twin->by_content && same_nature(symbol, twin) &&
            static_owners_agree(symbol, twin))
            symbol_make_twins(twin, symbol);
    }
}

/* .cold parts follow their functions. gcc makes at most one for each. */
static void pair_cold_parts(struct object *patched)
{
    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i];
        struct symbol *twin = symbol->parent ? symbol->parent->twin : NULL;

        if (!symbol->twin && twin && symbol->parent->children.count == 1 &&
            twin->children.count == 1)
            symbol_make_twins(twin->children.items[0], symbol);
    }
}

static bool is_static_variable(const struct symbol *symbol)
{
    return symbol->numbered && !symbol->by_content && !symbol->anonymous && symbol->section &&
           !symbol_is_function(symbol);
}

static bool may_be_twins(const struct symbol *a, const struct symbol *b)
{
    return is_static_variable(a) && is_static_variable(b) && !a->twin && !b->twin &&
           a->size == b->size && a->section->kind == b->section->kind &&
           strcmp(a->key, b->key) == 0 && static_owners_agree(a, b);
}

/* Two functions with the same code refer to the same variables at the same places. */
static void pair_by_position(struct symbol *original, struct symbol *patched)
{
    struct section *a = original->section, *b = patched->section;
    size_t i = section_relocation_from(a, original->value);
    size_t j = section_relocation_from(b, patched->value);

    if (!compare_code_shape(original, patched))
        return;
    for (; i < a->relocation_count && a->relocations[i].offset < original->value + original->size;
         i++, j++) {
        struct symbol *x = a->relocations[i].target, *y = b->relocations[j].target;

        if (x && y && may_be_twins(x, y))
            symbol_make_twins(x, y);
    }
}

/* Adds the unpaired variables of that key which code of the function refers to. */
static void collect_statics(struct pool *pool, struct symbol *function, const char *key,
                            struct list *found)
{
    struct section *section = function->section;

    for (size_t i = section_relocation_from(section, function->value);
         i < section->relocation_count &&
         section->relocations[i].offset < function->value + function->size;
         i++) {
        struct symbol *target = section->relocations[i].target;

        if (target && !target->twin && !target->listed && is_static_variable(target) &&
            (!key || strcmp(target->key, key) == 0)) {
            target->listed = true;
            list_add(pool, found, target);
        }
    }
}

/* The variables that a function and its cold parts refer to; the marks are taken off again. */
static struct list statics_of(struct pool *pool, struct symbol *function, const char *key)
{
    struct list found = {0};

    collect_statics(pool, function, key, &found);
    for (size_t i = 0; i < function->children.count; i++)
        collect_statics(pool, function->children.items[i], key, &found);
    for (size_t i = 0; i < found.count; i++)
        ((struct symbol *)found.items[i])->listed = false;
    return found;
}

/* A changed function: one variable of the name on each side must be the same one. */
static void pair_by_owner(struct pool *pool, struct symbol *original, struct symbol *patched)
{
    struct list all = statics_of(pool, patched, NULL);

    for (size_t i = 0; i < all.count; i++) {
        struct symbol *symbol = all.items[i];
        struct list mine = statics_of(pool, patched, symbol->key);
        struct list theirs = statics_of(pool, original, symbol->key);

        if (mine.count == 1 && theirs.count == 1 && may_be_twins(theirs.items[0], mine.items[0]))
            symbol_make_twins(theirs.items[0], mine.items[0]);
    }
}

/* The only variable of that name in that function which has no twin, else NULL. */
static struct symbol *static_of(struct object *object, const struct symbol *like)
{
    struct symbol *found = NULL;

    for (size_t i = 0; i < object->all.count; i++) {
        struct symbol *symbol = object->all.items[i];

        if (symbol->twin || !is_static_variable(symbol) || !symbol->owner ||
            strcmp(symbol->owner, like->owner) != 0 || strcmp(symbol->key, like->key) != 0)
            continue;
        if (found)
            return NULL;
        found = symbol;
    }
    return found;
}

/* What no function used in both versions: the one that it belongs to is inlined in one of them. */
static void pair_by_declaration(struct object *original, struct object *patched)
{
    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i], *twin;

        if (symbol->twin || !is_static_variable(symbol) || !symbol->owner ||
            static_of(patched, symbol) != symbol)
            continue;
        twin = static_of(original, symbol);
        if (twin && may_be_twins(twin, symbol))
            symbol_make_twins(twin, symbol);
    }
}

static void mark_used(struct object *object)
{
    for (size_t i = 1; i < object->section_count; i++) {
        const struct section *section = &object->sections[i];

        for (size_t j = 0; section->kind != SECTION_IGNORED && j < section->relocation_count; j++)
            if (section->relocations[j].target)
                section->relocations[j].target->used = true;
    }
}

/* The unpaired static variables that nothing refers to. */
static struct list unused_statics(struct object *object)
{
    struct list found = {0};

    mark_used(object);
    for (size_t i = 0; i < object->all.count; i++) {
        struct symbol *symbol = object->all.items[i];

        if (!symbol->used && !symbol->twin && is_static_variable(symbol))
            list_add(object->pool, &found, symbol);
    }
    return found;
}

/* The one of them with the same name, else any that fits, or NULL. */
static struct symbol *fitting(const struct list *candidates, const struct symbol *symbol)
{
    struct symbol *found = NULL;

    for (size_t i = 0; i < candidates->count; i++) {
        struct symbol *candidate = candidates->items[i];

        if (!may_be_twins(candidate, symbol))
            continue;
        if (strcmp(candidate->name, symbol->name) == 0)
            return candidate;
        found = found ? found : candidate;
    }
    return found;
}

/*
 * What is still there though all that used it was inlined or dropped: nobody reads it any more, so
 * that any pairing of such variables is right.
 */
static void pair_unused(struct object *original, struct object *patched)
{
    struct list theirs = unused_statics(original), mine = unused_statics(patched);

    for (size_t i = 0; i < mine.count; i++) {
        struct symbol *twin = fitting(&theirs, mine.items[i]);

        if (twin)
            symbol_make_twins(twin, mine.items[i]);
    }
}

static bool is_clone(const struct symbol *symbol)
{
    return symbol->numbered && symbol_is_function(symbol) && !symbol->parent;
}

/* Programs have thousands of clones: each is looked up, none is searched for. */
static void index_keys(struct object *object)
{
    for (size_t i = 0; i < object->all.count; i++) {
        struct symbol *symbol = object->all.items[i];

        name_index_add(object->pool, &object->keys, symbol->key, symbol);
    }
    name_index_sort(&object->keys);
}

/* The unpaired functions of one key. */
static struct list clones_of(struct object *object, const char *key)
{
    struct list found = {0};
    size_t count;
    struct name_entry *entries = name_index_find(&object->keys, key, &count);

    for (size_t i = 0; i < count; i++) {
        struct symbol *symbol = entries[i].item;

        if (is_clone(symbol) && !symbol->twin)
            list_add(object->pool, &found, symbol);
    }
    return found;
}

/* The only function in the list with this code, else NULL. */
static struct symbol *same_code(const struct list *candidates, struct symbol *symbol)
{
    struct symbol *found = NULL;

    for (size_t i = 0; i < candidates->count; i++) {
        struct symbol *candidate = candidates->items[i];

        if (candidate->twin || !static_owners_agree(candidate, symbol) ||
            !compare_code_loosely(candidate, symbol))
            continue;
        if (found)
            return NULL;
        found = candidate;
    }
    return found;
}

/* Clones with equal bodies. */
static void pair_equal_clones(struct object *original, struct object *patched)
{
    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i];
        struct list mine, theirs;

        if (!is_clone(symbol) || symbol->twin)
            continue;
        mine = clones_of(patched, symbol->key);
        theirs = clones_of(original, symbol->key);
        for (size_t j = 0; mine.count + theirs.count > 2 && j < mine.count; j++) {
            struct symbol *twin = same_code(&theirs, mine.items[j]);

            if (twin && same_code(&mine, twin) == mine.items[j])
                symbol_make_twins(twin, mine.items[j]);
        }
    }
}

/*
 * What code that is otherwise the same calls at the same place. Any pairing of functions is right
 * as long as all code is compared by it; this one leaves the callers as they are.
 */
static void pair_called_clones(struct symbol *original, struct symbol *patched, struct list *next)
{
    struct section *a = original->section, *b = patched->section;
    size_t i = section_relocation_from(a, original->value);
    size_t j = section_relocation_from(b, patched->value);

    if (!compare_code_shape(original, patched))
        return;
    for (; i < a->relocation_count && a->relocations[i].offset < original->value + original->size;
         i++, j++) {
        struct symbol *x = a->relocations[i].target, *y = b->relocations[j].target;

        if (x && y && is_clone(x) && is_clone(y) && !x->twin && !y->twin &&
            strcmp(x->key, y->key) == 0 && static_owners_agree(x, y)) {
            symbol_make_twins(x, y);
            list_add(patched->object->pool, next, y);
        }
    }
}

/* The same for all functions in the list, and what that leads to. */
static void pair_all_called(struct list *next)
{
    for (size_t i = 0; i < next->count; i++) {
        struct symbol *symbol = next->items[i];

        pair_called_clones(symbol->twin, symbol, next);
    }
    next->count = 0;
}

/* Things of one key and name in both versions, and as many of the key in each. */
static bool same_counts(const struct symbol *original, const struct symbol *patched)
{
    size_t before, after;

    name_index_find(&original->object->keys, original->key, &before);
    name_index_find(&patched->object->keys, patched->key, &after);
    return before == after && strcmp(original->name, patched->name) == 0;
}

/*
 * C++ names that count (names_cxx.c) where nothing was inserted or removed. Functions of them have
 * been paired by their code and callers before, so that at most one is another than it was.
 */
static bool may_be_last(const struct symbol *original, const struct symbol *patched)
{
    return !patched->counted || same_counts(original, patched);
}

/* Data of C++ that is the only one of its key in both versions. */
static void pair_only_ones(struct object *original, struct object *patched)
{
    struct name_index index = {0};

    for (size_t i = 0; i < original->all.count; i++) {
        struct symbol *symbol = original->all.items[i];

        if (symbol->counted)
            name_index_add(original->pool, &index, symbol->key, symbol);
    }
    name_index_sort(&index);
    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i], *twin;
        size_t count;
        struct name_entry *entry =
            symbol->counted && !symbol->twin ? name_index_find(&index, symbol->key, &count) : NULL;

        if (!entry || count != 1)
            continue;
        twin = entry->item;
        if (!twin->twin && !twin->by_content && !symbol->by_content &&
            !symbol_is_function(symbol) && same_nature(twin, symbol) && same_counts(twin, symbol))
            symbol_make_twins(twin, symbol);
    }
}

/* The only one of the list that may be of the symbol's file, else NULL. */
static struct symbol *only_of_file(const struct list *clones, const struct symbol *symbol)
{
    struct symbol *found = NULL;

    for (size_t i = 0; i < clones->count; i++) {
        if (!static_owners_agree(clones->items[i], symbol))
            continue;
        if (found)
            return NULL;
        found = clones->items[i];
    }
    return found;
}

/* The rest, if that is one on each side. */
static struct symbol *last_clone(struct object *original, struct symbol *symbol)
{
    struct list mine = clones_of(symbol->object, symbol->key);
    struct list theirs = clones_of(original, symbol->key);
    struct symbol *last = only_of_file(&theirs, symbol);

    return last && only_of_file(&mine, symbol) && only_of_file(&mine, last) == symbol &&
                   may_be_last(last, symbol)
               ? last
               : NULL;
}

/*
 * One that does the same with the same things: several do, so any will do; that of the same name if
 * there is one. With link-time optimisation others of the key may be of other files.
 */
static struct symbol *alike_clone(struct object *original, struct symbol *symbol)
{
    struct list theirs = clones_of(original, symbol->key);
    struct symbol *found = NULL;

    for (size_t i = 0; i < theirs.count; i++) {
        struct symbol *candidate = theirs.items[i];

        if (symbol->counted || compare_contents(candidate, symbol))
            continue;
        if (strcmp(candidate->name, symbol->name) == 0)
            return candidate;
        found = found ? found : candidate;
    }
    return found;
}

/*
 * What no caller decided. What stays counts as dropped and new, which is always right: whoever
 * calls them has changed.
 */
static void pair_other_clones(struct object *original, struct object *patched,
                              struct symbol *(*find)(struct object *, struct symbol *),
                              struct list *next)
{
    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i], *twin;

        if (!is_clone(symbol) || symbol->twin)
            continue;
        twin = find(original, symbol);
        if (!twin)
            continue;
        symbol_make_twins(twin, symbol);
        list_add(patched->pool, next, symbol);
        pair_all_called(next);
    }
}

static size_t count_counted(const struct object *object)
{
    size_t count = 0;

    for (size_t i = 0; i < object->all.count; i++) {
        const struct symbol *symbol = object->all.items[i];

        count += symbol->counted && is_clone(symbol);
    }
    return count;
}

/*
 * Whether the numbers in C++ names mean the same in both versions: the same names, and of those
 * that differ in their numbers alone, at most one with other code. Whatever is inserted, removed or
 * swapped makes two of them differ.
 */
static bool numbers_hold(struct object *original, struct object *patched)
{
    struct name_index changed = {0};
    size_t count;

    if (count_counted(original) != count_counted(patched))
        return false;
    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i], *twin;

        if (!symbol->counted || !is_clone(symbol))
            continue;
        twin = unique_symbol(original, symbol->name);
        if (!twin || !is_clone(twin) || unique_symbol(patched, symbol->name) != symbol)
            return false;
        if (!compare_code_loosely(twin, symbol))
            name_index_add(patched->pool, &changed, symbol->key, symbol);
    }
    name_index_sort(&changed);
    for (size_t i = 0; i < changed.count; i++)
        if (name_index_find(&changed, changed.entries[i].name, &count) && count > 1)
            return false;
    return true;
}

static void pair_counted(struct object *original, struct object *patched)
{
    if (!numbers_hold(original, patched))
        return;
    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i];
        struct symbol *twin =
            symbol->counted && is_clone(symbol) ? unique_symbol(original, symbol->name) : NULL;

        if (twin && !twin->twin && !symbol->twin)
            symbol_make_twins(twin, symbol);
    }
}

/* Clones of one function: by their bodies, then by their callers, then by what is left. */
static void pair_clones(struct object *original, struct object *patched)
{
    struct list next = {0};

    pair_counted(original, patched);
    pair_equal_clones(original, patched);
    for (size_t i = 0; i < patched->functions.count; i++) {
        struct symbol *symbol = patched->functions.items[i];

        if (symbol->twin)
            list_add(patched->pool, &next, symbol);
    }
    pair_all_called(&next);
    pair_other_clones(original, patched, last_clone, &next);
    pair_other_clones(original, patched, alike_clone, &next);
    pair_other_clones(original, patched, last_clone, &next);
}

static void pair_statics(struct object *patched)
{
    for (size_t i = 0; i < patched->all.count; i++) {
        struct symbol *symbol = patched->all.items[i];

        /* data refers to variables too: a table with a pointer to a static one */
        if (symbol->twin && symbol->section && symbol->twin->section && !symbol->by_content)
            pair_by_position(symbol->twin, symbol);
    }
    for (size_t i = 0; i < patched->functions.count; i++) {
        struct symbol *symbol = patched->functions.items[i];

        if (symbol->twin)
            pair_by_owner(patched->pool, symbol->twin, symbol);
    }
}

void phase_pair(struct differ *differ)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *original = differ->job.objects[i].reference;
        struct object *patched = differ->job.objects[i].patched;

        if (!original || !patched)
            continue;
        static_owners_read(original, patched);
        index_keys(original);
        index_keys(patched);
        if (differ->job.objects[i].lto)
            lto_pair_names(original, patched);
        pair_by_name(original, patched);
        pair_cold_parts(patched);
        pair_statics(patched);
        pair_clones(original, patched);
        pair_cold_parts(patched);
        pair_statics(patched);
        pair_by_declaration(original, patched);
        pair_unused(original, patched);
        pair_only_ones(original, patched);
    }
    comdat_pair(differ);
}

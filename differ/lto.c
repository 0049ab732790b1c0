// SPDX-License-Identifier: GPL-2.0-or-later
// Names in objects of link-time optimisation: partitions, and static things that were renamed.
#include "differ/lto.h"

#include "differ/names.h"
#include "differ/static_owner.h"

#include <stdlib.h>
#include <string.h>

void lto_find_partitions(struct object *object)
{
    uint32_t files = 0;

    for (size_t i = 1; i < object->symbol_count; i++) {
        struct symbol *symbol = &object->symbols[i];

        if (symbol->type == STT_FILE)
            files++;
        else if (symbol->bind == STB_LOCAL && files)
            symbol->partition = files - 1;
    }
}

static const char partition_mark[] = ".ltrans";

static const char *find_mark(const char *input)
{
    const char *last = strrchr(input, '/');

    return strstr(last ? last : input, partition_mark);
}

/* The partition that an input of the link was made of: "/tmp/ccqZ.ltrans3.ltrans.o" of the 3rd. */
static uint32_t input_partition(const char *input)
{
    const char *at = find_mark(input);

    return at ? (uint32_t)strtoul(at + strlen(partition_mark), NULL, 10) : 0;
}

bool lto_is_partition(const char *input)
{
    return find_mark(input) != NULL;
}

/* The defined symbols by their names as they were before anything was renamed. */
static struct name_index plain_names(struct object *object)
{
    struct name_index index = {0};

    for (size_t i = 0; i < object->all.count; i++) {
        struct symbol *symbol = object->all.items[i];

        if (!symbol->by_content && symbol->name[0])
            name_index_add(object->pool, &index, name_without_lto(object->pool, symbol->name),
                           symbol);
    }
    name_index_sort(&index);
    return index;
}

bool lto_is_renamed(const struct symbol *symbol)
{
    return symbol->object->job->lto &&
           name_without_lto(symbol->object->pool, symbol->name) != symbol->name;
}

static bool is_plain(struct object *object, const char *name)
{
    return strcmp(name_key(object->pool, name), name) == 0;
}

/* The only function of that file among them, else NULL. */
static struct symbol *function_of(const struct name_entry *entries, size_t count, const char *file)
{
    struct symbol *found = NULL;

    for (size_t i = 0; i < count; i++) {
        struct symbol *symbol = entries[i].item;

        if (!symbol_is_function(symbol) || symbol->parent || !symbol->owner ||
            strcmp(symbol->owner, file) != 0)
            continue;
        if (found)
            return NULL;
        found = symbol;
    }
    return found;
}

/* The symbols of one plain name in both versions: of which there is one, or one of each file. */
static void pair_plain_name(struct name_entry *theirs, size_t their_count, struct name_entry *mine,
                            size_t my_count)
{
    struct symbol *original = theirs[0].item, *patched = mine[0].item;
    bool plain = is_plain(patched->object, mine[0].name);

    if (my_count == 1 && their_count == 1 && static_owners_agree(original, patched)) {
        if ((lto_is_renamed(original) || lto_is_renamed(patched)) &&
            symbol_is_function(original) == symbol_is_function(patched) && plain)
            symbol_make_twins(original, patched);
        return;
    }
    for (size_t i = 0; i < their_count; i++)
        ((struct symbol *)theirs[i].item)->numbered = true;
    for (size_t i = 0; i < my_count; i++) {
        struct symbol *symbol = mine[i].item, *twin = NULL;

        symbol->numbered = true;
        if (plain && symbol->owner && function_of(mine, my_count, symbol->owner) == symbol)
            twin = function_of(theirs, their_count, symbol->owner);
        if (twin)
            symbol_make_twins(twin, symbol);
    }
}

void lto_pair_names(struct object *original, struct object *patched)
{
    struct name_index theirs = plain_names(original), mine = plain_names(patched);

    for (size_t i = 0; i < mine.count;) {
        size_t my_count, their_count;
        struct name_entry *entry = name_index_find(&mine, mine.entries[i].name, &my_count);
        struct name_entry *other = name_index_find(&theirs, mine.entries[i].name, &their_count);

        if (other)
            pair_plain_name(other, their_count, entry, my_count);
        i += my_count;
    }
}

/* Whether code or data of the original object has the function's address. */
static bool is_pointed_to(const struct symbol *function)
{
    const struct object *object = function->object;

    for (size_t i = 1; i < object->section_count; i++) {
        const struct section *section = &object->sections[i];

        if (section->kind == SECTION_IGNORED || section->kind == SECTION_EH_FRAME)
            continue;
        for (size_t j = 0; j < section->relocation_count; j++)
            if (section->relocations[j].target == function && !section->relocations[j].branch)
                return true;
    }
    return false;
}

/* The function of that key in another file of the original that has no twin, or NULL. */
static struct symbol *lost_function(struct object *original, const struct symbol *symbol)
{
    size_t count;
    struct name_entry *entries = name_index_find(&original->keys, symbol->key, &count);

    for (size_t i = 0; i < count; i++) {
        struct symbol *candidate = entries[i].item;

        if (!candidate->twin && symbol_is_function(candidate) &&
            !static_owners_agree(candidate, symbol))
            return candidate;
    }
    return NULL;
}

void lto_check_moved(struct differ *differ, struct object *original, struct object *patched)
{
    for (size_t i = 0; i < patched->functions.count; i++) {
        struct symbol *symbol = patched->functions.items[i], *lost = symbol->twin;

        if (!lost)
            lost = lost_function(original, symbol);
        else if (symbol->status != STATUS_CHANGED || static_owners_agree(lost, symbol))
            continue;
        if (lost && is_pointed_to(lost))
            differ_refuse(differ, REFUSE_MOVED_FUNCTION, patched, symbol->name,
                          "%s is in another source file than before: whether a pointer to the old "
                          "one means the new one cannot be told",
                          symbol->name)
                ->about = symbol;
    }
}

bool lto_may_be_in(const struct symbol *symbol, const char *input)
{
    return !symbol->object->job->lto || symbol->bind != STB_LOCAL ||
           (input && input_partition(input) == symbol->partition);
}

struct image_symbol *lto_resolve(struct differ *differ, const struct symbol *symbol,
                                 enum refusal_code *why)
{
    struct image_symbol *found = NULL;
    size_t count;
    struct name_entry *entries = name_index_find(&differ->reference->names, symbol->name, &count);

    *why = REFUSE_SYMBOL_NOT_FOUND;
    for (size_t i = 0; i < count; i++) {
        struct image_symbol *candidate = entries[i].item;

        if (!candidate->input || !job_object_is_input(symbol->object->job, candidate->input) ||
            !lto_may_be_in(symbol, candidate->input) ||
            (candidate->type == STT_FUNC) != symbol_is_function(symbol) ||
            (!symbol_is_function(symbol) && candidate->size != symbol->size))
            continue;
        if (found && found->address != candidate->address) {
            *why = REFUSE_AMBIGUOUS_SYMBOL;
            return NULL;
        }
        found = candidate;
    }
    return found;
}

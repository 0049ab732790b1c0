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

static bool is_renamed(struct object *object, const struct symbol *symbol)
{
    return name_without_lto(object->pool, symbol->name) != symbol->name;
}

/* The symbols of one plain name in both versions: there is one of each, or none can be told. */
static void pair_plain_name(struct name_entry *theirs, size_t their_count, struct name_entry *mine,
                            size_t my_count)
{
    struct symbol *original = theirs[0].item, *patched = mine[0].item;

    if (my_count == 1 && their_count == 1 && static_owners_agree(original, patched)) {
        if ((is_renamed(original->object, original) || is_renamed(patched->object, patched)) &&
            symbol_is_function(original) == symbol_is_function(patched) &&
            strcmp(name_key(patched->object->pool, mine[0].name), mine[0].name) == 0) {
            original->twin = patched;
            patched->twin = original;
        }
        return;
    }
    for (size_t i = 0; i < their_count; i++)
        ((struct symbol *)theirs[i].item)->numbered = true;
    for (size_t i = 0; i < my_count; i++)
        ((struct symbol *)mine[i].item)->numbered = true;
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

// SPDX-License-Identifier: GPL-2.0-or-later
// Warns when a patch changes both how memory is obtained and how it is given back.
//
// Objects that the old code made live on, and the new code gives them back. Layouts are compared
// elsewhere; this is about who owns what a member points to. libxml2's fix of CVE-2022-40304 is the
// model: xmlCreateEntity copies strings that it used to borrow from a dictionary, and xmlFreeEntity
// frees them without asking the dictionary, also those that were borrowed before. Which memory is
// meant cannot be told from object code, so names of functions decide, and this is no refusal.
#include "differ/differ.h"

#include <string.h>

/* One name that the function refers to, and how often in the old and in the new code. */
struct reference_count {
    const char *name;
    size_t before, after;
};

struct reference_counts {
    struct list items; /* struct reference_count */
};

static struct reference_count *count_of(struct pool *pool, struct reference_counts *counts,
                                        const char *name)
{
    struct reference_count *count;

    for (size_t i = 0; i < counts->items.count; i++) {
        count = counts->items.items[i];
        if (strcmp(count->name, name) == 0)
            return count;
    }
    count = pool_alloc(pool, sizeof(*count));
    count->name = name;
    list_add(pool, &counts->items, count);
    return count;
}

static void count_part(struct pool *pool, struct reference_counts *counts,
                       const struct symbol *symbol, bool after)
{
    const struct section *section = symbol->section;

    for (size_t i = 0; i < section->relocation_count; i++) {
        const struct relocation *relocation = &section->relocations[i];
        struct reference_count *count;

        if (relocation->offset - symbol->value >= symbol->size || !relocation->target ||
            relocation->target->anonymous || !relocation->target->name[0])
            continue;
        count = count_of(pool, counts, relocation->target->name);
        *(after ? &count->after : &count->before) += 1;
    }
}

/* With its .cold parts: which calls stand there is the compiler's whim. */
static void count_function(struct pool *pool, struct reference_counts *counts,
                           const struct symbol *symbol, bool after)
{
    count_part(pool, counts, symbol, after);
    for (size_t i = 0; i < symbol->children.count; i++)
        count_part(pool, counts, symbol->children.items[i], after);
}

static bool has_word(const char *name, const char *const words[])
{
    for (; *words; words++)
        if (strcasestr(name, *words))
            return true;
    return false;
}

/* _Znw and _Zna are operator new, _Zdl and _Zda operator delete. */
static bool gives_back(const char *name)
{
    static const char *const words[] = {"free",  "release", "unref", "destroy",
                                        "_zdlp", "_zdap",   NULL};

    return has_word(name, words);
}

static bool obtains(const char *name)
{
    static const char *const words[] = {"alloc",  "dup",   "intern", "lookup",
                                        "create", "_znwm", "_znam",  NULL};

    return !gives_back(name) && has_word(name, words);
}

/* One way of obtaining memory is used less and another more: names of both, or false. */
static bool obtains_otherwise(const struct reference_counts *counts, const char **less,
                              const char **more)
{
    *less = *more = NULL;
    for (size_t i = 0; i < counts->items.count; i++) {
        const struct reference_count *count = counts->items.items[i];

        if (!obtains(count->name))
            continue;
        if (count->after < count->before)
            *less = count->name;
        else if (count->after > count->before)
            *more = count->name;
    }
    return *less && *more;
}

/*
 * Name of what a changed function gives memory back with, or NULL. How often says nothing: libxml2
 * loads its pointer xmlFree once and calls it thirteen times.
 */
static const char *gives_back_with(const struct reference_counts *counts)
{
    for (size_t i = 0; i < counts->items.count; i++) {
        const struct reference_count *count = counts->items.items[i];

        if (gives_back(count->name))
            return count->name;
    }
    return NULL;
}

static struct reference_counts *counts_of_entry(struct differ *differ, const struct entry *entry)
{
    struct reference_counts *counts = pool_alloc(&differ->pool, sizeof(*counts));

    if (entry->symbol->twin)
        count_function(&differ->pool, counts, entry->symbol->twin, false);
    count_function(&differ->pool, counts, entry->symbol, true);
    return counts;
}

/* The first changed function but `maker` that gives memory back. */
static const struct symbol *find_other_releaser(const struct differ *differ,
                                                struct reference_counts *const *counts,
                                                size_t maker, const char **how)
{
    for (size_t i = 0; i < differ->entries.count; i++) {
        const struct entry *entry = differ->entries.items[i];

        if (i != maker && (*how = gives_back_with(counts[i])))
            return entry->symbol;
    }
    return NULL;
}

void warn_ownership(struct differ *differ)
{
    size_t total = differ->entries.count;
    struct reference_counts **counts = pool_alloc(&differ->pool, (total + 1) * sizeof(*counts));

    for (size_t i = 0; i < total; i++)
        counts[i] = counts_of_entry(differ, differ->entries.items[i]);
    for (size_t i = 0; i < total; i++) {
        const struct entry *entry = differ->entries.items[i];
        const char *less, *more, *how;
        const struct symbol *releaser;

        if (!obtains_otherwise(counts[i], &less, &more))
            continue;
        releaser = find_other_releaser(differ, counts, i, &how);
        if (releaser)
            differ_warn(
                differ, "ownership", entry->symbol->object, entry->symbol->name,
                "%s obtains memory with %s where it was %s, and %s, which gives memory back "
                "with %s, changes too: look whether it can give back what the old %s has made",
                entry->symbol->name, more, less, releaser->name, how, entry->symbol->name);
    }
}

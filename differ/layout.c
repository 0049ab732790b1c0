// SPDX-License-Identifier: GPL-2.0-or-later
// Refuses a patch that changes the layout of a type, or the type of a variable: objects that the
// old code made live on in the process, and the new code would read them wrongly.
//
// Whether an object of the type is alive cannot be seen from the objects, so every changed layout
// of a unit that goes into the patch counts. New types, new enumerators, renamed members and
// integers of another signedness are no change.
#include "differ/differ.h"
#include "differ/dwarf_types.h"

#include <stdlib.h>
#include <string.h>

static const struct type_member *find_member(const struct type_layout *layout, const char *name)
{
    for (size_t i = 0; i < layout->members.count; i++) {
        const struct type_member *member = layout->members.items[i];

        if (name[0] && strcmp(member->name, name) == 0)
            return member;
    }
    return NULL;
}

/*
 * At the same place, of the same type, and not another member of the two: a name that is in one
 * version only is a renaming, two that changed places are not.
 */
static bool same_member(const struct type_layout *old, const struct type_member *was,
                        const struct type_layout *new, const struct type_member *is)
{
    if (was->offset != is->offset || strcmp(was->type, is->type) != 0)
        return false;
    return strcmp(was->name, is->name) == 0 ||
           (!find_member(old, is->name) && !find_member(new, was->name));
}

/* New enumerators are harmless; old ones are stored in live objects. */
static const char *enumeration_change(struct pool *pool, const struct type_layout *old,
                                      const struct type_layout *new)
{
    for (size_t i = 0; i < old->members.count; i++) {
        const struct type_member *was = old->members.items[i];
        const struct type_member *is = find_member(new, was->name);

        if (is && is->offset != was->offset)
            return pool_format(pool, "the value of %s changes from %lld to %lld", was->name,
                               (long long)was->offset, (long long)is->offset);
    }
    return old->size == new->size ? NULL : "its size changes";
}

static const char *place_of(struct pool *pool, int64_t bits)
{
    if (bits % 8)
        return pool_format(pool, "bit %lld", (long long)bits);
    return pool_format(pool, "offset %lld", (long long)(bits / 8));
}

/* Tells the first difference in words, and which member it is about: of the new layout, or one that
 * only the old one has. */
static const char *describe_change(struct pool *pool, const struct type_layout *old,
                                   const struct type_layout *new, const struct type_member **about)
{
    for (size_t i = 0; i < old->members.count; i++) {
        const struct type_member *was = old->members.items[i];
        const struct type_member *is = find_member(new, was->name);

        *about = is ? is : was;
        if (is && is->offset != was->offset)
            return pool_format(pool, "member %s moves from %s to %s", was->name,
                               place_of(pool, was->offset), place_of(pool, is->offset));
        if (is && strcmp(is->type, was->type) != 0)
            return pool_format(pool, "the type of member %s at %s changes", was->name,
                               place_of(pool, was->offset));
        if (!is && was->name[0])
            return pool_format(pool, "member %s at %s goes", was->name,
                               place_of(pool, was->offset));
    }
    for (size_t i = 0; i < new->members.count; i++) {
        const struct type_member *is = new->members.items[i];

        *about = is;
        if (is->name[0] && !find_member(old, is->name))
            return pool_format(pool, "member %s at %s is new", is->name,
                               place_of(pool, is->offset));
    }
    *about = NULL;
    return "its contents change";
}

/* The size at the end of a description, 0 when there is none: "[4]int:8" is four times 8. */
static uint64_t described_size(const char *type)
{
    const char *colon = strrchr(type, ':');
    uint64_t size = colon ? strtoull(colon + 1, NULL, 10) : *type == '*' ? sizeof(uint64_t) : 0;

    for (; *type == '['; type += strcspn(type, "]") + 1)
        size *= strtoull(type + 1, NULL, 10);
    return size;
}

/* Another size is told, or taken as new, where symbols are paired. */
static const char *variable_change(struct pool *pool, const struct type_layout *old,
                                   const struct type_layout *new)
{
    const char *was = ((const struct type_member *)old->members.items[0])->type;
    const char *is = ((const struct type_member *)new->members.items[0])->type;

    if (old->folded)
        return NULL;
    /* Static ones only; what the process has in it would be lost without a word. */
    if (new->folded)
        return "the compiler has dropped it: where nothing writes it any more, its first value "
               "becomes part of the code";
    if (strcmp(was, is) == 0 || described_size(was) != described_size(is))
        return NULL;
    return pool_format(pool, "what it holds changes from %s to %s", was, is);
}

/* What objects of the old layout would suffer, or NULL when old and new can share them. */
static const char *layout_change(struct pool *pool, const struct type_layout *old,
                                 const struct type_layout *new, const struct type_member **about)
{
    *about = NULL;
    if (old->variable)
        return variable_change(pool, old, new);
    if (old->enumeration || new->enumeration)
        return enumeration_change(pool, old, new);
    if (old->size != new->size || old->members.count != new->members.count)
        return describe_change(pool, old, new, about);
    for (size_t i = 0; i < old->members.count; i++)
        if (!same_member(old, old->members.items[i], new, new->members.items[i]))
            return describe_change(pool, old, new, about);
    return NULL;
}

/* A place in the patched sources, as people count lines there; NULL if it is not known. */
static const char *source_of(struct differ *differ, const char *file, uint32_t line, bool original)
{
    const struct edits *edits = &differ->job.edits;
    bool edited;

    if (!file)
        return NULL;
    line = (original ? edits_old_line : edits_line)(edits_find(edits, file), line, &edited);
    return edits_place(edits, &differ->pool, file, line);
}

static void refuse_layout(struct differ *differ, const struct object *object,
                          const struct type_layout *old, const struct type_layout *new,
                          const char *change, const struct type_member *about)
{
    const char *place = source_of(differ, new->file, new->line, false);
    bool gone = about && find_member(old, about->name) == about;
    struct refusal *refusal;

    if (new->folded)
        refusal = differ_refuse(differ, REFUSE_AMBIGUOUS_STATIC, object, NULL, "%s (%s): %s",
                                old->key, place ? place : "?", change);
    else if ((old->enumeration || old->variable) && old->size == new->size)
        refusal = differ_refuse(differ, REFUSE_TYPE_LAYOUT, object, NULL, "%s (%s): %s", old->key,
                                place ? place : "?", change);
    else
        refusal = differ_refuse(differ, REFUSE_TYPE_LAYOUT, object, NULL,
                                "%s (%s) changes from %llu to %llu bytes: %s", old->key,
                                place ? place : "?", (unsigned long long)old->size,
                                (unsigned long long)new->size, change);
    refusal->source = about ? source_of(differ, about->file, about->line, gone) : NULL;
    if (!refusal->source)
        refusal->source = place;
}

/* The author has said so, in any unit: the type may be in a header. */
static bool is_safe(const struct differ *differ, const char *key)
{
    for (size_t i = 0; i < differ->safe_types.count; i++) {
        struct safe_type *type = differ->safe_types.items[i];

        if (strcmp(type->key, key) == 0)
            return type->used = true;
    }
    return false;
}

/* How many of the layouts are the same as this one. */
static size_t count_equal(struct differ *differ, const struct name_entry *entries, size_t count,
                          const struct type_layout *layout)
{
    const struct type_member *about;
    size_t equal = 0;

    for (size_t i = 0; i < count; i++)
        equal += !layout_change(&differ->pool, layout, entries[i].item, &about);
    return equal;
}

/*
 * Lambdas of one kind in one function all have one key. One with a layout that is rarer than it was
 * may live on as one with a layout that is more frequent now.
 */
static bool lambda_may_change(struct differ *differ, const struct type_layout *old,
                              const struct type_table *original, const struct type_table *patched)
{
    size_t mine, theirs;
    struct name_entry *olds = name_index_find(&original->index, old->key, &mine);
    struct name_entry *news = name_index_find(&patched->index, old->key, &theirs);

    if (count_equal(differ, olds, mine, old) <= count_equal(differ, news, theirs, old))
        return false;
    for (size_t i = 0; i < theirs; i++)
        if (count_equal(differ, news, theirs, news[i].item) >
            count_equal(differ, olds, mine, news[i].item))
            return true;
    return false;
}

/* A type of the original against those of the same name in the patched version. */
static void check_layout(struct differ *differ, const struct object *object,
                         const struct type_layout *old, const struct type_table *original,
                         const struct type_table *patched)
{
    bool lambda = strstr(old->key, "<lambda") != NULL;
    const struct type_layout *first = NULL;
    const struct type_member *about = NULL, *member;
    const char *change = NULL;
    size_t count;
    struct name_entry *entry = name_index_find(&patched->index, old->key, &count);

    if (lambda && !lambda_may_change(differ, old, original, patched))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct type_layout *new = entry[i].item;
        const char *difference = layout_change(&differ->pool, old, new, &member);

        if (!difference && !lambda)
            return;
        if (difference && !first) {
            first = new;
            change = difference;
            about = member;
        }
    }
    if (first && !is_safe(differ, old->key))
        refuse_layout(differ, object, old, first, change, about);
}

/* Whether anything of the unit goes into the patch. */
static bool object_is_changed(const struct object *object)
{
    for (size_t i = 0; i < object->functions.count; i++) {
        const struct symbol *symbol = object->functions.items[i];

        if (!symbol->twin || symbol->status == STATUS_CHANGED)
            return true;
    }
    return false;
}

/* object is for the report; NULL where the unit is only part of one. */
static int check_pair(struct differ *differ, const struct job_types *unit,
                      const struct object *object, struct sc_error **err)
{
    struct type_table original = {0}, patched = {0};
    int have;

    have = dwarf_types_read(&differ->pool, unit->reference_path, &original, err);
    if (have > 0)
        have = dwarf_types_read(&differ->pool, unit->patched_path, &patched, err);
    if (have < 0)
        return -1;
    if (!have)
        differ_refuse(differ, REFUSE_NO_DEBUG_INFO, object, NULL,
                      "%s has no debugging information, or keeps types elsewhere "
                      "(-gsplit-dwarf, -fdebug-types-section): they cannot be compared",
                      unit->name);
    for (size_t i = 0; i < original.layouts.count && have; i++)
        check_layout(differ, object, original.layouts.items[i], &original, &patched);
    return 0;
}

int phase_layout(struct differ *differ, struct sc_error **err)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        const struct job_object *object = &differ->job.objects[i];

        struct job_types unit = {object->name, object->reference_path, object->patched_path};

        if (object->lto || !object->reference || !object->patched ||
            !object_is_changed(object->patched))
            continue;
        if (check_pair(differ, &unit, object->patched, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < differ->job.types_count; i++)
        if (check_pair(differ, &differ->job.types[i], NULL, err) < 0)
            return -1;
    return 0;
}

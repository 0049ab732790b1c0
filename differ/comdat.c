// SPDX-License-Identifier: GPL-2.0-or-later
// Section groups (gABI, "Section Groups"): of the copies of an inline function or template that the
// objects hold, only the one that the linker took is compared and patched. The same for a weak
// function that another object's takes the place of.
//
// The others are what they are for the linker: references by name. The map and the tables of
// symbols tell whose copy is in the linked file. Where a unit that did not change holds it, on
// either side, no copy of the job says what it looks like there, and none is used; the oracle,
// which sees the linked files, notices if that copy was not the same all along.
#include "differ/comdat.h"
#include "differ/bind.h"

#include <elf.h>
#include <endian.h>
#include <string.h>

/* A group of an object that the linker keeps or drops as a whole. */
struct group {
    struct object *object;
    struct list sections; /* struct section, loaded ones only */
    struct list symbols;  /* its global symbols */
    bool weak;            /* no group, but a weak function */
    bool kept;
};

/* Whose copy of a symbol is in a linked file. */
enum holder {
    HOLDER_NONE,   /* nobody's: the linker left it out */
    HOLDER_OBJECT, /* that of the object in question */
    HOLDER_JOB,    /* that of another object of the job */
    HOLDER_OTHER,  /* that of a unit which did not change */
};

static struct image_symbol *linked_symbol(const struct image *image, const char *name)
{
    size_t count;
    struct name_entry *entries = name_index_find(&image->names, name, &count);

    for (size_t i = 0; i < count; i++) {
        struct image_symbol *symbol = entries[i].item;

        if (symbol->global)
            return symbol;
    }
    return NULL;
}

static enum holder find_holder(const struct differ *differ, const struct image *image,
                               const struct group *group)
{
    const struct image_symbol *linked = NULL;

    for (size_t i = 0; i < group->symbols.count && !linked; i++)
        linked = linked_symbol(image, ((struct symbol *)group->symbols.items[i])->name);
    if (!linked)
        return HOLDER_NONE;
    if (!linked->input)
        return HOLDER_OTHER;
    if (job_object_is_input(group->object->job, linked->input))
        return HOLDER_OBJECT;
    for (size_t i = 0; i < differ->job.object_count; i++)
        if (job_object_is_input(&differ->job.objects[i], linked->input))
            return HOLDER_JOB;
    return HOLDER_OTHER;
}

/* Reads the members of one group. False when it is no COMDAT group, or nothing of it is loaded. */
static bool read_group(struct object *object, struct elf_section *from, struct group *group)
{
    const uint8_t *data;
    size_t size;
    uint32_t word;

    if (elf_section_data(object->elf, from, &data, &size, NULL) < 0 || !data || size < 4)
        return false;
    memcpy(&word, data, sizeof(word));
    if (!(le32toh(word) & GRP_COMDAT))
        return false;
    for (size_t at = 4; at + 4 <= size; at += 4) {
        memcpy(&word, data + at, sizeof(word));
        word = le32toh(word);
        if (word == 0 || word >= object->section_count)
            return false;
        if (object->sections[word].kind != SECTION_IGNORED)
            list_add(object->pool, &group->sections, &object->sections[word]);
    }
    return group->sections.count > 0;
}

static void collect_symbols(struct group *group)
{
    for (size_t i = 0; i < group->sections.count; i++) {
        const struct section *section = group->sections.items[i];

        for (size_t j = 0; j < section->symbols.count; j++) {
            struct symbol *symbol = section->symbols.items[j];

            if (symbol->bind != STB_LOCAL)
                list_add(group->object->pool, &group->symbols, symbol);
        }
    }
}

/* A section of code with nothing but weak functions, and their cold parts: it goes like a group. */
static struct group *weak_group(struct object *object, struct section *section)
{
    struct group *group = pool_alloc(object->pool, sizeof(*group));

    *group = (struct group){.object = object, .weak = true};
    list_add(object->pool, &group->sections, section);
    for (size_t i = 0; i < section->symbols.count; i++) {
        struct symbol *symbol = section->symbols.items[i];

        if (symbol->bind != STB_LOCAL && symbol->bind != STB_WEAK)
            return NULL;
        if (symbol->bind == STB_WEAK)
            list_add(object->pool, &group->symbols, symbol);
        for (size_t j = 0; j < symbol->children.count; j++) {
            struct section *part = ((struct symbol *)symbol->children.items[j])->section;

            if (part != section)
                list_add(object->pool, &group->sections, part);
        }
    }
    return group;
}

/* Without a section for each function, another one may lie in the section of a cold part. */
static bool holds_others(const struct group *group)
{
    for (size_t i = 1; i < group->sections.count; i++) {
        const struct section *section = group->sections.items[i];

        for (size_t j = 0; j < section->symbols.count; j++) {
            const struct symbol *symbol = section->symbols.items[j];

            if (symbol->size &&
                symbol_family((struct symbol *)symbol)->section != group->sections.items[0])
                return true;
        }
    }
    return false;
}

static void collect_weak(struct object *object, struct list *groups)
{
    for (size_t i = 1; i < object->section_count; i++) {
        struct section *section = &object->sections[i];
        struct group *group =
            section->kind == SECTION_TEXT && !section->grouped ? weak_group(object, section) : NULL;

        if (group && group->symbols.count && !holds_others(group))
            list_add(object->pool, groups, group);
    }
}

static void collect_groups(struct object *object, struct list *groups)
{
    for (size_t i = 1; i < object->section_count; i++) {
        struct group *group;

        if (object->elf->sections[i].shdr.sh_type != SHT_GROUP)
            continue;
        group = pool_alloc(object->pool, sizeof(*group));
        group->object = object;
        if (!read_group(object, &object->elf->sections[i], group))
            continue;
        collect_symbols(group);
        /* a group without a global symbol cannot be another object's */
        if (group->symbols.count)
            list_add(object->pool, groups, group);
    }
}

/* The symbols of the copies that stay, by name. */
static struct name_index index_kept(struct differ *differ, const struct list *groups)
{
    struct name_index index = {0};

    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = groups->items[i];

        for (size_t j = 0; group->kept && j < group->symbols.count; j++) {
            struct symbol *symbol = group->symbols.items[j];

            name_index_add(&differ->pool, &index, symbol->name, symbol);
        }
    }
    name_index_sort(&index);
    return index;
}

/* Takes what lies in sections that were dropped out of a list. */
static void prune_list(struct list *list)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct symbol *symbol = list->items[i];

        if (!symbol->section || !symbol->section->dropped)
            list->items[count++] = symbol;
    }
    list->count = count;
}

static void prune_names(struct name_index *index)
{
    size_t count = 0;

    for (size_t i = 0; i < index->count; i++) {
        const struct symbol *symbol = index->entries[i].item;

        if (!symbol->section || !symbol->section->dropped)
            index->entries[count++] = index->entries[i];
    }
    index->count = count;
}

/* References to a symbol that was dropped mean the copy that stays, if an object of the job has it.
 */
static void redirect_references(struct object *object, const struct name_index *kept)
{
    for (size_t i = 1; i < object->section_count; i++) {
        struct section *section = &object->sections[i];

        for (size_t j = 0; j < section->relocation_count; j++) {
            struct symbol *target = section->relocations[j].target;
            size_t count;
            struct name_entry *entry;

            if (!target || !target->section || !target->section->dropped)
                continue;
            entry = target->bind != STB_LOCAL ? name_index_find(kept, target->name, &count) : NULL;
            section->relocations[j].target = entry                       ? entry->item
                                             : target->bind != STB_LOCAL ? target
                                                                         : NULL;
        }
    }
}

static void drop_section(struct section *section)
{
    section->dropped = true;
    section->kind = SECTION_IGNORED;
    section->relocation_count = 0;
    section->pieces.count = 0;
}

/* What the linker did with groups that it dropped: only the names are left. */
static void drop_groups(struct object *object, const struct list *groups,
                        const struct name_index *kept)
{
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = groups->items[i];

        for (size_t j = 0; !group->kept && j < group->sections.count; j++)
            drop_section(group->sections.items[j]);
    }
    prune_list(&object->all);
    prune_list(&object->functions);
    prune_names(&object->names);
    redirect_references(object, kept);
    for (size_t i = 1; i < object->symbol_count; i++) {
        struct symbol *symbol = &object->symbols[i];

        if (symbol->section && symbol->section->dropped && symbol->bind != STB_LOCAL) {
            symbol->section = NULL;
            symbol->value = symbol->size = 0;
            symbol->by_content = false;
        }
    }
    for (size_t i = 1; i < object->section_count; i++)
        if (object->sections[i].dropped)
            object->sections[i].symbols.count = 0;
}

/*
 * Whether the copy is compared. A weak function that the linker took from this object on one side
 * only is, so that the change of its place is found.
 */
static bool stays(enum holder mine, enum holder other, bool weak)
{
    if (weak)
        return mine == HOLDER_NONE || mine == HOLDER_OBJECT || other == HOLDER_OBJECT;
    return mine == HOLDER_OBJECT && other != HOLDER_OTHER;
}

static void settle_side(struct differ *differ, bool patched)
{
    struct image *mine = patched ? differ->patched : differ->reference;
    struct image *other = patched ? differ->reference : differ->patched;
    struct list *groups =
        pool_alloc(&differ->pool, (differ->job.object_count + 1) * sizeof(*groups));
    struct list all = {0};
    struct name_index kept;

    for (size_t i = 0; i < differ->job.object_count; i++) {
        const struct job_object *job = &differ->job.objects[i];
        struct object *object = patched ? job->patched : job->reference;

        if (!object)
            continue;
        collect_groups(object, &groups[i]);
        collect_weak(object, &groups[i]);
        for (size_t j = 0; j < groups[i].count; j++) {
            struct group *group = groups[i].items[j];

            group->kept = stays(find_holder(differ, mine, group), find_holder(differ, other, group),
                                group->weak);
            list_add(&differ->pool, &all, group);
        }
    }
    kept = index_kept(differ, &all);
    for (size_t i = 0; i < differ->job.object_count; i++) {
        const struct job_object *job = &differ->job.objects[i];
        struct object *object = patched ? job->patched : job->reference;

        if (object && groups[i].count)
            drop_groups(object, &groups[i], &kept);
    }
}

void phase_comdat(struct differ *differ)
{
    settle_side(differ, false);
    settle_side(differ, true);
}

/* The global symbol of a group of any original object that still has no twin. */
static struct symbol *unpaired_original(struct differ *differ, const char *name)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *object = differ->job.objects[i].reference;
        size_t count;
        struct name_entry *entries = object ? name_index_find(&object->names, name, &count) : NULL;

        for (size_t j = 0; entries && j < count; j++) {
            struct symbol *symbol = entries[j].item;

            if (symbol->bind != STB_LOCAL && symbol->section && symbol->section->grouped)
                return symbol->twin ? NULL : symbol;
        }
    }
    return NULL;
}

void comdat_pair(struct differ *differ)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *object = differ->job.objects[i].patched;

        for (size_t j = 0; object && j < object->all.count; j++) {
            struct symbol *symbol = object->all.items[j], *twin;

            if (symbol->twin || symbol->numbered || symbol->by_content ||
                symbol->bind == STB_LOCAL || !symbol->section || !symbol->section->grouped)
                continue;
            twin = unpaired_original(differ, symbol->name);
            if (!twin || twin->section->kind != symbol->section->kind)
                continue;
            symbol_make_twins(twin, symbol);
        }
    }
}

void comdat_check(struct differ *differ, const struct unit *unit)
{
    const struct symbol *symbol = unit->symbol;
    const struct image_symbol *dynamic;

    if (!symbol || symbol->twin || symbol->bind == STB_LOCAL || !unit->section ||
        !unit->section->grouped || unit->section->kind != SECTION_DATA)
        return;
    dynamic = image_dynamic(differ->patched, symbol->name);
    if (dynamic && dynamic->defined)
        differ_refuse(differ, REFUSE_COMDAT, symbol->object, NULL,
                      "variable %s of an inline function or template is new here, and another "
                      "library of the process may have it already",
                      name_for_people(&differ->pool, symbol->name));
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Warns when a patch edits the initialiser of a static variable that is initialised on first use.
//
// Processes that have been there keep the value. Start values in the file are compared, and refused
// when they change; here the value is made by code of the function, between the calls that take and
// release the guard (Itanium C++ ABI, "One-time Construction API"). That code looks otherwise for
// many reasons, so its lines decide, and this is no refusal.
#include "differ/differ.h"
#include "differ/names.h"
#include "differ/read.h"
#include "differ/source_info.h"

#include <string.h>

#define GUARD_PREFIX "_ZGV"

static bool refers_to(const struct relocation *relocation, const char *name)
{
    return relocation->target && strcmp(relocation->target->name, name) == 0;
}

/* The guard that the call at `index` takes: the last one that its function refers to before. */
static const struct symbol *taken_guard(const struct symbol *function, size_t index)
{
    const struct relocation *relocations = function->section->relocations;

    while (index-- > 0 && relocations[index].offset >= function->value) {
        const struct symbol *target = relocations[index].target;

        if (target && strncmp(target->name, GUARD_PREFIX, sizeof(GUARD_PREFIX) - 1) == 0)
            return target;
    }
    return NULL;
}

/* Where the code that begins with the call at `index` releases the guard; the call itself when that
 * is not told. */
static uint64_t release_after(const struct symbol *function, size_t index)
{
    const struct section *section = function->section;

    for (size_t i = index + 1; i < section->relocation_count &&
                               section->relocations[i].offset - function->value < function->size;
         i++) {
        if (refers_to(&section->relocations[i], "__cxa_guard_acquire"))
            break;
        if (refers_to(&section->relocations[i], "__cxa_guard_release"))
            return section->relocations[i].offset;
    }
    return section->relocations[index].offset;
}

static bool is_edited(const struct differ *differ, const struct source_place *place)
{
    bool edited = false;

    if (place->file && place->line)
        edits_line(edits_find(&differ->job.edits, place->file), place->line, &edited);
    return edited;
}

/* Whether code of [from, to] was made from a line that the patch edits. */
static bool has_edited_line(const struct differ *differ, const struct section *section,
                            uint64_t from, uint64_t to)
{
    const struct source_info *info = section->object->job->new_info;
    const struct source_rows *rows = &info->by_section[section->index];
    struct source_place first = source_place_of(info, section->index, from);

    if (is_edited(differ, &first))
        return true;
    for (size_t i = 0; i < rows->count; i++)
        if (rows->rows[i].address > from && rows->rows[i].address <= to &&
            is_edited(differ, &rows->rows[i].place))
            return true;
    return false;
}

/* "guard variable for f()::value" -> "f()::value" */
static const char *guarded_name(struct differ *differ, const struct symbol *guard)
{
    static const char before[] = "guard variable for ";
    const char *name = name_for_people(&differ->pool, guard->name);

    return strncmp(name, before, sizeof(before) - 1) == 0 ? name + sizeof(before) - 1 : name;
}

static void warn_part(struct differ *differ, const struct entry *entry, const struct symbol *part)
{
    const struct section *section = part->section;

    for (size_t i = section_relocation_from(section, part->value);
         i < section->relocation_count && section->relocations[i].offset - part->value < part->size;
         i++) {
        const struct symbol *guard;

        if (!refers_to(&section->relocations[i], "__cxa_guard_acquire"))
            continue;
        guard = taken_guard(part, i);
        if (guard && guard->twin &&
            has_edited_line(differ, section, section->relocations[i].offset,
                            release_after(part, i)))
            differ_warn(differ, "initialised", entry->symbol->object, entry->symbol->name,
                        "the initialiser of %s is edited: processes that have run it keep the "
                        "value that they have",
                        guarded_name(differ, guard));
    }
}

void warn_initialised(struct differ *differ)
{
    for (size_t i = 0; i < differ->entries.count; i++) {
        const struct entry *entry = differ->entries.items[i];
        const struct symbol *function = entry->symbol;

        if (!function->object->job->new_info)
            continue;
        warn_part(differ, entry, function);
        for (size_t j = 0; j < function->children.count; j++)
            warn_part(differ, entry, function->children.items[j]);
    }
}

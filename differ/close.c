// SPDX-License-Identifier: GPL-2.0-or-later
// Closes over the references of the changed functions: what must be copied into the patch.
//
// Changed functions are the roots. They take along what the target does not have (new functions and
// data) and what has no identity (strings, constants, jump tables). Everything that lives in the
// target stays there and is referred to.
#include "differ/bind.h"
#include "differ/differ.h"
#include "differ/frames.h"
#include "differ/read.h"

#include <string.h>

static void add_unit(struct differ *differ, struct section *section, struct symbol *symbol)
{
    struct unit *unit = pool_alloc(&differ->pool, sizeof(*unit));

    unit->section = section;
    unit->symbol = symbol;
    unit->start = symbol && section ? symbol->value : 0;
    unit->size = symbol ? symbol->size : section->size;
    if (symbol)
        symbol->unit = unit;
    else
        section->unit = unit;
    list_add(&differ->pool, &differ->units, unit);
}

static void include_part(struct differ *differ, struct symbol *part)
{
    if (!part->section->unit)
        add_unit(differ, part->section, NULL);
    if (part->lsda && !part->lsda->unit)
        add_unit(differ, part->lsda->section, part->lsda);
}

/* A function comes with its cold parts: they jump into each other. */
static void include_function(struct differ *differ, struct symbol *symbol)
{
    struct symbol *family = symbol_family(symbol);

    include_part(differ, family);
    for (size_t i = 0; i < family->children.count; i++)
        include_part(differ, family->children.items[i]);
}

/* Pieces of merged sections are copied one by one, other anonymous data with its whole section:
 * how far an access from one piece reaches is not known for sure. */
static void include_data(struct differ *differ, struct symbol *symbol)
{
    struct section *section = symbol->section;
    bool whole =
        symbol->anonymous && (section->kind == SECTION_RODATA || section->kind == SECTION_DATA);

    if (symbol_unit(symbol))
        return;
    add_unit(differ, section, whole ? NULL : symbol);
}

/* True for what the target does not have, or has in a version that the patch must not use. */
static bool must_include(const struct symbol *symbol)
{
    if (symbol->by_content || (symbol_is_defined(symbol) && !symbol->twin))
        return true;
    if (symbol_is_function(symbol))
        return symbol->section->grouped && strncmp(symbol->name, "__x86_", 6) == 0;
    return symbol->twin && symbol->status == STATUS_CHANGED && symbol->section &&
           symbol->section->kind == SECTION_RODATA;
}

static void include_target(struct differ *differ, const struct relocation *relocation)
{
    struct symbol *symbol = relocation->target ? bind_definition(differ, relocation->target) : NULL;

    if (!symbol || symbol->absolute || !symbol_is_defined(symbol))
        return;
    if (symbol->section &&
        (symbol->section->kind == SECTION_TLS || symbol->section->kind == SECTION_SET))
        return; /* phase_check refuses these references */
    if (symbol->parent && symbol->parent->twin)
        return; /* a cold part of a function that is in, or of one that phase_check refuses */
    if (!must_include(symbol))
        return;
    if (symbol_is_function(symbol))
        include_function(differ, symbol);
    else if (!symbol->anonymous || symbol->by_content)
        include_data(differ, symbol);
}

/* Whatever comes in remembers because of what. */
void close_include(struct differ *differ, const struct relocation *relocation)
{
    size_t before = differ->units.count;

    include_target(differ, relocation);
    for (size_t i = before; i < differ->units.count; i++)
        ((struct unit *)differ->units.items[i])->by = relocation;
}

static void follow_unit(struct differ *differ, const struct unit *unit)
{
    struct section *section = unit->section;

    for (size_t i = section ? section_relocation_from(section, unit->start) : 0;
         section && i < section->relocation_count &&
         section->relocations[i].offset < unit->start + unit->size;
         i++)
        close_include(differ, &section->relocations[i]);
}

/* Pointers in .syscare.hook.KIND are roots; nothing in the program refers to them. */
static void include_hooks(struct differ *differ)
{
    for (size_t i = 0; i < differ->hooks.count; i++)
        include_function(differ, ((struct hook *)differ->hooks.items[i])->symbol);
}

void phase_close(struct differ *differ)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *patched = differ->job.objects[i].patched;

        for (size_t j = 0; patched && j < patched->functions.count; j++) {
            struct symbol *symbol = patched->functions.items[j];

            if (symbol->twin && symbol->status == STATUS_CHANGED)
                include_function(differ, symbol);
        }
    }
    include_hooks(differ);
    /* the list grows while it is walked, and again by what frames refer to */
    for (size_t i = 0, frames = 0; i < differ->units.count; i++) {
        follow_unit(differ, differ->units.items[i]);
        if (i + 1 == differ->units.count && frames != differ->units.count) {
            frames_include(differ);
            frames = differ->units.count;
        }
    }
}

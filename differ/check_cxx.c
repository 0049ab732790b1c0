// SPDX-License-Identifier: GPL-2.0-or-later
// What C++ adds to the checks: lambdas that cannot be told apart, virtual tables, initialisers that
// have run.
#include "differ/check_cxx.h"

#include "differ/names.h"
#include "differ/read.h"

#include <string.h>

static const char *people_name(struct differ *differ, const struct symbol *symbol)
{
    return name_for_people(&differ->pool, symbol->name);
}

/* Things with an identity: code that may be held by objects, live data, and types. */
static bool has_identity(const struct symbol *symbol)
{
    return symbol->counted && !symbol->twin && !symbol->by_content && symbol->section &&
           !symbol->parent &&
           (symbol_is_function(symbol) || symbol->section->kind == SECTION_RODATA);
}

/*
 * A lambda that a live object holds must go on with its own code, or with the fixed one, but not
 * with that of another. Where several are left over in both versions, nothing tells which is which.
 */
static void check_counted(struct differ *differ, struct object *original, struct object *patched)
{
    for (size_t i = 0; i < patched->all.count; i++) {
        const struct symbol *symbol = patched->all.items[i];

        if (!has_identity(symbol) || !symbol_unit(symbol))
            continue;
        for (size_t j = 0; j < original->all.count; j++) {
            const struct symbol *other = original->all.items[j];

            if (!has_identity(other) || strcmp(other->key, symbol->key) != 0)
                continue;
            differ_refuse(differ, REFUSE_AMBIGUOUS_SYMBOL, patched, symbol->name,
                          "cannot tell which one %s of the original is in the patched version",
                          people_name(differ, other));
            break;
        }
    }
}

/* Runs before main() only: the fixed one would never be called. */
static bool runs_at_start(const char *name)
{
    return strstr(name, "_sub_I_") || strstr(name, "_GLOBAL__I_") ||
           strstr(name, "static_initialization_and_destruction_0");
}

/* What the section of pointers calls: constructors of C as well. */
static void check_constructors(struct differ *differ, const struct section *section)
{
    for (size_t i = 0; i < section->relocation_count; i++) {
        const struct symbol *symbol = section->relocations[i].target;

        if (symbol && symbol_is_function(symbol) && symbol->twin &&
            symbol->status == STATUS_CHANGED)
            differ_refuse(differ, REFUSE_CONSTRUCTOR, section->object, symbol->name,
                          "%s changes, which runs before the program does",
                          people_name(differ, symbol));
    }
}

static bool holds_constructors(const struct section *section)
{
    return section->kind == SECTION_CONSTRUCTOR && !section->waived &&
           (strncmp(section->name, ".init_array", 11) == 0 ||
            strncmp(section->name, ".preinit_array", 14) == 0 ||
            strncmp(section->name, ".ctors", 6) == 0);
}

static void check_initialisers(struct differ *differ, const struct object *patched)
{
    for (size_t i = 1; i < patched->section_count; i++)
        if (holds_constructors(&patched->sections[i]))
            check_constructors(differ, &patched->sections[i]);
    for (size_t i = 0; i < patched->functions.count; i++) {
        const struct symbol *symbol = patched->functions.items[i];

        if (symbol->twin && symbol->status == STATUS_CHANGED && runs_at_start(symbol->name))
            differ_refuse(differ, REFUSE_CONSTRUCTOR, patched, symbol->name,
                          "the initialiser of static objects of %s changes", patched->job->name);
    }
}

/* Objects point to the table that is in the target, and call through the slots that it has. */
static void check_tables(struct differ *differ, const struct object *patched)
{
    for (size_t i = 0; i < patched->all.count; i++) {
        const struct symbol *symbol = patched->all.items[i];

        if (strncmp(symbol->name, "_ZTV", 4) != 0 || !symbol->twin)
            continue;
        if (symbol->size != symbol->twin->size)
            differ_refuse(differ, REFUSE_TYPE_LAYOUT, patched, NULL,
                          "%s changes from %llu to %llu bytes: virtual functions come or go",
                          people_name(differ, symbol), (unsigned long long)symbol->twin->size,
                          (unsigned long long)symbol->size);
    }
}

void check_cxx(struct differ *differ, struct object *original, struct object *patched)
{
    check_counted(differ, original, patched);
    check_initialisers(differ, patched);
    check_tables(differ, patched);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Refuses a new variable that may be an old one: it would start anew, and what the process has in
// the old one would be lost without a word.
//
// A variable that goes while another comes is a renamed one, a moved one or two different ones;
// objects do not tell which.
#include "differ/check_P.h"

#include "differ/read.h"

#include <string.h>

/* GCC's pointers to types that are caught, and to personality routines: nothing ever writes them.
 */
static bool is_pointer_of_tables(const struct symbol *symbol)
{
    static const char prefix[] = "DW.ref.";

    return strncmp(symbol->name, prefix, sizeof(prefix) - 1) == 0;
}

/* The live variables of one version that the other does not have. */
static struct list leftovers(struct differ *differ, bool patched)
{
    struct list found = {0};

    for (size_t i = 0; i < differ->job.object_count; i++) {
        const struct job_object *job = &differ->job.objects[i];
        const struct object *object = patched ? job->patched : job->reference;

        for (size_t j = 0; object && j < object->all.count; j++) {
            struct symbol *symbol = object->all.items[j];

            if (!symbol->twin && check_is_live(symbol) && symbol->size &&
                !is_pointer_of_tables(symbol) && !(symbol->section && symbol->section->waived))
                list_add(&differ->pool, &found, symbol);
        }
    }
    return found;
}

/* Whether code of the function, or of its cold parts, refers to the variable. */
static bool refers_to(const struct symbol *function, const struct symbol *variable)
{
    struct section *section = function->section;

    for (size_t i = section_relocation_from(section, function->value);
         i < section->relocation_count &&
         section->relocations[i].offset < function->value + function->size;
         i++)
        if (section->relocations[i].target == variable)
            return true;
    for (size_t i = 0; i < function->children.count; i++)
        if (refers_to(function->children.items[i], variable))
            return true;
    return false;
}

/* A function that used the one and uses the other now. */
static bool have_common_user(const struct symbol *old, const struct symbol *new)
{
    for (size_t i = 0; i < new->object->functions.count; i++) {
        const struct symbol *function = new->object->functions.items[i];

        if (function->twin && refers_to(function, new) && refers_to(function->twin, old))
            return true;
    }
    return false;
}

static void check_two(struct differ *differ, const struct symbol *old, const struct symbol *new)
{
    bool same_file = old->object->job == new->object->job;
    bool same_name = strcmp(old->key, new->key) == 0;
    struct refusal *refusal;

    if (same_file && same_name)
        refusal = differ_refuse(
            differ, REFUSE_AMBIGUOUS_STATIC, new->object, NULL,
            "cannot tell whether static variable %s is the same in both versions", new->key);
    else if (same_name)
        refusal = differ_refuse(differ, REFUSE_AMBIGUOUS_STATIC, new->object, NULL,
                                "variable %s moves here from %s: its value would start anew",
                                new->key, old->object->job->name);
    else if (same_file && (old->size == new->size || have_common_user(old, new)))
        refusal = differ_refuse(differ, REFUSE_AMBIGUOUS_STATIC, new->object, NULL,
                                "variable %s goes and %s comes: if it is the same one, its value "
                                "would start anew",
                                old->key, new->key);
    else
        return;
    refusal->about = new;
}

void check_state(struct differ *differ)
{
    struct list old = leftovers(differ, false), new = leftovers(differ, true);

    for (size_t i = 0; i < new.count; i++)
        for (size_t j = 0; j < old.count; j++)
            check_two(differ, old.items[j], new.items[i]);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Refuses names that mean another definition in the patched link than in the original one.
//
// References are compared by name; a function that calls atoi() is the same as ever when the
// program begins to define an atoi() of its own, or when a definition in another file takes the
// place of a weak one. Files that do not change have such references too, and libraries may.
#include "differ/check_P.h"

#include "differ/read.h"

#include <string.h>

enum source {
    BOUND_NOWHERE, /* the link does not have the name */
    BOUND_OPEN,    /* undefined and weak: zero, as nothing defines it */
    BOUND_IMPORT,  /* a library's */
    BOUND_HERE,
};

struct bound {
    enum source source;
    const struct image_symbol *symbol; /* BOUND_HERE, else NULL */
    const struct job_object *definer;  /* whose symbol that is; NULL: not one of the job */
    const struct symbol *definition;   /* there */
};

/* A variable of a library that the program has a copy of is not the program's own; what the linker
 * marks with a name there (__TMC_END__) is. */
static bool is_copy(const struct image *image, const struct image_symbol *symbol)
{
    const struct image_slot *slot = image_slot(image, symbol->address);

    return symbol->type == STT_OBJECT && slot && slot->type == image->arch->dyn_copy &&
           image_dynamic(image, symbol->name);
}

/* The default definition of that name; NULL also when several may be meant. */
static const struct image_symbol *definition_of(const struct image *image, const char *name,
                                                bool *several)
{
    const struct image_symbol *found = NULL;
    size_t count;
    struct name_entry *entries = name_index_find(&image->names, name, &count);

    *several = false;
    for (size_t i = 0; i < count; i++) {
        const struct image_symbol *symbol = entries[i].item;

        if (!symbol->global || symbol->old_version)
            continue;
        *several |= found && found->address != symbol->address;
        found = symbol;
    }
    return *several ? NULL : found;
}

/* The object of the job whose symbol it is; not one that the linker made (_end). */
static void find_definer(const struct differ *differ, bool patched, struct bound *bound)
{
    const char *input = bound->symbol->input ? bound->symbol->input : "";

    for (size_t i = 0; i < differ->job.object_count; i++) {
        const struct job_object *job = &differ->job.objects[i];
        struct object *object = patched ? job->patched : job->reference;
        size_t count;

        if (!object || !job_object_is_input(job, input))
            continue;
        bound->definition = object_symbol(object, bound->symbol->name, &count);
        bound->definer = bound->definition ? job : NULL;
        return;
    }
}

/* Whether it could be told is returned. */
static bool find_bound(const struct differ *differ, const char *name, bool patched,
                       struct bound *bound)
{
    const struct image *image = patched ? differ->patched : differ->reference;
    const struct image_symbol *dynamic = image_dynamic(image, name);
    bool several;
    size_t count;

    *bound = (struct bound){.symbol = definition_of(image, name, &several)};
    if (several)
        return false;
    if (bound->symbol && !is_copy(image, bound->symbol)) {
        bound->source = BOUND_HERE;
        find_definer(differ, patched, bound);
    } else if (bound->symbol || (dynamic && !dynamic->defined)) {
        bound->source = BOUND_IMPORT;
    } else if (name_index_find(&image->undefined, name, &count)) {
        bound->source = BOUND_OPEN;
    }
    return true;
}

/* Inline functions and templates: any copy is as good as another. */
static bool is_shared(const struct bound *bound)
{
    return bound->symbol->bind == STB_WEAK || bound->symbol->bind == STB_GNU_UNIQUE ||
           (bound->definition && bound->definition->section && bound->definition->section->grouped);
}

/* The same of a name that comes into the link: a library's copy goes on being as good. */
static bool is_inline_function(const struct bound *bound)
{
    const struct symbol *symbol = bound->definition;

    return symbol && symbol->type == STT_FUNC && symbol->section && symbol->section->grouped;
}

/*
 * The headers of another library may come with the package: what the fix makes inline there is
 * another function than the library's.
 */
static bool is_of_standard_library(const char *name)
{
    static const char *const starts[] = {"_ZSt", "_ZNSt", "_ZNKSt", "_ZNSs", "_ZNKSs"};

    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
        if (strncmp(name, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static const char *told(const struct bound *bound)
{
    static const char *const texts[] = {[BOUND_NOWHERE] = "not there",
                                        [BOUND_OPEN] = "left undefined",
                                        [BOUND_IMPORT] = "that of a library",
                                        [BOUND_HERE] = "defined here"};

    return texts[bound->source];
}

static void refuse_name(struct differ *differ, const char *name, const struct bound *was,
                        const struct bound *is)
{
    const struct object *object = is->definer ? is->definer->patched : NULL;

    if (was->source != is->source)
        differ_refuse(differ, REFUSE_BINDING, object, name, "%s was %s and is %s", name, told(was),
                      told(is))
            ->about = is->definition;
    else
        differ_refuse(differ, REFUSE_MOVED_FUNCTION, object, name,
                      "%s moves here from another source file", name)
            ->about = is->definition;
}

static void check_name(struct differ *differ, const char *name)
{
    struct bound was, is;

    if (!find_bound(differ, name, false, &was) || !find_bound(differ, name, true, &is))
        return;
    if (was.source == BOUND_NOWHERE || is.source == BOUND_NOWHERE)
        return;
    if (was.source == BOUND_IMPORT && is_inline_function(&is) && is_of_standard_library(name))
        return;
    if (was.source != is.source)
        refuse_name(differ, name, &was, &is);
    else if (was.source == BOUND_HERE && was.definer != is.definer && was.symbol->input &&
             is.symbol->input && !(is_shared(&was) && is_shared(&is)))
        refuse_name(differ, name, &was, &is);
}

/* Whether ld shows all functions of the program to libraries (-rdynamic). */
static bool shows_everything(const struct image *image)
{
    for (size_t i = 0; i < image->symbol_count; i++) {
        const struct image_symbol *symbol = &image->symbols[i];

        if (symbol->bind == STB_GLOBAL && symbol->visibility == STV_DEFAULT &&
            symbol->type == STT_FUNC && symbol->input && !image_dynamic(image, symbol->name))
            return false;
    }
    return true;
}

/*
 * ld shows libraries what they refer to, or define themselves: a new function of that name would be
 * theirs in the patched program.
 */
static void check_shown(struct differ *differ)
{
    const struct image *image = differ->patched;
    struct bound was, is;

    if (image->is_library || shows_everything(differ->reference) || shows_everything(image))
        return;
    for (size_t i = 1; i < image->dynamic_count; i++) {
        const struct image_symbol *symbol = &image->dynamic[i];

        if (symbol->defined && !is_copy(image, symbol) &&
            find_bound(differ, symbol->name, false, &was) && was.source == BOUND_NOWHERE &&
            !(find_bound(differ, symbol->name, true, &is) && is_inline_function(&is)))
            differ_refuse(differ, REFUSE_BINDING, NULL, symbol->name,
                          "%s is new, and a library of the program uses that name", symbol->name);
    }
}

/* --- names of one thing ------------------------------------------------------------------------*/

static const struct job_object *job_of(const struct differ *differ, const char *input)
{
    for (size_t i = 0; input && i < differ->job.object_count; i++)
        if (job_object_is_input(&differ->job.objects[i], input))
            return &differ->job.objects[i];
    return NULL;
}

/* Where a version has a function of that name and input; 0 when that cannot be told. */
static uint64_t place_of(const struct differ *differ, const struct image *image,
                         const struct job_object *job, const char *name)
{
    uint64_t found = 0;
    size_t count;
    struct name_entry *entries = name_index_find(&image->names, name, &count);

    for (size_t i = 0; i < count; i++) {
        const struct image_symbol *symbol = entries[i].item;

        if (job_of(differ, symbol->input) != job)
            continue;
        if (found && found != symbol->address)
            return 0;
        found = symbol->address;
    }
    return found;
}

/* Functions of the name at the address; *all counts those of the name anywhere. */
static size_t count_at(const struct image *image, const char *name, uint64_t address, size_t *all)
{
    size_t count, found = 0;
    struct name_entry *entries = name_index_find(&image->names, name, &count);

    *all = 0;
    for (size_t i = 0; i < count; i++) {
        const struct image_symbol *symbol = entries[i].item;

        *all += symbol->type == STT_FUNC;
        found += symbol->type == STT_FUNC && symbol->address == address;
    }
    return found;
}

/*
 * What an alias is called in the other version, or NULL when it is not there. With link-time
 * optimisation the numbers in names tell nothing: what it was paired with decides.
 */
static const char *name_there(const struct symbol *function, const struct image_symbol *alias)
{
    const struct symbol *symbol;
    size_t count;

    if (strcmp(alias->name, function->name) == 0)
        return function->twin->name;
    if (!function->object->job->lto)
        return alias->name;
    symbol = object_symbol(function->object, alias->name, &count);
    if (count != 1)
        return alias->name;
    return symbol->twin ? symbol->twin->name : NULL;
}

/*
 * Aliases, and what compiler or linker made one because it was equal: a jump in one is a jump in
 * all of them. mine is where the function is in the one image, theirs where its twin is in the
 * other. By the name alone: of folded functions the map tells the file of one. Several may have the
 * same name.
 */
static void check_aliases(struct differ *differ, const struct symbol *function,
                          const struct image *image, uint64_t mine, const struct image *other,
                          uint64_t theirs)
{
    const struct symbol *about = image == differ->patched ? function : function->twin;

    for (size_t i = mine && theirs ? image_symbol_from(image, mine) : 0; i-- > 0;) {
        const struct image_symbol *alias = &image->symbols[i];
        size_t all, there;
        const char *name;

        if (alias->address != mine)
            break;
        if (alias->type != STT_FUNC)
            continue;
        name = name_there(function, alias);
        if (!name)
            continue;
        there = count_at(other, name, theirs, &all);
        if (all > there && there < count_at(image, alias->name, mine, &(size_t){0}))
            differ_refuse(differ, REFUSE_BINDING, about->object, about->name,
                          "%s and %s are one function in one version, and two in the other",
                          function->name, alias->name)
                ->about = about;
    }
}

static void check_function(struct differ *differ, const struct symbol *function)
{
    const struct image *reference = differ->reference, *patched = differ->patched;
    const struct job_object *job = function->object->job;
    uint64_t old = place_of(differ, reference, job, function->twin->name);
    uint64_t new = place_of(differ, patched, job, function->name);

    check_aliases(differ, function->twin, reference, old, patched, new);
    check_aliases(differ, function, patched, new, reference, old);
}

/* ld leaves nothing of them in a program that is not position-independent. */
static void add_open_names(struct differ *differ)
{
    struct name_index *index = &differ->reference->undefined;

    for (size_t i = 0; i < differ->job.object_count; i++) {
        const struct object *object = differ->job.objects[i].reference;

        for (size_t j = 1; object && j < object->symbol_count; j++) {
            const struct symbol *symbol = &object->symbols[j];

            if (symbol->bind == STB_WEAK && !symbol_is_defined(symbol) && !symbol->absolute)
                name_index_add(&differ->pool, index, symbol->name, NULL);
        }
    }
    name_index_sort(index);
}

void check_bindings(struct differ *differ)
{
    add_open_names(differ);
    for (size_t i = 0; i < differ->patched->names.count; i++)
        if (i == 0 || strcmp(differ->patched->names.entries[i].name,
                             differ->patched->names.entries[i - 1].name) != 0)
            check_name(differ, differ->patched->names.entries[i].name);
    for (size_t i = 1; i < differ->patched->dynamic_count; i++)
        if (!differ->patched->dynamic[i].defined)
            check_name(differ, differ->patched->dynamic[i].name);
    check_shown(differ);
    for (size_t i = 0; i < differ->job.object_count; i++) {
        const struct object *patched = differ->job.objects[i].patched;

        for (size_t j = 0; patched && j < patched->functions.count; j++) {
            const struct symbol *symbol = patched->functions.items[j];

            if (symbol->twin)
                check_function(differ, symbol);
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
// From a symbol of an object file to its address in the target, by the link map.
//
// A name alone proves nothing: two files may both have a static parse(). A local symbol is the
// one of that name that lies in an input section which the map attributes to the object.
#include "differ/bind.h"
#include "differ/lto.h"
#include "differ/names.h"

#include <string.h>

/* Code stays code and data data; labels without a type may be either. */
static bool fits(const struct symbol *symbol, const struct image_symbol *candidate)
{
    bool function = candidate->type == STT_FUNC || candidate->type == STT_GNU_IFUNC;

    if (candidate->type == STT_TLS)
        return symbol->type == STT_TLS;
    if (!symbol_is_defined(symbol) || candidate->type == STT_NOTYPE)
        return true;
    return function == symbol_is_function(symbol);
}

/* A global one, or one that ld made local because it is hidden. */
static bool is_visible_everywhere(const struct image_symbol *candidate)
{
    return candidate->bind != STB_LOCAL || candidate->visibility == STV_HIDDEN ||
           candidate->visibility == STV_INTERNAL;
}

/*
 * Whether the patched link takes an undefined name from a library. If not, the name is defined in
 * the link; and unless it is in a unit of the job, where it is looked for first, in the original
 * link just as well.
 */
static bool is_imported(const struct differ *differ, const char *name)
{
    const struct image_symbol *dynamic = image_dynamic(differ->patched, name);

    return dynamic && !dynamic->defined;
}

/* How a symbol of an object is looked for among those of the original link. */
enum lookup {
    LOOKUP_LOCAL,    /* static: in the input that the object became */
    LOOKUP_GLOBAL,   /* visible to all inputs */
    LOOKUP_LOCALISED /* global until a version script made it local (zlib: inflate_fast) */
};

/*
 * A version script leaves the visibility alone, and so does link-time optimisation: such symbols
 * are known by the object that defines them, or, from other objects, by their place in the table of
 * symbols (image.c). A static symbol of the same name is never taken for one: the patched link may
 * have it from a new archive member, and an object of many files may have both.
 */
static bool is_candidate(struct differ *differ, const struct symbol *symbol,
                         const struct image_symbol *candidate, enum lookup how)
{
    if (how == LOOKUP_GLOBAL)
        return is_visible_everywhere(candidate);
    if (how == LOOKUP_LOCAL)
        return job_object_is_input(symbol->object->job, candidate->input);
    return candidate->global &&
           (symbol_is_defined(symbol) ? job_object_is_input(symbol->object->job, candidate->input)
                                      : !is_imported(differ, symbol->name));
}

static struct image_symbol *look_up(struct differ *differ, const struct symbol *symbol,
                                    enum lookup how, enum refusal_code *why)
{
    struct image_symbol *found = NULL;
    size_t count;
    struct name_entry *entries = name_index_find(
        &differ->reference->names, name_without_version(&differ->pool, symbol->name), &count);

    *why = REFUSE_SYMBOL_NOT_FOUND;
    for (size_t i = 0; i < count; i++) {
        struct image_symbol *candidate = entries[i].item;

        if (!fits(symbol, candidate) || !image_symbol_has_version(candidate, symbol->name) ||
            !is_candidate(differ, symbol, candidate, how))
            continue;
        if (found && found->address != candidate->address) {
            *why = REFUSE_AMBIGUOUS_SYMBOL;
            return NULL;
        }
        found = candidate;
    }
    return found;
}

struct image_symbol *resolve_symbol(struct differ *differ, const struct symbol *symbol,
                                    enum refusal_code *why)
{
    struct image_symbol *found;

    if (symbol->bind == STB_LOCAL && symbol->object->job->lto)
        return lto_resolve(differ, symbol, why);
    if (symbol->bind == STB_LOCAL)
        return look_up(differ, symbol, LOOKUP_LOCAL, why);
    found = look_up(differ, symbol, LOOKUP_GLOBAL, why);
    if (!found && *why == REFUSE_SYMBOL_NOT_FOUND)
        found = look_up(differ, symbol, LOOKUP_LOCALISED, why);
    /* other linkers do not tell which symbols they made local */
    if (!found && *why == REFUSE_SYMBOL_NOT_FOUND && symbol_is_defined(symbol))
        found = look_up(differ, symbol, LOOKUP_LOCAL, why);
    return found;
}

bool resolve_is_preemptible(struct differ *differ, const struct image_symbol *symbol)
{
    struct image *image = differ->reference;
    struct image_symbol *dynamic;

    if (!image->is_library || image->symbolic || symbol->bind == STB_LOCAL ||
        symbol->visibility != STV_DEFAULT)
        return false;
    dynamic = image_dynamic(image, symbol->name);
    return dynamic && dynamic->defined && dynamic->visibility == STV_DEFAULT;
}

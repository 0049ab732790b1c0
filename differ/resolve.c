// SPDX-License-Identifier: GPL-2.0-or-later
// From a symbol of an object file to its address in the target, by the link map.
//
// A name alone proves nothing: two files may both have a static parse(). A local symbol is the
// one of that name that lies in an input section which the map attributes to the object.
#include "differ/bind.h"

#include <string.h>

static bool is_input_of(const struct job_object *object, const char *input)
{
    for (size_t i = 0; input && object->inputs[i]; i++)
        if (strcmp(object->inputs[i], input) == 0)
            return true;
    return false;
}

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

struct image_symbol *resolve_symbol(struct differ *differ, const struct symbol *symbol,
                                    enum refusal_code *why)
{
    struct image_symbol *found = NULL;
    size_t count;
    struct name_entry *entries = name_index_find(&differ->reference->names, symbol->name, &count);
    bool local = symbol->bind == STB_LOCAL;

    *why = REFUSE_SYMBOL_NOT_FOUND;
    for (size_t i = 0; i < count; i++) {
        struct image_symbol *candidate = entries[i].item;

        if (!fits(symbol, candidate))
            continue;
        if (local ? !is_input_of(symbol->object->job, candidate->input)
                  : !is_visible_everywhere(candidate))
            continue;
        if (found && found->address != candidate->address) {
            *why = REFUSE_AMBIGUOUS_SYMBOL;
            return NULL;
        }
        found = candidate;
    }
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

// SPDX-License-Identifier: GPL-2.0-or-later
// Decides for each reference of the patch what it is bound to.
//
// The rule is that the patch refers to everything just as the linked original would have: imports
// through the target's own PLT entries and GOT slots, so that they bind as ld.so bound them; data
// of the target at its address there; functions by their old, canonical address when the address
// is taken, but direct calls between functions of the patch go straight to the new code.
#include "differ/bind_P.h"

#include "differ/read.h"
#include "differ/tls.h"

#include <string.h>

struct symbol *bind_definition(struct differ *differ, struct symbol *symbol)
{
    if (symbol_is_defined(symbol) || symbol->absolute)
        return symbol;
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *object = differ->job.objects[i].patched;
        size_t count;
        struct symbol *found = object ? object_symbol(object, symbol->name, &count) : NULL;

        if (found && found->bind != STB_LOCAL)
            return found;
    }
    return NULL;
}

/* The function that a relocation lies in, for messages; its section's name when there is none. */
const char *bind_place_name(const struct relocation *relocation)
{
    struct section *section = relocation->section;

    for (size_t i = 0; i < section->symbols.count; i++) {
        struct symbol *symbol = section->symbols.items[i];

        if (symbol->size && relocation->offset - symbol->value < symbol->size)
            return symbol->name;
    }
    return section->name;
}

bool bind_refuse(struct differ *differ, enum refusal_code code, const struct relocation *relocation,
                 const char *what, const char *name)
{
    const char *place = bind_place_name(relocation);

    differ_refuse(differ, code, relocation->section->object, place, "%s %s in function %s", what,
                  name, place)
        ->at = relocation;
    return false;
}

void bind_target(struct binding *binding, uint8_t kind, uint64_t address, uint64_t size,
                 const char *name)
{
    binding->local = false;
    binding->kind = kind;
    binding->address = address;
    binding->size = size;
    binding->name = name;
}

/* True if nobody else's can take the place of the definition in the patched program. */
static bool is_own(const struct symbol *definition)
{
    return definition->bind == STB_LOCAL || definition->visibility != STV_DEFAULT;
}

/* By the section or a local name, as a thunk jumps to its method: ld.so has no say in it. */
static bool is_direct(const struct relocation *relocation)
{
    return relocation->symbol && relocation->symbol->bind == STB_LOCAL;
}

/* Something that the target defines. own: it cannot be another's, whatever it was before. */
static bool bind_defined(struct differ *differ, const struct relocation *relocation,
                         const struct image_symbol *symbol, bool own, struct binding *binding)
{
    const struct elf_section *section = image_section(differ->reference, symbol->address);
    bool code = section && (section->shdr.sh_flags & SHF_EXECINSTR);

    if (symbol->type == STT_TLS)
        return bind_refuse(differ, REFUSE_TLS, relocation, "thread-local variable", symbol->name);
    if (!own && !is_direct(relocation) && resolve_is_preemptible(differ, symbol))
        return bind_preemptible(differ, relocation, symbol, binding);
    if (symbol->type == STT_GNU_IFUNC)
        return bind_indirect(differ, relocation, symbol, binding);
    bind_target(binding, code ? SC_SYM_FUNC : SC_SYM_DATA, symbol->address, symbol->size,
                symbol->name);
    return true;
}

/* By the symbol's name in the original: that is what the target has. */
static bool bind_existing(struct differ *differ, const struct relocation *relocation,
                          const struct symbol *symbol, bool own, struct binding *binding)
{
    enum refusal_code why;
    struct image_symbol *found = resolve_symbol(differ, symbol, &why);

    if (found)
        return bind_defined(differ, relocation, found, own, binding);
    if (!symbol_is_defined(symbol) && why == REFUSE_SYMBOL_NOT_FOUND)
        return bind_import(differ, relocation, symbol->name, binding);
    return bind_refuse(differ, why, relocation,
                       why == REFUSE_AMBIGUOUS_SYMBOL ? "the target has several of"
                                                      : "the target has no symbol",
                       symbol->name);
}

/* Whether the table has addresses inside the function: then one at its start is a label too. */
static bool holds_labels(const struct section *section, const struct symbol *target)
{
    for (size_t i = 0; i < section->relocation_count; i++)
        if (section->relocations[i].target == target && section->relocations[i].delta != 0)
            return true;
    return false;
}

/* A reference from a function to itself or its cold parts, or from its jump table. */
static bool within_family(const struct relocation *relocation, const struct symbol *target)
{
    struct section *section = relocation->section;

    if (section->kind != SECTION_TEXT)
        return relocation->class == RELOC_PCREL || holds_labels(section, target);
    for (size_t i = 0; i < section->symbols.count; i++) {
        struct symbol *symbol = section->symbols.items[i];

        if (symbol_family(symbol) == symbol_family((struct symbol *)target))
            return relocation->delta != 0 || target->parent || symbol->parent;
    }
    return false;
}

/* A reference to something that is in the patch. */
static bool bind_included(struct differ *differ, const struct relocation *relocation,
                          struct symbol *target, struct binding *binding)
{
    bool replaces =
        symbol_is_function(target) && target->twin && !target->parent && target->section->unit;
    struct image_symbol *old;
    enum refusal_code why;

    binding->local = true;
    binding->symbol = target;
    if (!replaces || within_family(relocation, target))
        return true;
    if (relocation->delta != 0)
        return bind_refuse(differ, REFUSE_INSIDE_FUNCTION, relocation, "reference into",
                           target->name);
    old = resolve_symbol(differ, target->twin, &why);
    if (relocation->class == RELOC_BRANCH &&
        (is_own(target) || is_direct(relocation) || !old || !resolve_is_preemptible(differ, old)))
        return true;
    /* its address, or a call that another library may have taken over */
    return bind_existing(differ, relocation, target->twin, is_own(target), binding);
}

static bool is_supported(struct differ *differ, const struct relocation *relocation)
{
    const struct arch *arch = differ->job.arch;
    const char *place = bind_place_name(relocation);

    if (relocation->class == RELOC_TLS)
        return bind_refuse(differ, REFUSE_TLS, relocation, "reference to thread-local data by",
                           arch->reloc_name(relocation->type));
    if (relocation->class == RELOC_UNSUPPORTED ||
        (relocation->class == RELOC_ABS_NARROW && differ->reference->absolute.end == 0)) {
        differ_refuse(differ, REFUSE_UNSUPPORTED_RELOCATION, relocation->section->object, place,
                      "unsupported relocation %s in function %s",
                      arch->reloc_name(relocation->type), place)
            ->at = relocation;
        return false;
    }
    if (!relocation->target)
        return bind_refuse(differ,
                           relocation->section->kind == SECTION_TEXT && !relocation->tail
                               ? REFUSE_UNDECODABLE_CODE
                               : REFUSE_AMBIGUOUS_REFERENCE,
                           relocation, "cannot tell what is meant by a reference to",
                           symbol_label(relocation->symbol));
    return true;
}

/* A variable of the target, by its original; new ones have no place in running threads. */
static bool bind_thread_local(struct differ *differ, const struct relocation *relocation,
                              struct symbol *target, struct binding *binding)
{
    if (!target)
        return tls_bind(differ, relocation, relocation->target, binding);
    if (!target->twin && relocation->class != RELOC_TLS_DESC_CALL)
        return bind_refuse(differ, REFUSE_TLS, relocation, "new thread-local variable",
                           target->name);
    return tls_bind(differ, relocation, target->twin ? target->twin : target, binding);
}

bool bind_reference(struct differ *differ, const struct relocation *relocation,
                    struct binding *binding)
{
    struct symbol *target;

    memset(binding, 0, sizeof(*binding));
    if (!is_supported(differ, relocation))
        return false;
    target = bind_definition(differ, relocation->target);
    if (tls_is_reference(relocation))
        return bind_thread_local(differ, relocation, target, binding);
    if (!target)
        return bind_existing(differ, relocation, relocation->target, false, binding);
    if (target->absolute || (target->section && target->section->kind == SECTION_SET))
        return bind_refuse(differ, REFUSE_AMBIGUOUS_REFERENCE, relocation, "reference to",
                           symbol_label(target));
    if (target->section && target->section->kind == SECTION_TLS)
        return bind_refuse(differ, REFUSE_TLS, relocation, "thread-local variable", target->name);
    if (symbol_unit(target) &&
        (target->unit || target->anonymous || target->section->kind == SECTION_TEXT))
        return bind_included(differ, relocation, target, binding);
    if (!target->twin)
        return bind_refuse(differ, REFUSE_AMBIGUOUS_REFERENCE, relocation, "reference to",
                           symbol_label(target));
    if (symbol_is_function(target) && relocation->delta != 0)
        return bind_refuse(differ, REFUSE_INSIDE_FUNCTION, relocation, "reference into",
                           target->name);
    return bind_existing(differ, relocation, target->twin, is_own(target), binding);
}

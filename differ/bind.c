// SPDX-License-Identifier: GPL-2.0-or-later
// Decides for each reference of the patch what it is bound to.
//
// The rule is that the patch refers to everything just as the linked original would have: imports
// through the target's own PLT entries and GOT slots, so that they bind as ld.so bound them; data
// of the target at its address there; functions by their old, canonical address when the address
// is taken, but direct calls between functions of the patch go straight to the new code.
#include "differ/bind.h"

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

static bool refuse(struct differ *differ, enum refusal_code code,
                   const struct relocation *relocation, const char *what, const char *name)
{
    const char *place = bind_place_name(relocation);

    differ_refuse(differ, code, relocation->section->object, place, "%s %s in function %s", what,
                  name, place)
        ->at = relocation;
    return false;
}

static void bind_target(struct binding *binding, uint8_t kind, uint64_t address, uint64_t size,
                        const char *name)
{
    binding->local = false;
    binding->kind = kind;
    binding->address = address;
    binding->size = size;
    binding->name = name;
}

static void bind_slot(struct binding *binding, const struct image_slot *slot, const char *name)
{
    bind_target(binding, SC_SYM_GOT, slot->address, 8, name);
}

/* A call: the target's PLT entry, else a jump through its slot. */
static bool bind_call_by_name(struct differ *differ, const char *name, struct binding *binding)
{
    struct image_plt *plt = image_plt_of(differ->reference, name);
    struct image_slot *slot = image_got_of(differ->reference, name);

    if (plt) {
        bind_target(binding, SC_SYM_FUNC, plt->address, 0, name);
        return true;
    }
    if (!slot)
        return false;
    bind_slot(binding, slot, name);
    binding->thunk = true;
    return true;
}

/* A load of the address from a slot. A slot that is filled in lazily does not hold it yet. */
static bool bind_slot_by_name(struct differ *differ, const char *name, struct binding *binding)
{
    struct image *image = differ->reference;
    struct image_slot *slot = image_got_of(image, name);

    if (!slot || (slot->type == image->arch->dyn_slot && !image->bind_now))
        return false;
    bind_slot(binding, slot, name);
    return true;
}

/* True for a library that running processes have, as far as the files tell. */
static bool is_loaded(const struct differ *differ, const char *library)
{
    return image_needs(differ->reference, library) ||
           strcmp(library, differ->job.arch->loader) == 0;
}

/* A library that only the patched link needs; NULL when there is none. */
static const char *new_library(const struct differ *differ)
{
    const struct list *needed = &differ->patched->needed;

    for (size_t i = 0; i < needed->count; i++)
        if (!is_loaded(differ, needed->items[i]))
            return needed->items[i];
    return NULL;
}

/*
 * Something that the runtime looks up in each process. What is looked up, and in which version, the
 * patched link tells: it would bind that. Only places that hold a whole address can be filled.
 */
static bool bind_lookup(struct differ *differ, const struct relocation *relocation,
                        const char *name, struct binding *binding)
{
    const struct image_symbol *dynamic = image_dynamic(differ->patched, name);
    const char *library;
    size_t count;

    if (!dynamic || !differ->reference->dynamically_linked)
        return refuse(differ, REFUSE_NEW_IMPORT, relocation, "new import", name);
    name_index_find(&differ->patched->dynamic_names, name, &count);
    if (count > 1)
        return refuse(differ, REFUSE_AMBIGUOUS_SYMBOL, relocation, "several versions of import",
                      name);
    /* without a version it cannot be told which library it comes from */
    library = dynamic->library ? dynamic->library : new_library(differ);
    if (!dynamic->defined && library && !is_loaded(differ, library))
        return refuse(differ, REFUSE_NEW_LIBRARY, relocation,
                      pool_format(&differ->pool, "library %s is new, for import", library), name);
    if (dynamic->type == STT_TLS)
        return refuse(differ, REFUSE_TLS, relocation, "thread-local import", name);
    if (relocation->class != RELOC_BRANCH && relocation->class != RELOC_GOT &&
        relocation->class != RELOC_ABS)
        return refuse(differ, REFUSE_IMPORT_ADDRESS, relocation, "address of import", name);
    bind_target(binding, SC_SYM_IMPORT, 0, 0, name);
    binding->version = dynamic->version;
    binding->library = dynamic->library;
    binding->weak = dynamic->bind == STB_WEAK && !dynamic->defined;
    return true;
}

/* Something that the target imports. */
static bool bind_import(struct differ *differ, const struct relocation *relocation,
                        const char *name, struct binding *binding)
{
    struct image_symbol *dynamic = image_dynamic(differ->reference, name);
    /* a program that is not position-independent makes its PLT entry the function's address */
    bool canonical = dynamic && !dynamic->defined && dynamic->address != 0;
    size_t count;

    if (!dynamic)
        return bind_lookup(differ, relocation, name, binding);
    /* memcpy@GLIBC_2.2.5 beside memcpy@GLIBC_2.14: objects do not tell versions */
    name_index_find(&differ->reference->dynamic_names, name, &count);
    if (count > 1)
        return refuse(differ, REFUSE_AMBIGUOUS_SYMBOL, relocation, "several versions of import",
                      name);
    if (relocation->class == RELOC_BRANCH && bind_call_by_name(differ, name, binding))
        return true;
    if (canonical) {
        bind_target(binding, SC_SYM_FUNC, dynamic->address, 0, name);
        return true;
    }
    if (relocation->class == RELOC_GOT && bind_slot_by_name(differ, name, binding))
        return true;
    return bind_lookup(differ, relocation, name, binding);
}

/* Whether code of the target calls the function, or takes its address, without a slot. */
static bool is_bound_directly(const struct differ *differ, uint64_t address)
{
    size_t low = 0, high = differ->branch_target_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (differ->branch_targets[middle] < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < differ->branch_target_count && differ->branch_targets[low] == address;
}

/* True if ld.so would bind references of the patched link to that name (-Bsymbolic-functions). */
static bool is_left_open(const struct differ *differ, const char *name)
{
    for (size_t i = 0; i < differ->patched->slot_count; i++)
        if (differ->patched->slots[i].symbol && strcmp(differ->patched->slots[i].name, name) == 0)
            return true;
    return false;
}

static bool bind_preemptible(struct differ *differ, const struct relocation *relocation,
                             const struct image_symbol *symbol, struct binding *binding)
{
    if (relocation->class == RELOC_BRANCH && bind_call_by_name(differ, symbol->name, binding))
        return true;
    if (relocation->class == RELOC_GOT && bind_slot_by_name(differ, symbol->name, binding))
        return true;
    if (relocation->class == RELOC_ABS_NARROW)
        return refuse(differ, REFUSE_PREEMPTIBLE_SYMBOL, relocation, "preemptible symbol",
                      symbol->name);
    if (relocation->class != RELOC_PCREL && !is_bound_directly(differ, symbol->address) &&
        is_left_open(differ, symbol->name))
        return bind_lookup(differ, relocation, symbol->name, binding);
    bind_target(binding, symbol->type == STT_FUNC ? SC_SYM_FUNC : SC_SYM_DATA, symbol->address,
                symbol->size, symbol->name);
    return true;
}

/* Something that the target defines. */
static bool bind_defined(struct differ *differ, const struct relocation *relocation,
                         const struct image_symbol *symbol, struct binding *binding)
{
    const struct elf_section *section = image_section(differ->reference, symbol->address);
    bool code = section && (section->shdr.sh_flags & SHF_EXECINSTR);

    if (symbol->type == STT_GNU_IFUNC)
        return refuse(differ, REFUSE_IFUNC, relocation, "indirect function", symbol->name);
    if (symbol->type == STT_TLS)
        return refuse(differ, REFUSE_TLS, relocation, "thread-local variable", symbol->name);
    if (resolve_is_preemptible(differ, symbol))
        return bind_preemptible(differ, relocation, symbol, binding);
    bind_target(binding, code ? SC_SYM_FUNC : SC_SYM_DATA, symbol->address, symbol->size,
                symbol->name);
    return true;
}

/* By the symbol's name in the original: that is what the target has. */
static bool bind_existing(struct differ *differ, const struct relocation *relocation,
                          const struct symbol *symbol, struct binding *binding)
{
    enum refusal_code why;
    struct image_symbol *found = resolve_symbol(differ, symbol, &why);

    if (found)
        return bind_defined(differ, relocation, found, binding);
    if (!symbol_is_defined(symbol) && why == REFUSE_SYMBOL_NOT_FOUND)
        return bind_import(differ, relocation, symbol->name, binding);
    return refuse(differ, why, relocation,
                  why == REFUSE_AMBIGUOUS_SYMBOL ? "the target has several of"
                                                 : "the target has no symbol",
                  symbol->name);
}

/* A reference from a function to itself or its cold parts, or from its jump table. */
static bool within_family(const struct relocation *relocation, const struct symbol *target)
{
    struct section *section = relocation->section;

    if (section->kind != SECTION_TEXT)
        return relocation->class == RELOC_PCREL || relocation->delta != 0;
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
        return refuse(differ, REFUSE_INSIDE_FUNCTION, relocation, "reference into", target->name);
    if (target->section->grouped && relocation->class == RELOC_BRANCH)
        return true;
    old = resolve_symbol(differ, target->twin, &why);
    if (relocation->class == RELOC_BRANCH && (!old || !resolve_is_preemptible(differ, old)))
        return true;
    /* its address, or a call that another library may have taken over */
    return bind_existing(differ, relocation, target->twin, binding);
}

static bool is_supported(struct differ *differ, const struct relocation *relocation)
{
    const struct arch *arch = differ->job.arch;
    const char *place = bind_place_name(relocation);

    if (relocation->class == RELOC_TLS)
        return refuse(differ, REFUSE_TLS, relocation, "reference to thread-local data by",
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
        return refuse(differ,
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
        return refuse(differ, REFUSE_TLS, relocation, "new thread-local variable", target->name);
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
        return bind_existing(differ, relocation, relocation->target, binding);
    if (target->absolute || (target->section && target->section->kind == SECTION_SET))
        return refuse(differ, REFUSE_AMBIGUOUS_REFERENCE, relocation, "reference to",
                      symbol_label(target));
    if (target->section && target->section->kind == SECTION_TLS)
        return refuse(differ, REFUSE_TLS, relocation, "thread-local variable", target->name);
    if (symbol_unit(target) &&
        (target->unit || target->anonymous || target->section->kind == SECTION_TEXT))
        return bind_included(differ, relocation, target, binding);
    if (!target->twin)
        return refuse(differ, REFUSE_AMBIGUOUS_REFERENCE, relocation, "reference to",
                      symbol_label(target));
    if (symbol_is_function(target) && relocation->delta != 0)
        return refuse(differ, REFUSE_INSIDE_FUNCTION, relocation, "reference into", target->name);
    return bind_existing(differ, relocation, target->twin, binding);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Binds references to what other files define, or may define, and to indirect functions.
//
// Through the target's own PLT entries and slots where it has them, else by a lookup in each
// process.
#include "differ/bind_P.h"
#include "differ/names.h"

#include <string.h>

static void bind_slot(struct binding *binding, const struct image_slot *slot, const char *name)
{
    bind_target(binding, SC_SYM_GOT, slot->address, 8, name);
}

/* A call: the target's PLT entry, else a jump through its slot. */
static bool bind_call(struct differ *differ, const struct image_symbol *dynamic,
                      struct binding *binding)
{
    struct image_plt *plt = image_plt_of(differ->reference, dynamic);
    struct image_slot *slot = image_got_of(differ->reference, dynamic);

    if (plt) {
        bind_target(binding, SC_SYM_FUNC, plt->address, 0, dynamic->name);
        return true;
    }
    if (!slot)
        return false;
    bind_slot(binding, slot, dynamic->name);
    binding->thunk = true;
    return true;
}

/* A load of the address from a slot. A slot that is filled in lazily does not hold it yet. */
static bool bind_load(struct differ *differ, const struct image_symbol *dynamic,
                      struct binding *binding)
{
    struct image *image = differ->reference;
    struct image_slot *slot = image_got_of(image, dynamic);

    if (!slot || (slot->type == image->arch->dyn_slot && !image->bind_now))
        return false;
    bind_slot(binding, slot, dynamic->name);
    return true;
}

/*
 * The dynamic symbol of a file that an object's name means. NAME@VERSION means that version; a
 * plain name does not tell which of several: memcpy@GLIBC_2.2.5 may stand beside memcpy@GLIBC_2.14.
 */
static struct image_symbol *find_dynamic(struct differ *differ, const struct image *image,
                                         const char *name, bool *several)
{
    const char *version = strchr(name, '@');
    const char *plain = name_without_version(&differ->pool, name);
    struct image_symbol *found = NULL;
    struct name_entry *entries;
    size_t count;

    *several = false;
    entries = name_index_find(&image->dynamic_names, plain, &count);
    version = version ? version + strspn(version, "@") : NULL;
    for (size_t i = 0; i < count; i++) {
        struct image_symbol *symbol = entries[i].item;

        if (version && (!symbol->version || strcmp(symbol->version, version) != 0))
            continue;
        *several |= found != NULL;
        found = symbol;
    }
    return found;
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

bool bind_loads_address(const struct relocation *relocation)
{
    return relocation->class == RELOC_PCREL && relocation->lea && relocation->delta == 0;
}

/*
 * Something that the runtime looks up in each process. What is looked up, and in which version, the
 * patched link tells: it would bind that. Only places that hold a whole address can be filled;
 * an instruction that makes an address becomes one that loads it from such a place.
 */
static bool bind_lookup(struct differ *differ, const struct relocation *relocation,
                        const char *name, struct binding *binding)
{
    bool several;
    const struct image_symbol *dynamic = find_dynamic(differ, differ->patched, name, &several);
    const char *library;

    if (!dynamic || !differ->reference->dynamically_linked)
        return bind_refuse(differ, REFUSE_NEW_IMPORT, relocation, "new import", name);
    if (several)
        return bind_refuse(differ, REFUSE_AMBIGUOUS_SYMBOL, relocation,
                           "several versions of import", name);
    /* without a version it cannot be told which library it comes from */
    library = dynamic->library ? dynamic->library : new_library(differ);
    if (!dynamic->defined && library && !is_loaded(differ, library))
        return bind_refuse(differ, REFUSE_NEW_LIBRARY, relocation,
                           pool_format(&differ->pool, "library %s is new, for import", library),
                           name);
    if (dynamic->type == STT_TLS)
        return bind_refuse(differ, REFUSE_TLS, relocation, "thread-local import", name);
    if (relocation->class != RELOC_BRANCH && relocation->class != RELOC_GOT &&
        relocation->class != RELOC_ABS && !bind_loads_address(relocation))
        return bind_refuse(differ, REFUSE_IMPORT_ADDRESS, relocation, "address of import", name);
    bind_target(binding, SC_SYM_IMPORT, 0, 0, dynamic->name);
    binding->version = dynamic->version;
    binding->library = dynamic->library;
    binding->weak = dynamic->bind == STB_WEAK && !dynamic->defined;
    return true;
}

/* Something that the target imports. */
bool bind_import(struct differ *differ, const struct relocation *relocation, const char *name,
                 struct binding *binding)
{
    bool several;
    struct image_symbol *dynamic = find_dynamic(differ, differ->reference, name, &several);
    /* a program that is not position-independent makes its PLT entry the function's address */
    bool canonical = dynamic && !dynamic->defined && dynamic->address != 0;

    if (!dynamic)
        return bind_lookup(differ, relocation, name, binding);
    if (several)
        return bind_refuse(differ, REFUSE_AMBIGUOUS_SYMBOL, relocation,
                           "several versions of import", name);
    if (relocation->class == RELOC_BRANCH && bind_call(differ, dynamic, binding))
        return true;
    if (canonical) {
        bind_target(binding, SC_SYM_FUNC, dynamic->address, 0, dynamic->name);
        return true;
    }
    if (relocation->class == RELOC_GOT && bind_load(differ, dynamic, binding))
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

bool bind_preemptible(struct differ *differ, const struct relocation *relocation,
                      const struct image_symbol *symbol, struct binding *binding)
{
    const struct image_symbol *dynamic = image_dynamic(differ->reference, symbol->name);

    if (dynamic && relocation->class == RELOC_BRANCH && bind_call(differ, dynamic, binding))
        return true;
    if (dynamic && relocation->class == RELOC_GOT && bind_load(differ, dynamic, binding))
        return true;
    if (relocation->class == RELOC_ABS_NARROW)
        return bind_refuse(differ, REFUSE_PREEMPTIBLE_SYMBOL, relocation, "preemptible symbol",
                           symbol->name);
    if (symbol->type == STT_GNU_IFUNC && !is_left_open(differ, symbol->name))
        return bind_indirect(differ, relocation, symbol, binding);
    if (relocation->class != RELOC_PCREL && !is_bound_directly(differ, symbol->address) &&
        is_left_open(differ, symbol->name))
        return bind_lookup(differ, relocation, symbol->name, binding);
    bind_target(binding, symbol->type == STT_FUNC ? SC_SYM_FUNC : SC_SYM_DATA, symbol->address,
                symbol->size, symbol->name);
    return true;
}

/* The slot that its resolver fills: before the program runs, also when others are bound lazily. */
static struct image_slot *resolver_slot(const struct image *image, uint64_t resolver)
{
    for (size_t i = 0; i < image->slot_count; i++) {
        struct image_slot *slot = &image->slots[i];
        const struct elf_section *section = image_section(image, slot->address);

        if (slot->type == image->arch->dyn_irelative && (uint64_t)slot->addend == resolver &&
            section && strncmp(section->name, ".got", 4) == 0)
            return slot;
    }
    return NULL;
}

static struct image_plt *plt_through(const struct image *image, const struct image_slot *slot)
{
    for (size_t i = 0; slot && i < image->plt_count; i++)
        if (image->plt[i].slot == slot)
            return &image->plt[i];
    return NULL;
}

bool bind_indirect(struct differ *differ, const struct relocation *relocation,
                   const struct image_symbol *symbol, struct binding *binding)
{
    struct image *image = differ->reference;
    struct image_slot *slot = resolver_slot(image, symbol->address);
    struct image_plt *plt = plt_through(image, slot);

    if (slot && relocation->class == RELOC_GOT) {
        bind_slot(binding, slot, symbol->name);
        return true;
    }
    /* in code that is not position-independent the PLT entry is the address */
    if (plt && (relocation->class == RELOC_BRANCH || relocation->class == RELOC_ABS_NARROW ||
                relocation->class == RELOC_PCREL)) {
        bind_target(binding, SC_SYM_FUNC, plt->address, 0, symbol->name);
        return true;
    }
    if (slot && relocation->class == RELOC_BRANCH) {
        bind_slot(binding, slot, symbol->name);
        binding->thunk = true;
        return true;
    }
    return bind_refuse(differ, REFUSE_IFUNC, relocation,
                       slot ? "address of indirect function"
                            : "the target does not use indirect function",
                       symbol->name);
}

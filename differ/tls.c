// SPDX-License-Identifier: GPL-2.0-or-later
// Binds references to thread-local variables.
//
// In a program their distance from the thread pointer is fixed at link time. In a library only
// ld.so knows the module's number, or its place in the static block; both stand in slots of the
// target. The patch uses the target's slot for the variable where there is one; else a cell of its
// own, made from a slot for another variable of the target.
#include "differ/tls.h"

#include "differ/read.h"

#include <endian.h>
#include <string.h>

bool tls_is_reference(const struct relocation *relocation)
{
    return relocation->class >= RELOC_TLS_OFFSET && relocation->class <= RELOC_TLS_DESC_CALL;
}

const struct image_symbol *tls_symbol_at(const struct image *image, uint64_t offset)
{
    for (size_t i = 0; i < image->symbol_count; i++) {
        const struct image_symbol *symbol = &image->symbols[i];

        if (symbol->type == STT_TLS && offset >= symbol->address &&
            (offset - symbol->address < symbol->size || offset == symbol->address))
            return symbol;
    }
    return NULL;
}

bool tls_is_slot(const struct image *image, const struct image_slot *slot)
{
    return slot->type == image->arch->dyn_tls_module || slot->type == image->arch->dyn_tls_offset ||
           slot->type == image->arch->dyn_tls_desc;
}

/* The word at an address, as it is in the file. */
static uint64_t word_at(const struct image *image, uint64_t address)
{
    size_t size;
    const uint8_t *bytes = image_bytes(image, address, &size);
    uint64_t word = 0;

    if (bytes && size >= sizeof(word))
        memcpy(&word, bytes, sizeof(word));
    return le64toh(word);
}

enum reloc_class tls_slot_class(const struct image *image, const struct image_slot *slot,
                                uint64_t *offset)
{
    bool here = !slot->symbol || slot->symbol->defined;

    *offset = !here ? 0 : (slot->symbol ? slot->symbol->address : 0) + (uint64_t)slot->addend;
    if (slot->type == image->arch->dyn_tls_offset)
        return RELOC_TLS_IE;
    if (slot->type == image->arch->dyn_tls_desc)
        return RELOC_TLS_DESC;
    /* without a symbol the offset is a constant in the word behind the module's number */
    if (!slot->symbol)
        *offset = word_at(image, slot->address + 8);
    return RELOC_TLS_GD;
}

/* Whether ld takes the variable of that name from another file. */
static bool is_imported(struct differ *differ, const struct symbol *symbol)
{
    const struct image_symbol *dynamic;

    if (symbol_is_defined(symbol))
        return false;
    dynamic = image_dynamic(differ->reference, symbol->name);
    if (!dynamic)
        dynamic = image_dynamic(differ->patched, symbol->name);
    return dynamic && !dynamic->defined;
}

static void relax_section(struct differ *differ, struct section *section)
{
    struct tls_code code = {.size = section->size};

    for (size_t i = 0; i < section->relocation_count; i++) {
        struct relocation *relocation = &section->relocations[i];

        if (!tls_is_reference(relocation))
            continue;
        if (!code.bytes) {
            code.bytes = pool_alloc(&differ->pool, section->size + 1);
            memcpy(code.bytes, section->data, section->size);
            section->data = code.bytes;
        }
        code.at = relocation->offset;
        code.imported = is_imported(differ, relocation->symbol);
        relocation->class = differ->job.arch->tls_relax(&code, relocation->class);
        relocation->offset = code.at;
        /* the call of __tls_get_addr is gone with it */
        if (code.call && i + 1 < section->relocation_count &&
            section->relocations[i + 1].offset == code.call)
            section->relocations[i + 1].class = RELOC_NONE;
        else if (code.call)
            relocation->class = RELOC_TLS;
    }
}

void tls_relax(struct differ *differ, struct object *object)
{
    if (differ->reference->is_library)
        return;
    for (size_t i = 1; i < object->section_count; i++) {
        struct section *section = &object->sections[i];

        if (section->kind == SECTION_TEXT && section->data)
            relax_section(differ, section);
    }
}

static bool refuse(struct differ *differ, const struct relocation *relocation, const char *what,
                   const char *name)
{
    const char *place = bind_place_name(relocation);

    differ_refuse(differ, REFUSE_TLS, relocation->section->object, place, "%s %s in function %s",
                  what, name, place);
    return false;
}

/* Whether a slot leads to the target's own variable at that place. gold names hidden ones, too. */
static bool is_own_slot(struct differ *differ, const struct image_slot *slot, uint64_t at,
                        uint64_t offset)
{
    if (!slot->symbol)
        return at == offset;
    return slot->symbol->defined && !resolve_is_preemptible(differ, slot->symbol) &&
           slot->symbol->address + (uint64_t)slot->addend == offset;
}

/* The target's slot for a variable: by name when ld.so binds it, else by its place. */
static const struct image_slot *find_slot(struct differ *differ, enum reloc_class class,
                                          const char *name, bool named, uint64_t offset)
{
    const struct image *image = differ->reference;

    for (size_t i = 0; i < image->slot_count; i++) {
        const struct image_slot *slot = &image->slots[i];
        uint64_t at;

        if (!tls_is_slot(image, slot) || tls_slot_class(image, slot, &at) != class)
            continue;
        if (named ? slot->symbol && slot->addend == 0 && strcmp(slot->name, name) == 0
                  : is_own_slot(differ, slot, at, offset))
            return slot;
    }
    return NULL;
}

/* Any slot of the class for a variable of the target itself. */
static const struct image_slot *any_slot(const struct image *image, enum reloc_class class)
{
    for (size_t i = 0; i < image->slot_count; i++) {
        uint64_t at;

        if (!image->slots[i].symbol && tls_is_slot(image, &image->slots[i]) &&
            tls_slot_class(image, &image->slots[i], &at) == class)
            return &image->slots[i];
    }
    return NULL;
}

static bool bind_to_slot(struct binding *binding, const struct image_slot *slot, const char *name)
{
    binding->kind = SC_SYM_GOT;
    binding->address = slot->address;
    binding->size = 8;
    binding->name = name;
    return true;
}

/* A cell of the patch: the word of another slot, and for the offset a constant. */
static bool bind_to_cell(const struct image *image, struct binding *binding,
                         const struct image_slot *slot, const char *name, uint64_t offset)
{
    uint64_t other;
    enum reloc_class class = tls_slot_class(image, slot, &other);

    binding->kind = SC_SYM_WORD;
    binding->address = slot->address;
    binding->size = 8;
    binding->name = name;
    binding->cell = class == RELOC_TLS_GD ? CELL_MODULE : CELL_OFFSET;
    binding->value = class == RELOC_TLS_GD ? offset : offset - other;
    return true;
}

static bool bind_in_library(struct differ *differ, const struct relocation *relocation,
                            const struct image_symbol *found, const char *name,
                            struct binding *binding)
{
    struct image *image = differ->reference;
    bool named = !found || resolve_is_preemptible(differ, found);
    uint64_t offset = found ? found->address + (uint64_t)relocation->delta : 0;
    /* that a module has no variable of its own there is no matter: only its number counts */
    bool module = relocation->class == RELOC_TLS_LD;
    enum reloc_class class = module ? RELOC_TLS_GD : relocation->class;
    const struct image_slot *slot;

    if (module) {
        named = false;
        offset = 0;
    }
    if (named && relocation->delta)
        return refuse(differ, relocation, "reference into thread-local variable", name);
    slot = find_slot(differ, class, name, named, offset);
    if (slot)
        return bind_to_slot(binding, slot, name);
    slot = named || class == RELOC_TLS_DESC ? NULL : any_slot(image, class);
    if (slot)
        return bind_to_cell(image, binding, slot, name, offset);
    return refuse(differ, relocation, "the target has no slot that leads to thread-local variable",
                  name);
}

static bool bind_constant(struct binding *binding, uint64_t value, const char *name)
{
    binding->cell = CELL_CONSTANT;
    binding->value = value;
    binding->name = name;
    return true;
}

bool tls_bind(struct differ *differ, const struct relocation *relocation,
              const struct symbol *symbol, struct binding *binding)
{
    struct image *image = differ->reference;
    enum refusal_code why;
    const struct image_symbol *found;

    if (relocation->class == RELOC_TLS_DESC_CALL)
        return bind_constant(binding, 0, symbol->name) && (binding->cell = CELL_NOTHING);
    found = resolve_symbol(differ, symbol, &why);
    if (!found && (symbol_is_defined(symbol) || why != REFUSE_SYMBOL_NOT_FOUND))
        return refuse(differ, relocation, "the target does not have thread-local variable",
                      symbol->name);
    if (found && found->type != STT_TLS)
        return refuse(differ, relocation,
                      "not a thread-local variable in the target:", symbol->name);
    if (found && relocation->class == RELOC_TLS_OFFSET && !image->is_library)
        return bind_constant(
            binding, found->address + (uint64_t)relocation->delta - image->tls_size, symbol->name);
    if (found && relocation->class == RELOC_TLS_LD_OFFSET)
        return bind_constant(binding, found->address + (uint64_t)relocation->delta, symbol->name);
    if (relocation->class == RELOC_TLS_OFFSET || relocation->class == RELOC_TLS_LD_OFFSET)
        return refuse(differ, relocation, "a reference that only programs may have, to",
                      symbol->name);
    return bind_in_library(differ, relocation, found, symbol->name, binding);
}

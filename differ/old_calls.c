// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps running calls of main and its like apart from the new code.
//
// A thread in an old function that calls a new one mixes two versions that may agree on more than
// the ABI. Other functions are switched when no thread is inside; that moment never comes for main.
// So its old code is made to call the old functions: each such call is led to a copy of the
// callee's first instructions, which goes on behind the jump. The same for what the callee calls.
#include "differ/old_calls.h"

#include "differ/bind.h"
#include "differ/entry.h"
#include "differ/read.h"

#include <string.h>

/* A part of an old function, as it is linked. */
struct part {
    const struct symbol *symbol; /* of the original object */
    uint64_t address, size;
    uint64_t start; /* where threads may still come by: behind the jump */
    const uint8_t *bytes;
};

/* What is found for one function that is never left, and all that it leads to. */
struct search {
    struct differ *differ;
    struct list entries; /* struct entry: whose old code is looked through */
    struct list calls;   /* struct old_call */
};

/*
 * True if nothing in the old function leads out of it: no return, no jump to other code. Jumps
 * through a register may lead anywhere, so they count as a way out.
 */
static bool has_no_way_out(struct differ *differ, const struct entry *entry)
{
    uint64_t address = entry->old->address;
    const uint8_t *code = entry->old_bytes;
    size_t left = entry->old->size;
    struct arch_insn insn;

    while (left && differ->job.arch->decode(differ->decoder, code, left, address,
                                            &differ->reference->absolute, &insn)) {
        bool jump = insn.kind == INSN_JUMP || insn.kind == INSN_BRANCH;

        if (insn.returns || insn.indirect || insn.kind == INSN_JUMP_SLOT ||
            (jump && insn.target - entry->old->address >= entry->old->size))
            return false;
        code += insn.size;
        left -= insn.size;
        address += insn.size;
    }
    return left == 0;
}

bool old_calls_never_left(struct differ *differ, const struct entry *entry)
{
    return strcmp(entry->old->name, "main") == 0 || has_no_way_out(differ, entry);
}

static void search_entry(struct search *search, struct entry *entry)
{
    for (size_t i = 0; i < search->entries.count; i++)
        if (search->entries.items[i] == entry)
            return;
    list_add(&search->differ->pool, &search->entries, entry);
}

/* The way into its old code, around the jump. False when it cannot be made. */
static bool make_way(struct differ *differ, struct entry *entry)
{
    size_t covered = (size_t)entry->first.size + differ->job.arch->jump_size;

    return differ->job.arch->copy_beginning(differ->decoder, entry->old_bytes, entry->old_size,
                                            entry->old->address, covered, &entry->way);
}

static bool add_call(struct search *search, const struct entry *from, struct entry *to,
                     const struct part *part, const struct arch_insn *insn)
{
    struct differ *differ = search->differ;
    const uint8_t *bytes = part->bytes + (insn->address - part->address);
    struct old_call *call;

    if ((insn->kind != INSN_CALL && insn->kind != INSN_JUMP) ||
        !differ->job.arch->is_redirectable(bytes, insn->size) || !make_way(differ, to))
        return false;
    call = pool_alloc(&differ->pool, sizeof(*call));
    *call = (struct old_call){.from = from, .to = to, .address = insn->address, .bytes = bytes};
    if (elf_offset_of_vaddr(differ->reference->elf, call->address, &call->offset, NULL) < 0)
        return false;
    list_add(&differ->pool, &search->calls, call);
    search_entry(search, to);
    return true;
}

/* Every reference of the linked code to an entry must be a call that can be led elsewhere. */
static bool scan_code(struct search *search, const struct entry *from, const struct part *part)
{
    const struct differ *differ = search->differ;
    uint64_t end = part->address + part->size;
    struct arch_insn insn;

    for (uint64_t at = part->address; at < end; at += insn.size) {
        struct entry *to;

        if (!differ->job.arch->decode(differ->decoder, part->bytes + (at - part->address), end - at,
                                      at, &differ->reference->absolute, &insn))
            return false;
        if (at < part->start)
            continue;
        to = insn.target ? entry_at(differ, insn.target) : NULL;
        if (to && !add_call(search, from, to, part, &insn))
            return false;
        for (uint8_t i = 0; i < insn.ref_count; i++)
            if (entry_at(differ, insn.refs[i]))
                return false;
    }
    return true;
}

static bool have_call(const struct search *search, uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < search->calls.count; i++) {
        const struct old_call *call = search->calls.items[i];

        if (call->address >= start && call->address < end)
            return true;
    }
    return false;
}

/* What the object's relocations say must have been seen in the linked code: none through a PLT. */
static bool relocations_agree(struct search *search, const struct part *part)
{
    struct differ *differ = search->differ;
    const struct section *section = part->symbol->section;
    uint8_t room = differ->job.arch->jump_size;

    for (size_t i = section_relocation_from(section, part->symbol->value);
         i < section->relocation_count &&
         section->relocations[i].offset < part->symbol->value + part->symbol->size;
         i++) {
        const struct relocation *relocation = &section->relocations[i];
        uint64_t place = part->address + (relocation->offset - part->symbol->value);

        if (place >= part->start && entry_referred(differ, relocation, part->symbol) &&
            !have_call(search, place - room + 1, place + 1))
            return false;
    }
    return true;
}

static bool scan_part(struct search *search, const struct entry *from, const struct symbol *symbol)
{
    struct differ *differ = search->differ;
    enum refusal_code why;
    struct image_symbol *linked = resolve_symbol(differ, symbol, &why);
    struct part part = {.symbol = symbol};
    size_t size;

    if (!linked)
        return false;
    part.address = part.start = linked->address;
    if (linked->address == from->old->address)
        part.start += (uint64_t)from->first.size + differ->job.arch->jump_size;
    part.size = linked->size;
    part.bytes = image_bytes(differ->reference, linked->address, &size);
    return part.bytes && part.size <= size && part.size == symbol->size &&
           scan_code(search, from, &part) && relocations_agree(search, &part);
}

static bool scan_entry(struct search *search, const struct entry *entry)
{
    const struct symbol *original = entry->symbol->twin;

    if (!scan_part(search, entry, original))
        return false;
    for (size_t i = 0; i < original->children.count; i++)
        if (!scan_part(search, entry, original->children.items[i]))
            return false;
    return true;
}

static void keep_call(struct differ *differ, struct old_call *call)
{
    for (size_t i = 0; i < differ->old_calls.count; i++)
        if (((const struct old_call *)differ->old_calls.items[i])->address == call->address)
            return;
    list_add(&differ->pool, &differ->old_calls, call);
    call->to->needs_way = true;
}

static void find_for(struct differ *differ, struct entry *entry)
{
    struct search search = {.differ = differ};

    search_entry(&search, entry);
    for (size_t i = 0; i < search.entries.count; i++) {
        const struct entry *found = search.entries.items[i];

        if (found->disagrees || !scan_entry(&search, found))
            return;
    }
    for (size_t i = 0; i < search.calls.count; i++)
        keep_call(differ, search.calls.items[i]);
    for (size_t i = 0; i < search.entries.count; i++)
        ((struct entry *)search.entries.items[i])->flags &= ~(uint32_t)SC_FUNC_QUIESCE;
}

void old_calls_find(struct differ *differ)
{
    for (size_t i = 0; i < differ->entries.count; i++) {
        struct entry *entry = differ->entries.items[i];

        if ((entry->flags & SC_FUNC_QUIESCE) && old_calls_never_left(differ, entry))
            find_for(differ, entry);
    }
}

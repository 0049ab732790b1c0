// SPDX-License-Identifier: GPL-2.0-or-later
// Finds old functions whose running calls could lose a register to new code (-fipa-ra).
//
// GCC keeps values in registers that the psABI gives to the callee when it knows the callee and
// everything that it calls. A caller that is compiled with the new callee knows the new set; one
// that is in the patch itself, and still runs its old code, does not. Where it calls the callee
// directly, both are switched in a quiet moment anyway (entry.c); this is about the ways that lead
// through functions that stay.
#include "differ/ipa_ra.h"

#include "differ/bind.h"
#include "differ/entry.h"
#include "differ/read.h"

#include <string.h>

#define ALL_REGISTERS UINT64_MAX

/* What a function and all that it calls write. */
struct written {
    struct differ *differ;
    bool possibly; /* the new side: everything that may be written; else what surely is */
    uint64_t registers;
    bool indirect; /* jumps through a register or table */
    struct list seen;
};

static uint64_t unknown(const struct written *written)
{
    return written->possibly ? ALL_REGISTERS : 0;
}

/* The function that an instruction at offset in the section refers to, by its relocation. */
static struct symbol *callee_at(const struct section *section, uint64_t offset, uint8_t size)
{
    for (size_t i = section_relocation_from(section, offset);
         i < section->relocation_count && section->relocations[i].offset < offset + size; i++)
        if (section->relocations[i].branch)
            return section->relocations[i].target;
    return NULL;
}

static bool is_preemptible(struct differ *differ, const struct symbol *symbol)
{
    const struct symbol *original =
        symbol->object->job->patched == symbol->object ? symbol->twin : symbol;
    enum refusal_code why;
    struct image_symbol *linked = original ? resolve_symbol(differ, original, &why) : NULL;

    return linked && resolve_is_preemptible(differ, linked);
}

/* Puts a function on the list of those to be looked at, once. */
static void list_function(struct differ *differ, struct list *list, struct symbol *function)
{
    if (function->listed)
        return;
    function->listed = true;
    list_add(&differ->pool, list, function);
}

static void unlist_functions(const struct list *list)
{
    for (size_t i = 0; i < list->count; i++)
        ((struct symbol *)list->items[i])->listed = false;
}

/* Another function, or a part of this one. */
static void add_branch(struct written *written, const struct symbol *function,
                       const struct arch_insn *insn, uint64_t at)
{
    struct symbol *callee = callee_at(function->section, at, insn->size);
    bool inside = insn->target - function->value < function->size;

    if (callee && callee->section && !is_preemptible(written->differ, callee))
        list_function(written->differ, &written->seen, symbol_family(callee));
    else if (callee)
        written->registers = ALL_REGISTERS; /* a function elsewhere follows the psABI */
    else if (!inside)
        written->registers |= unknown(written);
}

static void add_code(struct written *written, const struct symbol *symbol)
{
    const struct arch *arch = written->differ->job.arch;
    const struct section *section = symbol->section;
    static const struct address_range none;
    struct arch_insn insn;

    for (uint64_t at = symbol->value; at < symbol->value + symbol->size; at += insn.size) {
        if (!section->data || !arch->decode(written->differ->decoder, section->data + at,
                                            symbol->value + symbol->size - at, at, &none, &insn)) {
            written->registers |= unknown(written);
            return;
        }
        written->registers |= arch->registers_written(written->differ->decoder, written->possibly);
        written->indirect |= insn.indirect;
        if (insn.kind == INSN_CALL || insn.kind == INSN_JUMP || insn.kind == INSN_BRANCH)
            add_branch(written, symbol, &insn, at);
        else if (insn.kind == INSN_CALL_SLOT || insn.kind == INSN_JUMP_SLOT || insn.indirect_call)
            written->registers = ALL_REGISTERS;
    }
}

static struct written written_by(struct differ *differ, struct symbol *symbol, bool possibly)
{
    struct written written = {.differ = differ, .possibly = possibly};

    list_function(differ, &written.seen, symbol);
    for (size_t i = 0; i < written.seen.count && written.registers != ALL_REGISTERS; i++) {
        const struct symbol *function = written.seen.items[i];

        add_code(&written, function);
        for (size_t j = 0; j < function->children.count; j++)
            add_code(&written, function->children.items[j]);
    }
    unlist_functions(&written.seen);
    return written;
}

void ipa_ra_find(struct differ *differ)
{
    for (size_t i = 0; i < differ->entries.count; i++) {
        struct entry *entry = differ->entries.items[i];
        struct written old = written_by(differ, entry->symbol->twin, false);
        struct written new;

        if (old.registers == ALL_REGISTERS)
            continue;
        new = written_by(differ, entry->symbol, true);
        entry->writes_more = new.registers & ~old.registers || (new.indirect && !old.indirect);
    }
}

/* Looks through what a part of a function calls. unchanged: it stays as it is. */
static bool part_reaches(struct differ *differ, const struct symbol *part, bool unchanged,
                         struct list *seen)
{
    const struct section *section = part->section;

    for (size_t i = section_relocation_from(section, part->value);
         i < section->relocation_count && section->relocations[i].offset < part->value + part->size;
         i++) {
        struct symbol *callee = section->relocations[i].target;
        const struct entry *entry;

        if (!section->relocations[i].branch || !callee || !symbol_is_function(callee))
            continue;
        callee = symbol_family(callee);
        entry = callee->twin ? entry_of(differ, callee->twin) : NULL;
        if (entry && unchanged && entry->writes_more)
            return true;
        if (!entry)
            list_function(differ, seen, callee);
    }
    return false;
}

static bool reaches(struct differ *differ, struct symbol *original, struct list *seen)
{
    list_function(differ, seen, original);
    for (size_t i = 0; i < seen->count; i++) {
        const struct symbol *function = seen->items[i];

        if (part_reaches(differ, function, i > 0, seen))
            return true;
        for (size_t j = 0; j < function->children.count; j++)
            if (part_reaches(differ, function->children.items[j], i > 0, seen))
                return true;
    }
    return false;
}

bool ipa_ra_disagrees(struct differ *differ, const struct entry *entry)
{
    struct list seen = {0};
    bool any = false, result;

    for (size_t i = 0; i < differ->entries.count; i++)
        any |= ((const struct entry *)differ->entries.items[i])->writes_more;
    if (!any)
        return false;
    result = reaches(differ, entry->symbol->twin, &seen);
    unlist_functions(&seen);
    return result;
}

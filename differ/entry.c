// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the old functions and checks where a jump can be written into them.
//
// The jump goes behind the first instruction, which stays in place with the uprobe on it. So no
// thread may come to the overwritten bytes but through that instruction: no branch may lead there,
// and no return. Where that instruction cannot be taken back, the jump goes over it, to the entry
// itself; then no uprobe may be there, and processes are met elsewhere (arming.c).
#include "differ/entry.h"

#include "differ/arming.h"
#include "differ/bind.h"
#include "differ/ipa_ra.h"
#include "differ/old_calls.h"
#include "differ/read.h"

#include <stdlib.h>
#include <string.h>

struct targets {
    uint64_t *items;
    size_t count, room;
};

static void add_target(struct targets *targets, uint64_t address)
{
    if (targets->count == targets->room) {
        targets->room = targets->room ? 2 * targets->room : 4096;
        targets->items = reallocarray(targets->items, targets->room, sizeof(*targets->items));
        if (!targets->items)
            abort();
    }
    targets->items[targets->count++] = address;
}

static int compare_addresses(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Decodes a stretch of code from start; bytes that are no instruction are stepped over. */
static void scan_code(struct differ *differ, const uint8_t *code, size_t size, uint64_t address,
                      struct targets *targets)
{
    struct arch_insn insn;

    while (size) {
        size_t step = 1;

        if (differ->job.arch->decode(differ->decoder, code, size, address,
                                     &differ->reference->absolute, &insn)) {
            step = insn.size;
            if (insn.kind == INSN_CALL || insn.kind == INSN_JUMP || insn.kind == INSN_BRANCH)
                add_target(targets, insn.target);
            else if (insn.kind == INSN_LEA)
                add_target(targets, insn.refs[0]);
        }
        code += step;
        size -= step;
        address += step;
    }
}

int entries_scan(struct differ *differ, struct sc_error **err)
{
    struct image *image = differ->reference;
    struct targets targets = {0};

    for (size_t i = 1; i < image->elf->section_count; i++) {
        const struct elf_section *section = &image->elf->sections[i];
        const uint8_t *data;
        size_t size;

        if (!(section->shdr.sh_flags & SHF_EXECINSTR))
            continue;
        if (elf_section_data(image->elf, section, &data, &size, err) < 0) {
            free(targets.items);
            return -1;
        }
        if (data)
            scan_code(differ, data, size, section->shdr.sh_addr, &targets);
    }
    if (targets.count)
        qsort(targets.items, targets.count, sizeof(*targets.items), compare_addresses);
    differ->branch_targets = targets.items;
    differ->branch_target_count = targets.count;
    return 0;
}

/* The first branch target at or after address; UINT64_MAX for none. */
static uint64_t next_target(const struct differ *differ, uint64_t address)
{
    size_t low = 0, high = differ->branch_target_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (differ->branch_targets[middle] < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < differ->branch_target_count ? differ->branch_targets[low] : UINT64_MAX;
}

/* Entries of a jump table are relative to its start: the piece that the code refers to. */
static uint64_t table_start(const struct relocation *relocation)
{
    const struct section *section = relocation->section;
    uint64_t start = 0;

    for (size_t i = 0; i < section->pieces.count; i++) {
        const struct symbol *piece = section->pieces.items[i];

        if (piece->value <= relocation->offset && piece->value > start)
            start = piece->value;
    }
    return start;
}

/* Where in its function a relocation of data leads. */
static int64_t led_offset(const struct relocation *relocation)
{
    if (relocation->class == RELOC_ABS || relocation->class == RELOC_ABS_NARROW)
        return relocation->delta;
    return relocation->delta - (int64_t)(relocation->offset - table_start(relocation));
}

/* Whether a table or other data of the original object leads to (0, limit) of the function. */
static bool data_leads_inside(const struct symbol *original, int64_t limit)
{
    struct object *object = original->object;

    for (size_t i = 1; i < object->section_count; i++) {
        struct section *section = &object->sections[i];

        if (section->kind != SECTION_RODATA && section->kind != SECTION_DATA)
            continue;
        for (size_t j = 0; j < section->relocation_count; j++) {
            const struct relocation *relocation = &section->relocations[j];
            int64_t to = led_offset(relocation);

            if (relocation->target == original && to > 0 && to < limit)
                return true;
        }
    }
    return false;
}

/*
 * True if the first limit bytes of the function in its object hold the same instructions as those
 * of the linked one: then offsets of the object are right there. A jump that ld or the assembler
 * could make shorter in one of them would shift what follows.
 */
static bool same_beginning(struct differ *differ, const struct entry *entry, uint64_t limit)
{
    const struct arch *arch = differ->job.arch;
    const struct symbol *original = entry->symbol->twin;
    const uint8_t *code = original->section->data;
    struct arch_insn mine, linked;

    if (!code || (limit > entry->old->size && original->size != entry->old->size))
        return false;
    for (uint64_t at = 0; at < limit && at < entry->old->size; at += mine.size) {
        if (at >= original->size ||
            !arch->decode(differ->decoder, code + original->value + at, original->size - at, 0,
                          &differ->reference->absolute, &mine) ||
            !arch->decode(differ->decoder, entry->old_bytes + at, entry->old->size - at, 0,
                          &differ->reference->absolute, &linked) ||
            mine.size != linked.size || mine.kind != linked.kind || mine.id != linked.id)
            return false;
    }
    return true;
}

/* Whether a call returns into [from, to); also one that does not, at the function's end. */
static bool call_ends_inside(struct differ *differ, const struct entry *entry, uint64_t from,
                             uint64_t to)
{
    uint64_t behind = to;
    uint64_t address = entry->old->address;
    size_t left = entry->old->size;
    const uint8_t *code = entry->old_bytes;
    struct arch_insn insn;

    to = to < address + left ? to : address + left;
    while (address < to && left &&
           differ->job.arch->decode(differ->decoder, code, left, address,
                                    &differ->reference->absolute, &insn)) {
        uint64_t end = address + insn.size;
        bool call = insn.kind == INSN_CALL || insn.kind == INSN_CALL_SLOT || insn.indirect_call;

        if (call && end >= from && end < behind)
            return true;
        code += insn.size;
        left -= insn.size;
        address = end;
    }
    return address < to; /* could not be decoded that far */
}

/*
 * How many bytes from the entry on are the function's alone: behind it, up to what comes next,
 * there may be instructions without an effect, to which nothing leads.
 */
static uint64_t room_of(struct differ *differ, const struct entry *entry, uint64_t wanted)
{
    struct image *image = differ->reference;
    uint64_t start = entry->old->address, size = entry->old->size;
    size_t next = image_symbol_from(image, start + size - 1), available;
    const uint8_t *code = image_bytes(image, start, &available);
    struct arch_insn insn;

    while (size < wanted && size < available &&
           differ->job.arch->decode(differ->decoder, code + size, available - size, start + size,
                                    &image->absolute, &insn) &&
           insn.kind == INSN_NOP)
        size += insn.size;
    if (next < image->symbol_count && image->symbols[next].address < start + size)
        return entry->old->size;
    return size;
}

/* Why a jump cannot be written `skip` bytes behind the entry, or NULL. */
static const char *room_obstacle(struct differ *differ, const struct entry *entry, uint8_t skip)
{
    const struct arch *arch = differ->job.arch;
    uint64_t from = entry->old->address + skip, to = from + arch->jump_size;
    uint64_t room = room_of(differ, entry, skip + arch->jump_size);
    const char *why = NULL;

    if (room < skip + arch->jump_size || skip + arch->jump_size > SC_OLD_BYTES_MAX)
        return "the function is too short";
    if (next_target(differ, entry->old->address + 1) < to)
        return skip ? "code jumps to the bytes behind it" : "code jumps into its first bytes";
    if (call_ends_inside(differ, entry, from + !skip, to))
        return "a call returns to these bytes";
    if (!arch->jump_room(differ->decoder, entry->old_bytes, room, skip,
                         (size_t)skip + arch->jump_size, &why))
        return why;
    if (!same_beginning(differ, entry, to - entry->old->address))
        return "it begins otherwise in the object file than in the target";
    if (data_leads_inside(entry->symbol->twin, (int64_t)(to - entry->old->address)))
        return skip ? "a jump table leads to the bytes behind it"
                    : "a jump table leads into its first bytes";
    return NULL;
}

/* Why the jump cannot stand behind the first instruction, or NULL. */
static const char *skip_first_obstacle(struct differ *differ, struct entry *entry)
{
    struct symbol *symbol = entry->symbol;
    const char *why = NULL;

    if (!symbol->section->data)
        return "the new one is empty";
    if (!differ->job.arch->first_insn(differ->decoder, entry->old_bytes, entry->old->size,
                                      symbol->section->data + symbol->value, symbol->size,
                                      &entry->first, &why))
        return why;
    return room_obstacle(differ, entry, entry->first.size);
}

/*
 * Why it cannot stand at the entry, or NULL. Hooks would run when the process is met: before the
 * program has begun, in a static one even without its C library.
 */
static const char *entry_jump_obstacle(struct differ *differ, const struct entry *entry)
{
    uint64_t start = entry->old->address;
    const char *why;

    if (differ->job.no_entry_jumps)
        return "--no-entry-jumps forbids it";
    if (differ->hooks.count)
        return "the patch has hooks, which cannot run before the program does";
    why = room_obstacle(differ, entry, 0);
    if (!why)
        why = arming_find(differ);
    if (!why && arming_inside(differ, start, start + differ->job.arch->jump_size))
        why = "processes begin with it";
    return why ? why : arming_early(differ, start);
}

/* Decides where the jump goes. Why it can go nowhere, or NULL. */
static const char *place_jump(struct differ *differ, struct entry *entry)
{
    uint64_t window;
    const char *why;

    entry->not_behind = skip_first_obstacle(differ, entry);
    why = entry->not_behind ? entry_jump_obstacle(differ, entry) : NULL;
    if (why)
        return why;
    if (entry->not_behind)
        entry->first.size = entry->first.undo_size = 0;
    window = (uint64_t)entry->first.size + differ->job.arch->jump_size;
    entry->old_size = window > entry->old->size ? window : entry->old->size;
    return NULL;
}

static bool find_old_code(struct differ *differ, struct entry *entry)
{
    struct image *image = differ->reference;
    size_t size;

    entry->old_bytes = image_bytes(image, entry->old->address, &size);
    if (!entry->old_bytes || size < entry->old->size || entry->old->size == 0)
        return false;
    return elf_offset_of_vaddr(image->elf, entry->old->address, &entry->old_offset, NULL) == 0;
}

static void refuse_jump(struct differ *differ, const struct entry *entry, const char *why)
{
    const char *name = entry->symbol->name;

    differ_refuse(
        differ, REFUSE_NO_SKIP_FIRST, entry->symbol->object, name,
        "%s cannot be entered behind its first instruction '%s': %s; nor by a jump at its "
        "entry: %s",
        name, entry->first.text, entry->not_behind, why);
}

static struct entry *make_entry(struct differ *differ, struct symbol *symbol)
{
    struct entry *entry = pool_alloc(&differ->pool, sizeof(*entry));
    enum refusal_code code;
    const char *why;

    entry->symbol = symbol;
    entry->old = resolve_symbol(differ, symbol->twin, &code);
    if (!entry->old || !find_old_code(differ, entry)) {
        differ_refuse(differ, entry->old ? REFUSE_SYMBOL_NOT_FOUND : code, symbol->object,
                      symbol->name, "cannot find the code of function %s in the target",
                      symbol->twin->name);
        return NULL;
    }
    why = place_jump(differ, entry);
    if (why) {
        refuse_jump(differ, entry, why);
        return NULL;
    }
    return entry;
}

struct entry *entry_at(const struct differ *differ, uint64_t address)
{
    for (size_t i = 0; i < differ->entries.count; i++)
        if (((struct entry *)differ->entries.items[i])->old->address == address)
            return differ->entries.items[i];
    return NULL;
}

struct entry *entry_referred(struct differ *differ, const struct relocation *relocation,
                             const struct symbol *function)
{
    enum refusal_code why;
    struct image_symbol *target;

    if (!relocation->target || relocation->target->by_content ||
        (relocation->delta != 0 &&
         symbol_family(relocation->target) == symbol_family((struct symbol *)function)))
        return NULL;
    target = resolve_symbol(differ, relocation->target, &why);
    return target ? entry_at(differ, target->address) : NULL;
}

/* True if code of the old function refers to an entry, by the original object's relocations. */
static bool object_refers(struct differ *differ, const struct symbol *function)
{
    const struct section *section = function->section;

    for (size_t i = section_relocation_from(section, function->value);
         i < section->relocation_count &&
         section->relocations[i].offset < function->value + function->size;
         i++)
        if (entry_referred(differ, &section->relocations[i], function))
            return true;
    return false;
}

/* The same by the linked code, which also shows calls that the assembler resolved itself. */
static bool code_refers(struct differ *differ, const struct entry *entry)
{
    uint64_t address = entry->old->address;
    const uint8_t *code = entry->old_bytes;
    size_t left = entry->old->size;
    struct arch_insn insn;

    while (left && differ->job.arch->decode(differ->decoder, code, left, address,
                                            &differ->reference->absolute, &insn)) {
        if (insn.target && entry_at(differ, insn.target))
            return true;
        for (uint8_t i = 0; i < insn.ref_count; i++)
            if (entry_at(differ, insn.refs[i]))
                return true;
        code += insn.size;
        left -= insn.size;
        address += insn.size;
    }
    return left > 0; /* not all of it could be read: stay on the safe side */
}

/*
 * A thread inside an old function that then calls a new one would mix the two versions; they may
 * agree on more than the ABI (IPA-RA, a changed meaning of a parameter).
 */
static void set_flags(struct differ *differ, struct entry *entry)
{
    const struct symbol *original = entry->symbol->twin;
    bool refers = object_refers(differ, original) || code_refers(differ, entry);

    for (size_t i = 0; i < original->children.count; i++)
        refers |= object_refers(differ, original->children.items[i]);
    entry->disagrees = ipa_ra_disagrees(differ, entry);
    if (refers || entry->disagrees)
        entry->flags |= SC_FUNC_QUIESCE;
}

/* A uprobe where processes are met must not be on the bytes of any jump. */
static void keep_arms_apart(struct differ *differ)
{
    for (size_t i = 0; i < differ->entries.count; i++) {
        const struct entry *entry = differ->entries.items[i];
        uint64_t jump = entry->old->address + entry->first.size;

        if (arming_inside(differ, jump, jump + differ->job.arch->jump_size))
            differ_refuse(differ, REFUSE_NO_SKIP_FIRST, entry->symbol->object, entry->symbol->name,
                          "the jump into %s would stand where processes begin",
                          entry->symbol->name);
    }
}

void entries_find(struct differ *differ)
{
    for (size_t i = 0; i < differ->job.object_count; i++) {
        struct object *patched = differ->job.objects[i].patched;

        for (size_t j = 0; patched && j < patched->functions.count; j++) {
            struct symbol *symbol = patched->functions.items[j];
            struct entry *entry;

            if (!symbol->twin || symbol->status != STATUS_CHANGED)
                continue;
            entry = make_entry(differ, symbol);
            /* aliases are several names of one function: one entry */
            if (entry && !entry_at(differ, entry->old->address))
                list_add(&differ->pool, &differ->entries, entry);
        }
    }
    ipa_ra_find(differ);
    for (size_t i = 0; i < differ->entries.count; i++)
        set_flags(differ, differ->entries.items[i]);
    old_calls_find(differ);
    keep_arms_apart(differ);
}

bool entries_jump_at_entry(const struct differ *differ)
{
    for (size_t i = 0; i < differ->entries.count; i++)
        if (((const struct entry *)differ->entries.items[i])->first.size == 0)
            return true;
    return false;
}

const struct entry *entry_of(const struct differ *differ, const struct symbol *symbol)
{
    for (size_t i = 0; i < differ->entries.count; i++) {
        const struct entry *entry = differ->entries.items[i];

        if (entry->symbol->section == symbol->section && entry->symbol->value == symbol->value)
            return entry;
    }
    return NULL;
}

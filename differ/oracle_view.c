// SPDX-License-Identifier: GPL-2.0-or-later
// Decodes all functions of a linked file for the oracle.
#include "differ/oracle.h"

#include "differ/names.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

static bool is_function(const struct image *image, const struct image_symbol *symbol)
{
    const struct elf_section *section;

    if (symbol->type != STT_FUNC || symbol->size == 0)
        return false;
    section = image_section(image, symbol->address);
    return section && (section->shdr.sh_flags & SHF_EXECINSTR);
}

static void add_insn(struct code *code, size_t *room, const struct arch_insn *insn)
{
    if (code->insn_count == *room) {
        *room = *room ? 2 * *room : 32;
        code->insns = reallocarray(code->insns, *room, sizeof(*code->insns));
        if (!code->insns)
            abort();
    }
    code->insns[code->insn_count++] = *insn;
}

/* Where a patch object is taken to be while its own addresses in 32 bits are decoded. */
#define OWN_START UINT64_C(0x60000000)
#define OWN_END UINT64_C(0x70000000)

/*
 * In a patch object the field of an address of its own is empty until the runtime fills it. With
 * the address in it, the instruction is decoded as that of the patched link.
 */
static void decode_own(struct view *view, const uint8_t *bytes, struct arch_insn *insn)
{
    static const struct address_range own = {OWN_START, OWN_END};
    uint8_t copy[sizeof(insn->bytes)] = {0};
    bool found = false;

    memcpy(copy, bytes, insn->size);
    for (size_t i = 0; i < view->runtime_count; i++) {
        const struct sc_patch_rela *rela = &view->runtime[i];
        uint64_t at = rela->place - insn->address;
        uint32_t field = htole32((uint32_t)(OWN_START + (uint64_t)rela->addend));

        if (rela->sym != SC_RELA_SELF || at >= insn->size || at + sizeof(field) > insn->size)
            continue;
        memcpy(copy + at, &field, sizeof(field));
        found = true;
    }
    if (!found || !view->image->arch->decode(view->differ->decoder, copy, insn->size, insn->address,
                                             &own, insn))
        return;
    for (uint8_t i = 0; i < insn->ref_count; i++)
        if (insn->refs[i] >= OWN_START && insn->refs[i] < OWN_END)
            insn->refs[i] -= OWN_START;
}

/* nops are left out: how many there are depends on where the linker put the function. */
static void decode_code(struct view *view, struct code *code)
{
    const struct arch *arch = view->image->arch;
    uint64_t address = code->symbol->address;
    size_t size, left = code->symbol->size, room = 0;
    const uint8_t *bytes = image_bytes(view->image, address, &size);
    const struct address_range *absolute =
        view->target ? &view->target->image->absolute : &view->image->absolute;
    struct arch_insn insn;

    /* of a damaged table of symbols, all might be in all others; these stay incomplete */
    if (!bytes || size < left || left > view->code_left)
        return;
    view->code_left -= left;
    while (left && arch->decode(view->differ->decoder, bytes, left, address, absolute, &insn)) {
        decode_own(view, bytes, &insn);
        if (insn.kind != INSN_NOP)
            add_insn(code, &room, &insn);
        bytes += insn.size;
        left -= insn.size;
        address += insn.size;
    }
    code->complete = left == 0;
}

/* Of the code in the file: functions with several entries overlap, a few times at most. */
#define DECODED_TIMES 8

static uint64_t code_size(const struct image *image)
{
    uint64_t size = 0;

    for (size_t i = 1; i < image->elf->section_count; i++) {
        const GElf_Shdr *shdr = &image->elf->sections[i].shdr;

        if ((shdr->sh_flags & SHF_EXECINSTR) && shdr->sh_type != SHT_NOBITS)
            size += shdr->sh_size;
    }
    return size;
}

static void collect_codes(struct view *view)
{
    struct image *image = view->image;

    view->code_left = DECODED_TIMES * code_size(image);
    view->codes = pool_alloc(image->pool, (image->symbol_count + 1) * sizeof(*view->codes));
    for (size_t i = 0; i < image->symbol_count; i++) {
        struct code *code = &view->codes[view->code_count];

        /* of several names of one function, the first is the best (image.c) */
        if (!is_function(image, &image->symbols[i]) ||
            (view->code_count && code[-1].symbol->address == image->symbols[i].address))
            continue;
        code->symbol = &image->symbols[i];
        code->key = name_key(image->pool, code->symbol->name);
        decode_code(view, code);
        view->code_count++;
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The names of all functions, also those that several have. */
static struct name_index function_names(const struct image *image)
{
    struct name_index index = {0};

    for (size_t i = 0; i < image->symbol_count; i++)
        if (is_function(image, &image->symbols[i]))
            name_index_add(image->pool, &index, image->symbols[i].name, &image->symbols[i]);
    name_index_sort(&index);
    return index;
}

/* Of the same input file; by any of its names. */
static struct code *find_parent(struct view *view, const struct name_index *names,
                                const struct code *part, const char *name)
{
    size_t count;
    struct name_entry *entries = name_index_find(names, name, &count);

    for (size_t i = 0; i < count; i++) {
        const struct image_symbol *symbol = entries[i].item;

        if (same_text(symbol->input, part->symbol->input))
            return view_code_at(view, symbol->address);
    }
    return NULL;
}

/* NAME.cold belongs to the NAME of the same input file. */
static void join_cold_parts(struct view *view)
{
    struct name_index names = function_names(view->image);

    for (size_t i = 0; i < view->code_count; i++)
        list_add(view->image->pool, &view->codes[i].parts, &view->codes[i]);
    for (size_t i = 0; i < view->code_count; i++) {
        struct code *code = &view->codes[i];
        const char *name = name_cold_parent(view->image->pool, code->symbol->name);

        code->parent = name ? find_parent(view, &names, code, name) : NULL;
        if (code->parent)
            list_add(view->image->pool, &code->parent->parts, code);
    }
}

static int compare_addresses(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void add_start(struct view *view, size_t *room, uint64_t address)
{
    if (view->start_count == *room) {
        uint64_t *more = pool_alloc(view->image->pool, (2 * *room + 1024) * sizeof(*more));

        if (view->start_count)
            memcpy(more, view->starts, view->start_count * sizeof(*more));
        view->starts = more;
        *room = 2 * *room + 1024;
    }
    view->starts[view->start_count++] = address;
}

/* Pointers in a section's data that no relocation tells of: in a program at a fixed address. */
static void add_pointers(struct view *view, size_t *room, const struct elf_section *section)
{
    const struct address_range *absolute = &view->image->absolute;
    uint64_t address = (section->shdr.sh_addr + 7) & ~UINT64_C(7);
    size_t left;
    const uint8_t *bytes = image_bytes(view->image, address, &left);

    for (; bytes && left >= 8; bytes += 8, left -= 8) {
        uint64_t value;

        memcpy(&value, bytes, 8);
        if (le64toh(value) >= absolute->start && le64toh(value) < absolute->end)
            add_start(view, room, le64toh(value));
    }
}

/* Where something without a name begins, by what refers to it: code, and pointers in data. */
static void collect_starts(struct view *view)
{
    const struct image *image = view->image;
    size_t room = 0;

    for (size_t i = 0; i < view->code_count; i++)
        for (size_t j = 0; j < view->codes[i].insn_count; j++) {
            const struct arch_insn *insn = &view->codes[i].insns[j];

            for (uint8_t k = 0; k < insn->ref_count; k++)
                if (insn->ref_sizes[k] == 0)
                    add_start(view, &room, insn->refs[k]);
        }
    for (size_t i = 0; i < image->slot_count; i++)
        if (image->slots[i].type == image->arch->dyn_relative)
            add_start(view, &room, (uint64_t)image->slots[i].addend);
    for (size_t i = 1; image->absolute.end && i < image->elf->section_count; i++) {
        const GElf_Shdr *shdr = &image->elf->sections[i].shdr;

        if ((shdr->sh_flags & (SHF_ALLOC | SHF_EXECINSTR)) == SHF_ALLOC &&
            shdr->sh_type != SHT_NOBITS)
            add_pointers(view, &room, &image->elf->sections[i]);
    }
    if (view->start_count)
        qsort(view->starts, view->start_count, sizeof(*view->starts), compare_addresses);
}

static int read_runtime(struct view *view, struct sc_error **err)
{
    const struct elf_section *section = elf_section_find(view->image->elf, SC_PATCH_RELA_SECTION);
    struct sc_patch_rela *rows;
    const uint8_t *data;
    size_t size;

    if (!section)
        return 0;
    if (elf_section_data(view->image->elf, section, &data, &size, err) < 0)
        return -1;
    rows = pool_alloc(view->image->pool, size + 1);
    if (size)
        memcpy(rows, data, size);
    view->runtime = rows;
    view->runtime_count = size / sizeof(*rows);
    return 0;
}

struct view *view_open(struct differ *differ, struct image *image, struct view *target,
                       struct sc_error **err)
{
    struct view *view = pool_alloc(image->pool, sizeof(*view));

    view->differ = differ;
    view->image = image;
    view->target = target;
    if (target)
        target->is_target = true;
    if (target && read_runtime(view, err) < 0)
        return NULL;
    collect_codes(view);
    join_cold_parts(view);
    collect_starts(view);
    view_read_tables(view);
    return view;
}

void view_close(struct view *view)
{
    for (size_t i = 0; view && i < view->code_count; i++) {
        free(view->codes[i].insns);
        view->codes[i].insns = NULL;
    }
}

struct code *view_code_at(const struct view *view, uint64_t address)
{
    size_t low = 0, high = view->code_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (view->codes[middle].symbol->address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 ||
        address - view->codes[low - 1].symbol->address >= view->codes[low - 1].symbol->size)
        return NULL;
    return &view->codes[low - 1];
}

static uint64_t next_start(const struct view *view, uint64_t address)
{
    size_t low = 0, high = view->start_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (view->starts[middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < view->start_count ? view->starts[low] : UINT64_MAX;
}

static uint64_t next_symbol(const struct image *image, uint64_t address)
{
    size_t low = 0, high = image->symbol_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (image->symbols[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < image->symbol_count ? image->symbols[low].address : UINT64_MAX;
}

uint64_t view_boundary(const struct view *view, uint64_t address)
{
    const struct map_range *range =
        view->image->map ? link_map_find(view->image->map, address) : NULL;
    const struct elf_section *section = image_section(view->image, address);
    uint64_t end = next_start(view, address), other = next_symbol(view->image, address);

    end = other < end ? other : end;
    if (section && section->shdr.sh_addr + section->shdr.sh_size < end)
        end = section->shdr.sh_addr + section->shdr.sh_size;
    if (range && range->start + range->size < end)
        end = range->start + range->size;
    return end;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the functions that may be called before a process is met (arming.c).
//
// While ld.so relocates, it calls the resolvers of indirect functions. What a program exports can
// be called by constructors of libraries, since ld.so binds their references to it: without
// -rdynamic, ld exports just what some library refers to. A library can be called before its own
// constructors run only by what has no dependency on it, and that is known for the allocators,
// which ld.so and the C library look up by name.
#include "differ/arming.h"

#include <string.h>

/* What is found; differ->early. */
struct early {
    bool everything;      /* some of it calls through a pointer, or cannot be read */
    struct list reached;  /* struct image_symbol */
    struct list pointers; /* struct image_symbol: their addresses are taken by what is reached */
    bool *marks;          /* by index in image->symbols: in reached */
    bool imports;         /* some of it calls functions of other files, which may call back */
};

static void reach(struct differ *differ, struct early *early, uint64_t address)
{
    struct image *image = differ->reference;
    struct image_symbol *symbol = image_symbol_at(image, address);
    size_t index;

    if (!symbol) {
        early->everything = true;
        return;
    }
    index = (size_t)(symbol - image->symbols);
    if (early->marks[index])
        return;
    early->marks[index] = true;
    list_add(&differ->pool, &early->reached, symbol);
}

static bool is_code(const struct image *image, uint64_t address)
{
    const struct elf_section *section = image_section(image, address);

    return section && (section->shdr.sh_flags & SHF_EXECINSTR);
}

/* Control goes to what a slot holds. */
static void reach_slot(struct differ *differ, struct early *early, const struct image_slot *slot)
{
    const struct arch *arch = differ->job.arch;

    if (!slot || slot->type == arch->dyn_irelative)
        early->everything = true;
    else if (slot->type == arch->dyn_relative)
        reach(differ, early, (uint64_t)slot->addend);
    else if (slot->symbol && slot->symbol->defined)
        reach(differ, early, slot->symbol->address);
    else
        early->imports = true;
}

static void reach_target(struct differ *differ, struct early *early, uint64_t target)
{
    const struct image_plt *plt = image_plt(differ->reference, target);

    if (plt)
        reach_slot(differ, early, plt->slot);
    else
        reach(differ, early, target);
}

/* What one instruction of a function that is reached leads to. */
static void follow(struct differ *differ, struct early *early, const struct image_symbol *symbol,
                   const struct arch_insn *insn)
{
    struct image *image = differ->reference;

    if (insn->kind == INSN_CALL || insn->kind == INSN_JUMP || insn->kind == INSN_BRANCH) {
        if (insn->target - symbol->address >= symbol->size)
            reach_target(differ, early, insn->target);
    } else if (insn->kind == INSN_CALL_SLOT || insn->kind == INSN_JUMP_SLOT) {
        reach_slot(differ, early, image_slot(image, insn->refs[0]));
    } else if (insn->indirect || insn->indirect_call) {
        early->everything = true;
    }
    for (uint8_t i = 0; i < insn->ref_count; i++)
        if (is_code(image, insn->refs[i]) && image_symbol_at(image, insn->refs[i]))
            list_add(&differ->pool, &early->pointers, image_symbol_at(image, insn->refs[i]));
}

static void follow_function(struct differ *differ, struct early *early,
                            const struct image_symbol *symbol)
{
    uint64_t address = symbol->address;
    size_t left = symbol->size, room;
    const uint8_t *code = image_bytes(differ->reference, address, &room);
    struct arch_insn insn;

    if (!code || room < left) {
        early->everything = true;
        return;
    }
    while (left && differ->job.arch->decode(differ->decoder, code, left, address,
                                            &differ->reference->absolute, &insn)) {
        follow(differ, early, symbol, &insn);
        code += insn.size;
        left -= insn.size;
        address += insn.size;
    }
    if (left)
        early->everything = true;
}

/* Everything that is reached from what is known; pointers only once somebody may follow them. */
static void follow_all(struct differ *differ, struct early *early)
{
    size_t next = 0, pointer = 0;

    while (!early->everything) {
        if (next < early->reached.count)
            follow_function(differ, early, early->reached.items[next++]);
        else if (early->imports && pointer < early->pointers.count)
            reach(differ, early,
                  ((struct image_symbol *)early->pointers.items[pointer++])->address);
        else
            break;
    }
}

static void reach_resolvers(struct differ *differ, struct early *early)
{
    struct image *image = differ->reference;

    for (size_t i = 0; i < image->symbol_count; i++)
        if (image->symbols[i].type == STT_GNU_IFUNC)
            reach(differ, early, image->symbols[i].address);
    for (size_t i = 0; i < image->slot_count; i++)
        if (image->slots[i].type == differ->job.arch->dyn_irelative)
            reach(differ, early, (uint64_t)image->slots[i].addend);
}

/* Pointers to functions in data that libraries know by its name. */
static void reach_pointers(struct differ *differ, struct early *early,
                           const struct image_symbol *object)
{
    struct image *image = differ->reference;
    const uint8_t *bytes;
    uint64_t word;
    size_t room;

    for (size_t i = image_slot_from(image, object->address);
         i < image->slot_count && image->slots[i].address < object->address + object->size; i++)
        if (image->slots[i].type == differ->job.arch->dyn_relative &&
            is_code(image, (uint64_t)image->slots[i].addend))
            reach(differ, early, (uint64_t)image->slots[i].addend);
    bytes = image->absolute.end ? image_bytes(image, object->address, &room) : NULL;
    if (!bytes || room < object->size)
        return;
    for (size_t at = 0; at + sizeof(word) <= object->size; at += sizeof(word)) {
        memcpy(&word, bytes + at, sizeof(word));
        if (is_code(image, le64toh(word)))
            reach(differ, early, le64toh(word));
    }
}

/* Allocators by their C names, and operators new and delete by their mangled ones. */
static bool is_allocator(const char *name)
{
    static const char *const names[] = {
        "malloc",        "calloc",   "realloc",        "free",   "cfree",
        "aligned_alloc", "memalign", "posix_memalign", "valloc", "malloc_usable_size",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return strncmp(name, "_Znw", 4) == 0 || strncmp(name, "_Zna", 4) == 0 ||
           strncmp(name, "_Zdl", 4) == 0 || strncmp(name, "_Zda", 4) == 0;
}

static void reach_exports(struct differ *differ, struct early *early)
{
    struct image *image = differ->reference;

    for (size_t i = 1; i < image->dynamic_count; i++) {
        const struct image_symbol *symbol = &image->dynamic[i];

        if (!symbol->defined || symbol->type == STT_TLS ||
            (image->is_library && !is_allocator(symbol->name)))
            continue;
        if (is_code(image, symbol->address))
            reach(differ, early, symbol->address);
        else if (symbol->type == STT_OBJECT)
            reach_pointers(differ, early, symbol);
    }
}

static struct early *find_early(struct differ *differ)
{
    struct image *image = differ->reference;
    struct early *early = pool_alloc(&differ->pool, sizeof(*early));

    early->marks = pool_alloc(&differ->pool, image->symbol_count + 1);
    /* A program without a dynamic linker does all that itself, behind its entry point. */
    if (!image->dynamically_linked)
        return early;
    reach_resolvers(differ, early);
    reach_exports(differ, early);
    follow_all(differ, early);
    return early;
}

const char *arming_early(struct differ *differ, uint64_t address)
{
    struct early *early = differ->early;

    if (!early)
        early = differ->early = find_early(differ);
    if (early->everything)
        return "any function may be called before the target's entry point: what it exports, or a "
               "resolver of an indirect function, calls through pointers";
    for (size_t i = 0; i < early->reached.count; i++)
        if (((const struct image_symbol *)early->reached.items[i])->address == address)
            return "it may be called before the target's entry point: by a resolver of an indirect "
                   "function, or by a library that uses what the target exports";
    return NULL;
}

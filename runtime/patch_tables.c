// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the tables of a patch object that are not part of ELF: functions, symbols, names.
#include "runtime/arch/arch.h"
#include "runtime/patch_object_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The name of a section if it is NUL-terminated inside the string table, else NULL. */
static const char *section_name(const struct patch_object *patch, const Elf64_Shdr *strings,
                                uint32_t name)
{
    const char *start;

    if (strings->sh_type != SHT_STRTAB ||
        !patch_range_inside(strings->sh_offset, strings->sh_size, patch->size) ||
        name >= strings->sh_size)
        return NULL;
    start = (const char *)patch->file + strings->sh_offset + name;
    return memchr(start, '\0', strings->sh_size - name) ? start : NULL;
}

static void section_read(const struct patch_object *patch, const Elf64_Ehdr *ehdr, size_t index,
                         Elf64_Shdr *shdr)
{
    memcpy(shdr, patch->file + ehdr->e_shoff + index * sizeof(*shdr), sizeof(*shdr));
}

int patch_section_find(const struct patch_object *patch, const Elf64_Ehdr *ehdr, const char *name,
                       const uint8_t **data, size_t *size, struct sc_error **err)
{
    Elf64_Shdr strings;

    *data = NULL;
    *size = 0;
    section_read(patch, ehdr, ehdr->e_shstrndx, &strings);
    for (size_t i = 1; i < ehdr->e_shnum; i++) {
        Elf64_Shdr shdr;
        const char *found;

        section_read(patch, ehdr, i, &shdr);
        found = section_name(patch, &strings, shdr.sh_name);
        if (!found)
            return patch_refuse(err, "name of a section");
        if (strcmp(found, name) != 0)
            continue;
        if (*data || shdr.sh_type != SHT_PROGBITS || (shdr.sh_flags & SHF_COMPRESSED) ||
            !patch_range_inside(shdr.sh_offset, shdr.sh_size, patch->size))
            return sc_error_set(err, SC_REFUSED, "damaged patch object: section %s", name);
        *data = patch->file + shdr.sh_offset;
        *size = shdr.sh_size;
    }
    return 0;
}

/* Copies a table out of the file, where it need not be aligned. */
static int table_copy(const struct patch_object *patch, const Elf64_Ehdr *ehdr, const char *name,
                      size_t record, void **table, size_t *count, struct sc_error **err)
{
    const uint8_t *data;
    size_t size;

    if (patch_section_find(patch, ehdr, name, &data, &size, err) < 0)
        return -1;
    if (size % record)
        return sc_error_set(err, SC_REFUSED, "damaged patch object: size of %s", name);
    *count = size / record;
    *table = malloc(size + 1);
    if (!*table)
        return sc_error_set(err, SC_FAILED, "out of memory");
    if (size)
        memcpy(*table, data, size);
    return 0;
}

static int strings_load(struct patch_object *patch, const Elf64_Ehdr *ehdr, struct sc_error **err)
{
    const uint8_t *data;

    if (patch_section_find(patch, ehdr, SC_PATCH_STRTAB_SECTION, &data, &patch->strings_size, err) <
        0)
        return -1;
    if (!data || patch->strings_size == 0 || data[0] != '\0' ||
        data[patch->strings_size - 1] != '\0')
        return patch_refuse(err, SC_PATCH_STRTAB_SECTION);
    patch->strings = (const char *)data;
    return 0;
}

/* True if the address is in code of the patch. */
static bool code_at(const struct patch_object *patch, uint64_t vaddr, uint64_t size)
{
    const struct patch_segment *segment = patch_segment_at(patch, vaddr, size);

    return segment && (segment->prot & PROT_EXEC);
}

/* How the way in fits the place where the jump stands. */
static bool strategy_valid(const struct sc_patch_func *func)
{
    uint8_t bytes[ARCH_JUMP_MAX];

    switch (func->strategy) {
    case SC_STRATEGY_SKIP_FIRST:
        return func->jump_offset >= 1 && func->jump_offset <= 15;
    case SC_STRATEGY_ENTRY:
        return func->jump_offset == 0;
    case SC_STRATEGY_CALL:
        return func->jump_offset == 0 && func->old_size == func->jump_size && func->flags == 0 &&
               arch_branch_encode(0, func->old_bytes, 0, bytes);
    default:
        return false;
    }
}

static bool func_valid(const struct patch_object *patch, const struct sc_patch_func *func)
{
    static const uint8_t zero[sizeof(func->pad)];
    size_t window = (size_t)func->jump_offset + func->jump_size;
    uint64_t end;

    if ((func->flags & ~(uint32_t)SC_FUNC_QUIESCE) || memcmp(func->pad, zero, sizeof(zero)) != 0)
        return false;
    if (!strategy_valid(func) || func->jump_size != arch_jump_size() || window > SC_OLD_BYTES_MAX ||
        window > func->old_size)
        return false;
    if (__builtin_add_overflow(func->old_vaddr, func->old_size, &end) || end > INT64_MAX ||
        func->old_offset > INT64_MAX)
        return false;
    return func->name > 0 && func->name < patch->strings_size && func->new_size > 0 &&
           code_at(patch, func->new_vaddr, func->new_size) &&
           code_at(patch, func->trampoline_vaddr, 1);
}

static int func_order(const void *a, const void *b)
{
    const struct sc_patch_func *left = a;
    const struct sc_patch_func *right = b;

    return (left->old_vaddr > right->old_vaddr) - (left->old_vaddr < right->old_vaddr);
}

/*
 * Functions lie apart from each other, and so do the bytes that are written. A call may lie within
 * a function.
 */
static bool funcs_apart(const struct patch_object *patch)
{
    uint64_t function_end = 0, written_end = 0;

    for (size_t i = 0; i < patch->func_count; i++) {
        const struct sc_patch_func *func = &patch->funcs[i];
        uint64_t jump = func->old_vaddr + func->jump_offset;

        if (func->old_vaddr < written_end ||
            (!patch_func_is_call(func) && func->old_vaddr < function_end))
            return false;
        if (!patch_func_is_call(func))
            function_end = func->old_vaddr + func->old_size;
        written_end = jump + func->jump_size;
    }
    return function_end > 0; /* not calls alone */
}

static int funcs_load(struct patch_object *patch, const Elf64_Ehdr *ehdr, struct sc_error **err)
{
    void *table = NULL;

    if (table_copy(patch, ehdr, SC_PATCH_FUNCS_SECTION, sizeof(*patch->funcs), &table,
                   &patch->func_count, err) < 0)
        return -1;
    patch->funcs = table;
    if (patch->func_count == 0 || patch->func_count > PATCH_FUNCS_MAX)
        return patch_refuse(err, "number of functions");
    for (size_t i = 0; i < patch->func_count; i++)
        if (!func_valid(patch, &patch->funcs[i]))
            return sc_error_set(err, SC_REFUSED, "damaged patch object: function record %zu", i);
    qsort(patch->funcs, patch->func_count, sizeof(*patch->funcs), func_order);
    return funcs_apart(patch) ? 0 : patch_refuse(err, "two function records overlap");
}

static bool sym_valid(const struct patch_object *patch, const struct sc_patch_sym *sym)
{
    bool import = sym->kind == SC_SYM_IMPORT;

    if (sym->kind < SC_SYM_FUNC || sym->kind > SC_SYM_WORD || sym->pad[0] || sym->pad[1] ||
        (sym->flags & ~SC_SYM_WEAK) || (sym->flags && !import))
        return false;
    if (sym->name >= patch->strings_size || sym->version >= patch->strings_size ||
        sym->library >= patch->strings_size || sym->target_vaddr > INT64_MAX - 8)
        return false;
    return import ? sym->name && !sym->target_vaddr : !sym->version && !sym->library;
}

static int syms_load(struct patch_object *patch, const Elf64_Ehdr *ehdr, struct sc_error **err)
{
    void *table = NULL;

    if (table_copy(patch, ehdr, SC_PATCH_SYM_SECTION, sizeof(*patch->syms), &table,
                   &patch->sym_count, err) < 0)
        return -1;
    patch->syms = table;
    for (size_t i = 0; i < patch->sym_count; i++) {
        const struct sc_patch_sym *sym = &patch->syms[i];

        if (!sym_valid(patch, sym))
            return sc_error_set(err, SC_REFUSED, "damaged patch object: symbol record %zu", i);
    }
    return 0;
}

static bool hook_valid(const struct patch_object *patch, const struct sc_patch_hook *hook,
                       bool first)
{
    const struct patch_segment *states =
        patch_segment_at(patch, hook->state_vaddr, sizeof(struct sc_hook_state));

    if (!states || !(states->prot & PROT_WRITE) || hook->name >= patch->strings_size)
        return false;
    if (first)
        return hook->kind == SC_HOOK_STAGE && hook->call_vaddr == 0;
    return hook->kind >= SC_HOOK_PRE_APPLY && hook->kind <= SC_HOOK_POST_REVERT &&
           code_at(patch, hook->call_vaddr, 1);
}

static int hooks_load(struct patch_object *patch, const Elf64_Ehdr *ehdr, struct sc_error **err)
{
    void *table = NULL;

    if (table_copy(patch, ehdr, SC_PATCH_HOOKS_SECTION, sizeof(*patch->hooks), &table,
                   &patch->hook_count, err) < 0)
        return -1;
    patch->hooks = table;
    if (patch->hook_count > PATCH_HOOKS_MAX)
        return patch_refuse(err, "number of hooks");
    for (size_t i = 0; i < patch->hook_count; i++)
        if (!hook_valid(patch, &patch->hooks[i], i == 0))
            return sc_error_set(err, SC_REFUSED, "damaged patch object: hook record %zu", i);
    return 0;
}

/* Its probe must be on no jump: the kernel's breakpoint would break that. */
static bool arm_valid(const struct patch_object *patch, const struct sc_patch_arm *arm)
{
    if (arm->vaddr > INT64_MAX || arm->offset > INT64_MAX || !arm->size || arm->size > SC_ARM_BYTES)
        return false;
    for (size_t i = 0; i < patch->func_count; i++) {
        const struct sc_patch_func *func = &patch->funcs[i];
        int64_t distance = (int64_t)(func->old_vaddr - arm->vaddr);

        if (arm->vaddr - (func->old_vaddr + func->jump_offset) < func->jump_size ||
            distance != (int32_t)distance)
            return false;
    }
    return true;
}

/* With a jump at an entry there must be a place where processes are met, and no hook. */
static int arms_load(struct patch_object *patch, const Elf64_Ehdr *ehdr, struct sc_error **err)
{
    void *table = NULL;
    bool needed = false;

    if (table_copy(patch, ehdr, SC_PATCH_ARM_SECTION, sizeof(*patch->arms), &table,
                   &patch->arm_count, err) < 0)
        return -1;
    patch->arms = table;
    for (size_t i = 0; i < patch->func_count; i++)
        needed |= patch->funcs[i].strategy == SC_STRATEGY_ENTRY;
    if (patch->arm_count > PATCH_ARMS_MAX || needed != (patch->arm_count > 0))
        return patch_refuse(err, "number of arming records");
    if (needed && patch->hook_count)
        return patch_refuse(err, "hooks beside a jump at an entry");
    for (size_t i = 0; i < patch->arm_count; i++)
        if (!arm_valid(patch, &patch->arms[i]))
            return sc_error_set(err, SC_REFUSED, "damaged patch object: arming record %zu", i);
    return 0;
}

int patch_tables_load(struct patch_object *patch, const Elf64_Ehdr *ehdr, struct sc_error **err)
{
    if (strings_load(patch, ehdr, err) < 0 || funcs_load(patch, ehdr, err) < 0)
        return -1;
    if (syms_load(patch, ehdr, err) < 0 || hooks_load(patch, ehdr, err) < 0)
        return -1;
    return arms_load(patch, ehdr, err);
}

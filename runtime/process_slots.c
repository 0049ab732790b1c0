// SPDX-License-Identifier: GPL-2.0-or-later
// Finds out what an indirect function has been resolved to, from the slots that ld.so has filled.
//
// Its resolver has run long ago, and cannot be called in a process that stands still. But the
// library that defines it mostly calls it too, through a slot of type IRELATIVE whose addend is the
// resolver (45 of the 58 that glibc 2.36 exports); other libraries have slots by its name.
#include "lib/cleanup.h"
#include "runtime/arch/arch.h"
#include "runtime/process_symbol.h"

#include <string.h>
#include <sys/mman.h>

#define RELAS_MAX (1u << 22)

/* What is looked for in the slots. */
struct slot_search {
    const struct process_modules *modules;
    const struct symbol_query *query;
    const struct symbol_match *match;
    uint64_t address;
    bool found;
};

/*
 * True if the address is code of the module that defines the function, or of the kernel's: time(2)
 * is resolved to the vdso. A slot that is not bound yet leads back into the PLT of its module, one
 * that is bound to another definition somewhere else.
 */
static bool is_code(const struct slot_search *search, uint64_t address)
{
    const struct process_map *map = process_map_at(search->modules->process, address);
    const struct process_module *owner = &search->modules->items[search->match->module];

    return map && (map->prot & PROT_EXEC) &&
           (module_holds(owner, address, 1) || map->kind == PROCESS_MAP_VDSO);
}

static int slot_take(struct slot_search *search, const struct process_module *module,
                     uint64_t offset, struct sc_error **err)
{
    uint64_t address;

    if (!module_read(search->modules, module, module->elf.bias + offset, &address,
                     sizeof(address)) ||
        !is_code(search, address))
        return 0;
    if (search->found && search->address != address)
        return sc_error_set(err, SC_REFUSED, "%s is bound to several addresses",
                            search->query->name);
    search->found = true;
    search->address = address;
    return 0;
}

/* True if the relocation's symbol is the one asked for; its version is that of its library. */
static bool is_symbol(const struct slot_search *search, const struct process_module *module,
                      uint64_t number)
{
    cleanup_free char *name = NULL;
    cleanup_free char *version = NULL;
    Elf64_Sym sym;

    if (!module->symtab || !number ||
        !module_read(search->modules, module, module->symtab + number * sizeof(sym), &sym,
                     sizeof(sym)) ||
        sym.st_shndx != SHN_UNDEF)
        return false;
    name = module_string(search->modules, module, sym.st_name);
    if (!name || strcmp(name, search->query->name) != 0)
        return false;
    version = module_symbol_version(search->modules, module, (uint32_t)number);
    return version && search->query->version ? strcmp(version, search->query->version) == 0
                                             : !version && !search->query->version;
}

static int table_search(struct slot_search *search, const struct process_module *module,
                        const struct module_table *table, bool resolver, struct sc_error **err)
{
    size_t count = table->size / sizeof(Elf64_Rela);
    cleanup_free Elf64_Rela *relas = NULL;

    if (!table->address || !count || count > RELAS_MAX)
        return 0;
    relas = malloc(count * sizeof(*relas));
    if (!relas)
        return sc_error_set(err, SC_FAILED, "out of memory");
    if (!module_read(search->modules, module, table->address, relas, count * sizeof(*relas)))
        return sc_error_set(err, SC_FAILED, "relocations of a library cannot be read");
    for (size_t i = 0; i < count; i++) {
        enum arch_slot kind = arch_slot_kind((uint32_t)ELF64_R_TYPE(relas[i].r_info));
        bool hit = resolver ? kind == ARCH_SLOT_RESOLVER &&
                                  (uint64_t)relas[i].r_addend == search->match->value
                            : kind == ARCH_SLOT_SYMBOL && relas[i].r_addend == 0 &&
                                  is_symbol(search, module, ELF64_R_SYM(relas[i].r_info));

        if (hit && slot_take(search, module, relas[i].r_offset, err) < 0)
            return -1;
    }
    return 0;
}

static int module_search(struct slot_search *search, size_t module, bool resolver,
                         struct sc_error **err)
{
    const struct process_module *item = &search->modules->items[module];

    if (table_search(search, item, &item->rela, resolver, err) < 0)
        return -1;
    return table_search(search, item, &item->jmprel, resolver, err);
}

/* The list of the defining module: slots in other namespaces are bound to other copies. */
static const struct module_space *space_with(const struct process_modules *modules, size_t module)
{
    for (size_t s = 0; s < modules->space_count; s++)
        for (size_t i = 0; i < modules->spaces[s].count; i++)
            if (modules->spaces[s].order[i] == module)
                return &modules->spaces[s];
    return NULL;
}

int process_symbol_resolved(const struct process_modules *modules, const struct symbol_query *query,
                            const struct symbol_match *match, uint64_t *address,
                            struct sc_error **err)
{
    struct slot_search search = {.modules = modules, .query = query, .match = match};
    const struct module_space *space = space_with(modules, match->module);

    if (module_search(&search, match->module, true, err) < 0)
        return -1;
    for (size_t i = 0; !search.found && space && i < space->count; i++)
        if (space->order[i] != match->module &&
            module_search(&search, space->order[i], false, err) < 0)
            return -1;
    *address = search.address;
    return search.found;
}

/* What one slot says about the order of the scopes. */
static enum symbol_order slot_order(const struct process_modules *modules, size_t target,
                                    const struct module_scope *scope, const Elf64_Rela *rela)
{
    const struct process_module *module = &modules->items[target];
    uint64_t number = ELF64_R_SYM(rela->r_info), value;
    cleanup_free char *name = NULL;
    cleanup_free char *version = NULL;
    struct symbol_match global, local;
    struct symbol_query query = {0};
    Elf64_Sym sym;

    if (arch_slot_kind((uint32_t)ELF64_R_TYPE(rela->r_info)) != ARCH_SLOT_SYMBOL ||
        rela->r_addend ||
        !module_read(modules, module, module->symtab + number * sizeof(sym), &sym, sizeof(sym)) ||
        !module_read(modules, module, module->elf.bias + rela->r_offset, &value, sizeof(value)))
        return SYMBOL_ORDER_UNKNOWN;
    query.name = name = module_string(modules, module, sym.st_name);
    query.version = version = module_symbol_version(modules, module, (uint32_t)number);
    if (!name ||
        module_list_find(modules, scope->global, scope->global_count, &query, &global, NULL) <= 0 ||
        module_list_find(modules, scope->local[0].order, scope->local[0].count, &query, &local,
                         NULL) <= 0 ||
        global.address == local.address || global.indirect || local.indirect)
        return SYMBOL_ORDER_UNKNOWN;
    return value == global.address  ? SYMBOL_ORDER_GLOBAL
           : value == local.address ? SYMBOL_ORDER_LOCAL
                                    : SYMBOL_ORDER_UNKNOWN;
}

static enum symbol_order table_order(const struct process_modules *modules, size_t target,
                                     const struct module_scope *scope,
                                     const struct module_table *table)
{
    size_t count = table->size / sizeof(Elf64_Rela);
    enum symbol_order order = SYMBOL_ORDER_UNKNOWN;

    for (size_t i = 0; table->address && i < count && i < RELAS_MAX && !order; i++) {
        Elf64_Rela rela;

        if (!module_read(modules, &modules->items[target], table->address + i * sizeof(rela), &rela,
                         sizeof(rela)))
            break;
        order = slot_order(modules, target, scope, &rela);
    }
    return order;
}

enum symbol_order process_symbol_order(const struct process_modules *modules, size_t target,
                                       const struct module_scope *scope)
{
    const struct process_module *module = &modules->items[target];
    enum symbol_order order = table_order(modules, target, scope, &module->jmprel);

    return order ? order : table_order(modules, target, scope, &module->rela);
}

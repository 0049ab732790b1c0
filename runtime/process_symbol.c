// SPDX-License-Identifier: GPL-2.0-or-later
// Symbol lookup in the memory of a process: hash tables, versions, scopes.
#include "runtime/process_symbol.h"
#include "lib/cleanup.h"

#include <string.h>

#define CHAIN_MAX (1u << 20)
#define VERSIONS_MAX 4096
#define VERSION_HIDDEN 0x8000
#define VERSION_INDEX 0x7fff

/* One lookup in one module. */
struct search {
    const struct process_modules *modules;
    const struct process_module *module;
    const struct symbol_query *query;
    /* a symbol of some version, for a reference without: taken when it is the only one */
    Elf64_Sym versioned;
    size_t versioned_count;
};

static int unreadable(const struct search *search, struct sc_error **err)
{
    return sc_error_set(err, SC_FAILED, "the symbols of %s cannot be read",
                        search->module->path ? search->module->path : "a library");
}

static bool search_read(const struct search *search, uint64_t address, void *data, size_t size)
{
    return module_read(search->modules, search->module, address, data, size);
}

/* The version of an index that verdef gives; the base version is none. NULL when there is none. */
static char *defined_version(const struct search *search, uint16_t index)
{
    uint64_t at = search->module->verdef;

    for (uint64_t i = 0; at && i < search->module->verdef_count && i < VERSIONS_MAX; i++) {
        Elf64_Verdef def;
        Elf64_Verdaux name;

        if (!search_read(search, at, &def, sizeof(def)))
            return NULL;
        if ((def.vd_ndx & VERSION_INDEX) == index && !(def.vd_flags & VER_FLG_BASE))
            return search_read(search, at + def.vd_aux, &name, sizeof(name))
                       ? module_string(search->modules, search->module, name.vda_name)
                       : NULL;
        at = def.vd_next ? at + def.vd_next : 0;
    }
    return NULL;
}

/* The same by verneed: undefined symbols that stand for a PLT entry have such a version. */
static char *needed_version(const struct search *search, uint16_t index)
{
    uint64_t at = search->module->verneed;

    for (uint64_t i = 0; at && i < search->module->verneed_count && i < VERSIONS_MAX; i++) {
        Elf64_Verneed need;
        uint64_t aux;

        if (!search_read(search, at, &need, sizeof(need)))
            return NULL;
        aux = at + need.vn_aux;
        for (uint16_t j = 0; j < need.vn_cnt; j++) {
            Elf64_Vernaux name;

            if (!search_read(search, aux, &name, sizeof(name)))
                return NULL;
            if ((name.vna_other & VERSION_INDEX) == index)
                return module_string(search->modules, search->module, name.vna_name);
            if (!name.vna_next)
                break;
            aux += name.vna_next;
        }
        at = need.vn_next ? at + need.vn_next : 0;
    }
    return NULL;
}

static char *version_name(const struct search *search, uint16_t index)
{
    char *name = defined_version(search, index);

    return name ? name : needed_version(search, index);
}

char *module_symbol_version(const struct process_modules *modules,
                            const struct process_module *module, uint32_t number)
{
    struct search search = {.modules = modules, .module = module};
    uint16_t index;

    if (!module->versym || !search_read(&search, module->versym + (uint64_t)number * sizeof(index),
                                        &index, sizeof(index)))
        return NULL;
    return version_name(&search, index & VERSION_INDEX);
}

/*
 * glibc, check_match: with a version asked for, that one, or an unversioned symbol; without one,
 * the first two indices (local, global) or the oldest version, else the only visible one.
 */
static bool version_matches(struct search *search, uint32_t number, const Elf64_Sym *sym)
{
    cleanup_free char *name = NULL;
    uint16_t version;
    uint16_t index;

    if (!search->module->versym)
        return true;
    if (!search_read(search, search->module->versym + (uint64_t)number * sizeof(version), &version,
                     sizeof(version)))
        return false;
    index = version & VERSION_INDEX;
    if (search->query->version) {
        name = version_name(search, index);
        return name ? strcmp(name, search->query->version) == 0 : !(version & VERSION_HIDDEN);
    }
    if (index < 3)
        return true;
    if (!(version & VERSION_HIDDEN) && search->versioned_count++ == 0)
        search->versioned = *sym;
    return false;
}

/* 1 if the symbol of that number is what is looked for, 0 if not, -1 with err set. */
static int symbol_check(struct search *search, uint32_t number, Elf64_Sym *sym,
                        struct sc_error **err)
{
    cleanup_free char *name = NULL;
    uint8_t visibility, type;

    if (!search_read(search, search->module->symtab + (uint64_t)number * sizeof(*sym), sym,
                     sizeof(*sym)))
        return unreadable(search, err);
    type = ELF64_ST_TYPE(sym->st_info);
    visibility = ELF64_ST_VISIBILITY(sym->st_other);
    /* An undefined one with a value is the PLT entry that is the function's address. */
    if ((sym->st_value == 0 && sym->st_shndx != SHN_ABS && type != STT_TLS) ||
        (sym->st_shndx == SHN_UNDEF && type == STT_TLS) ||
        ELF64_ST_BIND(sym->st_info) == STB_LOCAL || visibility == STV_HIDDEN ||
        visibility == STV_INTERNAL)
        return 0;
    if (type > STT_COMMON && type != STT_TLS && type != STT_GNU_IFUNC)
        return 0;
    name = module_string(search->modules, search->module, sym->st_name);
    return name && strcmp(name, search->query->name) == 0 && version_matches(search, number, sym);
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;

    for (; *name; name++)
        hash = hash * 33 + (uint8_t)*name;
    return hash;
}

/* gABI, "Hash Table". */
static uint32_t sysv_hash(const char *name)
{
    uint32_t hash = 0;

    for (; *name; name++) {
        uint32_t high;

        hash = (hash << 4) + (uint8_t)*name;
        high = hash & 0xf0000000;
        hash = (hash ^ (high >> 24)) & ~high;
    }
    return hash;
}

struct gnu_header {
    uint32_t buckets, first, words, shift;
};

/* The bloom filter says for most libraries that they do not have it, with a single read. */
static int gnu_bloom(const struct search *search, const struct gnu_header *header, uint32_t hash,
                     struct sc_error **err)
{
    uint64_t word;
    uint64_t at = search->module->gnu_hash + sizeof(*header) +
                  (uint64_t)((hash / 64) % header->words) * sizeof(word);

    if (!search_read(search, at, &word, sizeof(word)))
        return unreadable(search, err);
    return (word >> (hash % 64)) & (word >> ((hash >> (header->shift & 31)) % 64)) & 1;
}

static int gnu_search(struct search *search, Elf64_Sym *sym, struct sc_error **err)
{
    uint32_t hash = gnu_hash(search->query->name);
    struct gnu_header header;
    uint64_t buckets, chain;
    uint32_t number;
    int result;

    if (!search_read(search, search->module->gnu_hash, &header, sizeof(header)))
        return unreadable(search, err);
    if (!header.buckets || !header.words)
        return 0;
    result = gnu_bloom(search, &header, hash, err);
    if (result <= 0)
        return result;
    buckets = search->module->gnu_hash + sizeof(header) + (uint64_t)header.words * 8;
    chain = buckets + (uint64_t)header.buckets * 4;
    if (!search_read(search, buckets + (uint64_t)(hash % header.buckets) * 4, &number,
                     sizeof(number)))
        return unreadable(search, err);
    if (number < header.first)
        return 0;
    for (uint32_t i = 0; i < CHAIN_MAX; i++, number++) {
        uint32_t value;

        if (!search_read(search, chain + (uint64_t)(number - header.first) * 4, &value,
                         sizeof(value)))
            return unreadable(search, err);
        if ((value | 1) == (hash | 1)) {
            result = symbol_check(search, number, sym, err);
            if (result)
                return result;
        }
        if (value & 1)
            return 0;
    }
    return unreadable(search, err);
}

static int sysv_search(struct search *search, Elf64_Sym *sym, struct sc_error **err)
{
    uint32_t header[2]; /* buckets, chains */
    uint32_t number;
    uint64_t table = search->module->hash;

    if (!search_read(search, table, header, sizeof(header)))
        return unreadable(search, err);
    if (!header[0])
        return 0;
    table += sizeof(header);
    if (!search_read(search, table + (uint64_t)(sysv_hash(search->query->name) % header[0]) * 4,
                     &number, sizeof(number)))
        return unreadable(search, err);
    for (uint32_t i = 0; number && i < CHAIN_MAX; i++) {
        int result = symbol_check(search, number, sym, err);

        if (result)
            return result;
        if (number >= header[1] || !search_read(search, table + ((uint64_t)header[0] + number) * 4,
                                                &number, sizeof(number)))
            return unreadable(search, err);
    }
    return number ? unreadable(search, err) : 0;
}

static int match_make(const struct search *search, size_t module, const Elf64_Sym *sym,
                      struct symbol_match *match, struct sc_error **err)
{
    uint8_t type = ELF64_ST_TYPE(sym->st_info);

    if (type == STT_TLS)
        return sc_error_set(err, SC_REFUSED, "%s is thread-local", search->query->name);
    if (ELF64_ST_BIND(sym->st_info) == STB_GNU_UNIQUE)
        return sc_error_set(err, SC_REFUSED, "%s is a unique symbol", search->query->name);
    *match = (struct symbol_match){
        .module = module,
        .value = sym->st_value,
        .address = sym->st_value + (sym->st_shndx == SHN_ABS ? 0 : search->module->elf.bias),
        .indirect = type == STT_GNU_IFUNC && sym->st_shndx != SHN_UNDEF,
    };
    return 1;
}

int module_symbol_find(const struct process_modules *modules, size_t module,
                       const struct symbol_query *query, struct symbol_match *match,
                       struct sc_error **err)
{
    struct search search = {.modules = modules, .module = &modules->items[module], .query = query};
    Elf64_Sym sym;
    int result;

    if (!search.module->symtab || (!search.module->gnu_hash && !search.module->hash))
        return 0;
    result =
        search.module->gnu_hash ? gnu_search(&search, &sym, err) : sysv_search(&search, &sym, err);
    if (result == 0 && search.versioned_count == 1) {
        sym = search.versioned;
        result = 1;
    }
    return result > 0 ? match_make(&search, module, &sym, match, err) : result;
}

int module_list_find(const struct process_modules *modules, const size_t *list, size_t count,
                     const struct symbol_query *query, struct symbol_match *match,
                     struct sc_error **err)
{
    int result = 0;

    for (size_t i = 0; i < count && result == 0; i++)
        result = module_symbol_find(modules, list[i], query, match, err);
    return result;
}

static int ambiguous(const struct symbol_query *query, struct sc_error **err)
{
    return sc_error_set(err, SC_REFUSED,
                        "%s has several definitions, and which one counts cannot be seen",
                        query->name);
}

/*
 * A library that was opened later: the same in the list of each library by which it may have come,
 * or it is not known. 1, 0 or -1.
 */
static int local_find(const struct process_modules *modules, const struct module_scope *scope,
                      const struct symbol_query *query, struct symbol_match *match,
                      struct sc_error **err)
{
    int found = -2;

    for (size_t i = 0; i < scope->local_count; i++) {
        struct symbol_match here;
        int result = module_list_find(modules, scope->local[i].order, scope->local[i].count, query,
                                      &here, err);

        if (result < 0)
            return -1;
        if (found != -2 && (result != found || (result && here.address != match->address)))
            return ambiguous(query, err);
        found = result;
        if (result)
            *match = here;
    }
    return found < 0 ? 0 : found;
}

/*
 * Libraries opened with RTLD_GLOBAL are searched before the local ones; which those are cannot be
 * seen. No other library may have another definition.
 */
static int others_check(const struct process_modules *modules, const struct module_scope *scope,
                        const struct symbol_query *query, const struct symbol_match *match,
                        struct sc_error **err)
{
    for (size_t i = 0; i < scope->space->count; i++) {
        struct symbol_match other;
        int result = module_symbol_find(modules, scope->space->order[i], query, &other, err);

        if (result < 0)
            return -1;
        if (result && other.address != match->address)
            return ambiguous(query, err);
    }
    return 1;
}

int process_symbol_find(const struct process_modules *modules, size_t target,
                        const struct module_scope *scope, const struct symbol_query *query,
                        struct symbol_match *match, struct sc_error **err)
{
    struct symbol_match local;
    int global = module_list_find(modules, scope->global, scope->global_count, query, match, err);
    int found;

    if (global < 0 || scope->member)
        return global;
    found = local_find(modules, scope, query, &local, err);
    if (found < 0)
        return -1;
    if (global && found && local.address != match->address) {
        enum symbol_order order = process_symbol_order(modules, target, scope);

        if (order == SYMBOL_ORDER_LOCAL)
            *match = local;
        return order == SYMBOL_ORDER_UNKNOWN ? ambiguous(query, err) : 1;
    }
    if (global || !found)
        return global;
    *match = local;
    return others_check(modules, scope, query, match, err);
}

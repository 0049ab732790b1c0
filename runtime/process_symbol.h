/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks up a symbol in a process as its dynamic linker (glibc) would. */
#ifndef SYSCARE_PROCESS_SYMBOL_H
#define SYSCARE_PROCESS_SYMBOL_H

#include "runtime/process_modules.h"

struct symbol_query {
    const char *name;
    const char *version; /* NULL: the reference has none */
    const char *library; /* soname of the library that has the version, or NULL */
};

struct symbol_match {
    size_t module;    /* index of the one that defines it */
    uint64_t address; /* st_value with the load bias */
    uint64_t value;   /* st_value */
    bool indirect;    /* STT_GNU_IFUNC: address is that of the resolver */
};

/*
 * One module, by DT_GNU_HASH or DT_HASH, with versions (gABI and LSB, as _dl_lookup_symbol_x).
 * An undefined function with a value counts: it is the PLT entry that a program at a fixed address
 * has made the function's address. 1 found, 0 not there, -1 with err set: SC_REFUSED for
 * thread-local or unique symbols, SC_FAILED when the tables cannot be read.
 */
int module_symbol_find(const struct process_modules *modules, size_t module,
                       const struct symbol_query *query, struct symbol_match *match,
                       struct sc_error **err);

/*
 * The definition that a reference in modules->items[target] binds to. 1 found, 0 nowhere, -1 with
 * err set. SC_REFUSED also when more than one definition comes into question and nothing that is
 * visible from outside decides.
 */
int process_symbol_find(const struct process_modules *modules, size_t target,
                        const struct module_scope *scope, const struct symbol_query *query,
                        struct symbol_match *match, struct sc_error **err);

/* Which of its scopes an opened library is searched for in first. */
enum symbol_order { SYMBOL_ORDER_UNKNOWN, SYMBOL_ORDER_GLOBAL, SYMBOL_ORDER_LOCAL };

/*
 * Tells it from what the dynamic linker has already bound for the library: a slot whose symbol is
 * defined in both, with different addresses. RTLD_DEEPBIND itself is not to be seen.
 */
enum symbol_order process_symbol_order(const struct process_modules *modules, size_t target,
                                       const struct module_scope *scope);

/* The first definition in a list of modules. 1, 0 or -1 as module_symbol_find. */
int module_list_find(const struct process_modules *modules, const size_t *list, size_t count,
                     const struct symbol_query *query, struct symbol_match *match,
                     struct sc_error **err);

/* The version that symbol `number` of a module asks for or has; NULL: none. The caller frees it. */
char *module_symbol_version(const struct process_modules *modules,
                            const struct process_module *module, uint32_t number);

/*
 * What the dynamic linker has filled in for an indirect function: read from the slots of the module
 * that defines it, then of all others. 0 when none holds it; -1 with err set when they disagree.
 */
int process_symbol_resolved(const struct process_modules *modules, const struct symbol_query *query,
                            const struct symbol_match *match, uint64_t *address,
                            struct sc_error **err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ELF files of a process as its dynamic linker knows them: their dynamic sections, the order
 * in which they were loaded, and in which of them a symbol of one of them is looked for.
 *
 * Read from the memory of the process alone (struct r_debug and struct link_map of <link.h>, which
 * debuggers rely on), so no file name is trusted. Everything in it may be wrong: each offset is
 * checked to lie in its ELF file, each loop is bounded.
 */
#ifndef SYSCARE_PROCESS_MODULES_H
#define SYSCARE_PROCESS_MODULES_H

#include "lib/error.h"
#include "runtime/process_elf.h"

#define MODULE_NONE SIZE_MAX

/* A table in the memory of an ELF file; address 0: it has none. */
struct module_table {
    uint64_t address, size;
};

/* An ELF file with a dynamic section. Addresses are those of the process. */
struct process_module {
    struct process_elf elf;
    uint64_t dynamic; /* PT_DYNAMIC */
    uint64_t symtab;
    struct module_table strings;
    uint64_t gnu_hash, hash; /* DT_GNU_HASH, DT_HASH */
    uint64_t versym, verdef, verneed;
    uint64_t verdef_count, verneed_count;
    struct module_table rela, jmprel;
    uint64_t debug; /* what DT_DEBUG points to */
    char *soname;   /* DT_SONAME, or NULL */
    char *path;     /* l_name of its link map, or NULL: not in any list */
    char **needed;  /* DT_NEEDED, in their order */
    size_t *needs;  /* the same as indices of modules; MODULE_NONE when it is not there */
    size_t need_count;
    bool filter;   /* DT_FILTER or DT_AUXILIARY: such a search is not understood here */
    bool symbolic; /* DF_SYMBOLIC */
};

/* A list of link maps: that of the program, or one of dlmopen(3). */
struct module_space {
    size_t *order; /* indices of modules, as they were loaded */
    size_t count;
};

struct process_modules {
    const struct process *process;
    struct process_module *items;
    size_t count;
    struct module_space *spaces; /* the first one is that of the program */
    size_t space_count;
    uint64_t loader; /* load bias of the dynamic linker (r_ldbase) */
};

/*
 * Reads them. NULL with err set: SC_FAILED when the lists are just being changed, or cannot be
 * read, so that another try may help; SC_REFUSED when the process has no dynamic linker, or one
 * that is not understood. process must stay. Close with process_modules_close.
 */
struct process_modules *process_modules_read(const struct process *process, struct sc_error **err);

/* NULL is allowed. */
void process_modules_close(struct process_modules *modules);

void process_modules_cleanup(struct process_modules **modules);
#define cleanup_modules __attribute__((cleanup(process_modules_cleanup)))

/* True if size bytes at the address lie in the memory of the module. */
bool module_holds(const struct process_module *module, uint64_t address, uint64_t size);

/* Reads size bytes of the module's memory; false outside, or when they cannot be read. */
bool module_read(const struct process_modules *modules, const struct process_module *module,
                 uint64_t address, void *data, size_t size);

/* The string at an offset of DT_STRTAB; the caller frees it. NULL when there is none. */
char *module_string(const struct process_modules *modules, const struct process_module *module,
                    uint64_t offset);

/* The module with that load bias, or MODULE_NONE. */
size_t module_by_bias(const struct process_modules *modules, uint64_t bias);

/*
 * The modules in which the dynamic linker looks for the symbols of another, in two parts.
 */
struct module_scope {
    size_t *global; /* the program, preloaded libraries, and what they need, breadth first */
    size_t global_count;
    bool member; /* the module is one of them: then there is nothing else */
    /*
     * Otherwise: for each module by which it may have been loaded (dlopen), that one and what it
     * needs, breadth first. Which of them it was is not known.
     */
    struct module_space *local;
    size_t local_count;
    const struct module_space *space;
};

/*
 * Finds out the scope of modules->items[target]. 0, or -1 with err set (SC_REFUSED: the order of
 * loading is not one that glibc would have). Free with module_scope_free.
 */
int module_scope_find(const struct process_modules *modules, size_t target,
                      struct module_scope *scope, struct sc_error **err);
void module_scope_free(struct module_scope *scope);

#endif

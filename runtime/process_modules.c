// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the ELF files of a process and the dynamic linker's lists of them.
#include "runtime/process_modules.h"
#include "lib/cleanup.h"

#include <link.h>
#include <string.h>

#define DYNAMIC_MAX 1024 /* entries of a dynamic section */
#define MODULES_MAX 4096 /* link maps of a process */
#define SPACES_MAX 64    /* glibc has 16 */
#define STRING_MAX 4096  /* a name with its terminator */

/* <link.h> of glibc 2.35: struct r_debug_extended; not in older ones. */
struct debug_extended {
    struct r_debug base;
    uint64_t next;
};

bool module_holds(const struct process_module *module, uint64_t address, uint64_t size)
{
    return address >= module->elf.low && address < module->elf.high &&
           size <= module->elf.high - address;
}

bool module_read(const struct process_modules *modules, const struct process_module *module,
                 uint64_t address, void *data, size_t size)
{
    return module_holds(module, address, size) &&
           process_read(modules->process, address, data, size);
}

/* A string of at most STRING_MAX bytes, of which limit may be read. NULL when it has no end. */
static char *string_read(const struct process *process, uint64_t address, uint64_t limit)
{
    size_t size = limit < STRING_MAX ? (size_t)limit : STRING_MAX;
    size_t part = size < 128 ? size : 128;
    cleanup_free char *text = malloc(size + 1);

    /* most names are short: the second, longer read is for those that are not */
    for (; text; part = size) {
        size_t got = process_read_some(process, address, text, part);

        if (got && memchr(text, '\0', got))
            return steal_pointer(&text);
        if (got < part || part == size)
            return NULL;
    }
    return NULL;
}

char *module_string(const struct process_modules *modules, const struct process_module *module,
                    uint64_t offset)
{
    if (!module->strings.address || offset >= module->strings.size)
        return NULL;
    return string_read(modules->process, module->strings.address + offset,
                       module->strings.size - offset);
}

size_t module_by_bias(const struct process_modules *modules, uint64_t bias)
{
    for (size_t i = 0; i < modules->count; i++)
        if (modules->items[i].elf.bias == bias)
            return i;
    return MODULE_NONE;
}

/*
 * glibc adds the load bias to the addresses in the dynamic section when it has loaded the file;
 * other linkers, and files that are just being loaded, have them as they are in the file.
 */
static uint64_t table_address(const struct process_module *module, uint64_t value)
{
    if (module_holds(module, value, 1))
        return value;
    value += module->elf.bias;
    return module_holds(module, value, 1) ? value : 0;
}

static bool needed_add(struct process_module *module, uint64_t offset)
{
    char **more = realloc(module->needed, (module->need_count + 1) * sizeof(*more));

    if (!more)
        return false;
    module->needed = more;
    /* a number for now: where the strings are is not known yet */
    module->needed[module->need_count++] = (char *)(uintptr_t)offset;
    return true;
}

static bool dynamic_tag(struct process_module *module, const Elf64_Dyn *dyn, uint64_t *soname)
{
    uint64_t value = dyn->d_un.d_val;
    const struct {
        int64_t tag;
        uint64_t *address;
    } addresses[] = {
        {DT_SYMTAB, &module->symtab},         {DT_STRTAB, &module->strings.address},
        {DT_GNU_HASH, &module->gnu_hash},     {DT_HASH, &module->hash},
        {DT_VERSYM, &module->versym},         {DT_VERDEF, &module->verdef},
        {DT_VERNEED, &module->verneed},       {DT_RELA, &module->rela.address},
        {DT_JMPREL, &module->jmprel.address},
    };
    const struct {
        int64_t tag;
        uint64_t *number;
    } numbers[] = {
        {DT_STRSZ, &module->strings.size},
        {DT_RELASZ, &module->rela.size},
        {DT_PLTRELSZ, &module->jmprel.size},
        {DT_VERDEFNUM, &module->verdef_count},
        {DT_VERNEEDNUM, &module->verneed_count},
        {DT_SONAME, soname},
        {DT_DEBUG, &module->debug},
    };

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        if (dyn->d_tag == addresses[i].tag)
            *addresses[i].address = table_address(module, value);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (dyn->d_tag == numbers[i].tag)
            *numbers[i].number = value;
    module->filter |= dyn->d_tag == DT_FILTER || dyn->d_tag == DT_AUXILIARY;
    module->symbolic |=
        dyn->d_tag == DT_SYMBOLIC || (dyn->d_tag == DT_FLAGS && (value & DF_SYMBOLIC));
    return dyn->d_tag != DT_NEEDED || needed_add(module, value);
}

static int out_of_memory(struct sc_error **err)
{
    return sc_error_set(err, SC_FAILED, "out of memory");
}

/* Offsets of names become names. */
static void names_read(const struct process_modules *modules, struct process_module *module,
                       uint64_t soname)
{
    for (size_t i = 0; i < module->need_count; i++)
        module->needed[i] = module_string(modules, module, (uintptr_t)module->needed[i]);
    if (soname)
        module->soname = module_string(modules, module, soname);
}

static int dynamic_read(const struct process_modules *modules, struct process_module *module,
                        uint64_t size, struct sc_error **err)
{
    size_t count = size / sizeof(Elf64_Dyn) < DYNAMIC_MAX ? size / sizeof(Elf64_Dyn) : DYNAMIC_MAX;
    cleanup_free Elf64_Dyn *entries = calloc(count + 1, sizeof(*entries));
    uint64_t soname = 0;

    if (!entries)
        return out_of_memory(err);
    if (!module_read(modules, module, module->dynamic, entries, count * sizeof(*entries)))
        return 0; /* not readable: nothing will be found in it, and it will not be in a list */
    for (size_t i = 0; i < count && entries[i].d_tag != DT_NULL; i++)
        if (!dynamic_tag(module, &entries[i], &soname)) {
            module->need_count = 0; /* they are no names yet */
            return out_of_memory(err);
        }
    if (module->strings.size > module->elf.high - module->elf.low)
        module->strings.size = 0;
    names_read(modules, module, soname);
    return 0;
}

static int module_add(struct process_modules *modules, const struct process_elf *elf,
                      const Elf64_Phdr *dynamic, struct sc_error **err)
{
    struct process_module *more;

    if (modules->count == MODULES_MAX)
        return sc_error_set(err, SC_REFUSED, "it has too many libraries");
    more = realloc(modules->items, (modules->count + 1) * sizeof(*more));
    if (!more)
        return out_of_memory(err);
    modules->items = more;
    memset(&more[modules->count], 0, sizeof(*more));
    more[modules->count].elf = *elf;
    more[modules->count].dynamic = elf->bias + dynamic->p_vaddr;
    return dynamic_read(modules, &more[modules->count++], dynamic->p_memsz, err);
}

static int modules_collect(struct process_modules *modules, struct sc_error **err)
{
    const struct process *process = modules->process;

    for (size_t i = 0; i < process->map_count; i++) {
        const Elf64_Phdr *dynamic = NULL;
        struct process_elf elf;

        if (!process_elf_read(process, &process->maps[i], &elf))
            continue;
        for (size_t j = 0; j < elf.phdr_count && !dynamic; j++)
            if (elf.phdrs[j].p_type == PT_DYNAMIC)
                dynamic = &elf.phdrs[j];
        if (dynamic && module_add(modules, &elf, dynamic, err) < 0)
            return -1;
    }
    return 0;
}

/* A link map that is not of a file (the vdso) is in the list but never searched. */
static int map_enter(struct process_modules *modules, struct module_space *space,
                     const struct link_map *map, struct sc_error **err)
{
    for (size_t i = 0; i < modules->count; i++) {
        struct process_module *module = &modules->items[i];
        size_t *more;

        if (module->dynamic != (uint64_t)map->l_ld || module->elf.bias != map->l_addr)
            continue;
        more = realloc(space->order, (space->count + 1) * sizeof(*more));
        if (!more)
            return out_of_memory(err);
        space->order = more;
        space->order[space->count++] = i;
        if (!module->path)
            module->path = string_read(modules->process, (uint64_t)map->l_name, STRING_MAX);
        return 0;
    }
    return 0;
}

static int space_read(struct process_modules *modules, uint64_t first, struct sc_error **err)
{
    struct module_space *more =
        realloc(modules->spaces, (modules->space_count + 1) * sizeof(*more));
    struct module_space *space;
    size_t count = 0;

    if (!more)
        return out_of_memory(err);
    modules->spaces = more;
    space = &more[modules->space_count++];
    *space = (struct module_space){0};
    for (uint64_t at = first; at; count++) {
        struct link_map map;

        if (count == MODULES_MAX || !process_read(modules->process, at, &map, sizeof(map)))
            return sc_error_set(err, SC_FAILED, "its list of libraries cannot be read");
        if (map_enter(modules, space, &map, err) < 0)
            return -1;
        at = (uint64_t)map.l_next;
    }
    return 0;
}

/* All lists, from the r_debug that DT_DEBUG of the program points to. */
static int spaces_read(struct process_modules *modules, uint64_t address, struct sc_error **err)
{
    for (size_t i = 0; address; i++) {
        struct debug_extended debug = {0};

        if (i == SPACES_MAX ||
            !process_read(modules->process, address, &debug.base, sizeof(debug.base)))
            return sc_error_set(err, SC_FAILED, "its lists of libraries cannot be read");
        if (debug.base.r_version < 1 || (!debug.base.r_map && i == 0))
            return sc_error_set(err, SC_FAILED, "its libraries are not loaded yet");
        if (debug.base.r_state != RT_CONSISTENT)
            return sc_error_set(err, SC_FAILED, "it is just loading or unloading libraries");
        if (i == 0)
            modules->loader = debug.base.r_ldbase;
        if (space_read(modules, (uint64_t)debug.base.r_map, err) < 0)
            return -1;
        if (debug.base.r_version < 2)
            return 0;
        if (!process_read(modules->process, address, &debug, sizeof(debug)))
            return sc_error_set(err, SC_FAILED, "its lists of libraries cannot be read");
        address = debug.next;
    }
    return 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* glibc, _dl_name_match_p: by the path, the soname, or the name it was first loaded by. */
static bool name_matches(const struct process_module *module, const char *name)
{
    if (module->soname && strcmp(module->soname, name) == 0)
        return true;
    if (!module->path)
        return false;
    if (strchr(name, '/') && !strchr(name, '$'))
        return strcmp(module->path, name) == 0;
    return strcmp(base_name(module->path), base_name(name)) == 0;
}

static size_t space_find(const struct process_modules *modules, const struct module_space *space,
                         const char *name)
{
    for (size_t i = 0; name && i < space->count; i++)
        if (name_matches(&modules->items[space->order[i]], name))
            return space->order[i];
    return MODULE_NONE;
}

/* In each list by itself: a library may be there in several, but each copy is another module. */
static int needs_resolve(struct process_modules *modules, struct sc_error **err)
{
    for (size_t s = 0; s < modules->space_count; s++)
        for (size_t i = 0; i < modules->spaces[s].count; i++) {
            struct process_module *module = &modules->items[modules->spaces[s].order[i]];

            if (module->needs)
                continue;
            module->needs = calloc(module->need_count + 1, sizeof(*module->needs));
            if (!module->needs)
                return out_of_memory(err);
            for (size_t n = 0; n < module->need_count; n++)
                module->needs[n] = space_find(modules, &modules->spaces[s], module->needed[n]);
        }
    return 0;
}

struct process_modules *process_modules_read(const struct process *process, struct sc_error **err)
{
    cleanup_modules struct process_modules *modules = calloc(1, sizeof(*modules));
    uint64_t debug = 0;

    if (!modules) {
        out_of_memory(err);
        return NULL;
    }
    modules->process = process;
    if (modules_collect(modules, err) < 0)
        return NULL;
    for (size_t i = 0; i < modules->count && !debug; i++)
        debug = modules->items[i].debug;
    if (!debug) {
        sc_error_set(err, SC_REFUSED, "its list of libraries is not to be found");
        return NULL;
    }
    if (spaces_read(modules, debug, err) < 0 || needs_resolve(modules, err) < 0)
        return NULL;
    return steal_pointer(&modules);
}

static void module_free(struct process_module *module)
{
    for (size_t i = 0; i < module->need_count; i++)
        free(module->needed[i]);
    free(module->needed);
    free(module->needs);
    free(module->soname);
    free(module->path);
}

void process_modules_close(struct process_modules *modules)
{
    if (!modules)
        return;
    for (size_t i = 0; i < modules->count; i++)
        module_free(&modules->items[i]);
    for (size_t i = 0; i < modules->space_count; i++)
        free(modules->spaces[i].order);
    free(modules->spaces);
    free(modules->items);
    free(modules);
}

void process_modules_cleanup(struct process_modules **modules)
{
    process_modules_close(*modules);
}

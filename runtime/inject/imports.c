// SPDX-License-Identifier: GPL-2.0-or-later
// Binds what a patch imports, in one process, for each instance of the target.
#include "runtime/inject/imports.h"
#include "lib/cleanup.h"
#include "runtime/inject/job.h"
#include "runtime/inject/resolver.h"
#include "runtime/process_symbol.h"

#include <string.h>
#include <sys/mman.h>

/* What the lookups of one instance share. */
struct binder {
    struct job *job;
    const struct process_instance *instance;
    struct process_modules *modules;
    struct module_scope scope;
    size_t target; /* the instance's module */
};

/* SC_REFUSED will not get better; anything else may. */
static int give_up(struct job *job, const char *name, const struct sc_error *err)
{
    bool refused = sc_error_status(err) == SC_REFUSED;

    reply_set(job->reply, refused ? INJECT_UNSUPPORTED : INJECT_BUSY, "cannot bind %.80s: %s", name,
              err->message);
    return refused ? -1 : JOB_RETRY;
}

static bool origin_find(const struct process *process, uint64_t address,
                        struct import_origin *origin)
{
    const struct process_map *map = process_map_at(process, address);

    if (!map)
        return false;
    *origin = (struct import_origin){map->start, map->offset, map->device, map->inode};
    return true;
}

/* An indirect function is what its resolver returned when the library was loaded. */
static int indirect_find(const struct binder *binder, const struct symbol_query *query,
                         struct symbol_match *match, struct sc_error **err)
{
    const struct process_module *owner = &binder->modules->items[match->module];
    uint64_t address;
    const struct process_map *map;
    int found = process_symbol_resolved(binder->modules, query, match, &address, err);

    if (found < 0 || (found == 0 && resolver_run(binder->modules, match, &address, err) < 0))
        return -1;
    map = process_map_at(binder->job->process, address);
    if (!map || !(map->prot & PROT_EXEC) ||
        (!module_holds(owner, address, 1) && map->kind != PROCESS_MAP_VDSO))
        return sc_error_set(err, SC_REFUSED, "its resolver leads out of its library");
    match->address = address;
    return 1;
}

static int import_find(struct binder *binder, const struct sc_patch_sym *sym, uint64_t *value,
                       struct sc_error **err)
{
    const struct patch_object *patch = binder->job->patch;
    struct symbol_query query = {.name = patch_string(patch, sym->name)};
    struct symbol_match match;
    int found;

    query.version = sym->version ? patch_string(patch, sym->version) : NULL;
    query.library = sym->library ? patch_string(patch, sym->library) : NULL;
    found =
        process_symbol_find(binder->modules, binder->target, &binder->scope, &query, &match, err);
    if (found > 0 && match.indirect)
        found = indirect_find(binder, &query, &match, err);
    if (found < 0)
        return -1;
    *value = found ? match.address : 0;
    return found || (sym->flags & SC_SYM_WEAK)
               ? 0
               : sc_error_set(err, SC_REFUSED, "no library of the process defines it");
}

/* A word that ld.so fills is never 0 once the target may run: module numbers count from 1. */
static int word_read(const struct binder *binder, const struct sc_patch_sym *sym, uint64_t *value,
                     struct sc_error **err)
{
    if (!process_read(binder->job->process, binder->instance->bias + sym->target_vaddr, value,
                      sizeof(*value)))
        return sc_error_set(err, SC_FAILED, "the word in the target cannot be read");
    return *value ? 0 : sc_error_set(err, SC_FAILED, "the target is still being loaded");
}

static int row_bind(struct binder *binder, size_t row, struct import_set *set)
{
    const struct sc_patch_sym *sym = &binder->job->patch->syms[row];
    cleanup_error struct sc_error *err = NULL;
    int result = 0;

    if (sym->kind == SC_SYM_WORD)
        result = word_read(binder, sym, &set->values[row], &err);
    else if (sym->kind == SC_SYM_IMPORT)
        result = import_find(binder, sym, &set->values[row], &err);
    if (result == 0 && sym->kind == SC_SYM_IMPORT && set->values[row] &&
        !origin_find(binder->job->process, set->values[row], &set->origins[row]))
        result = sc_error_set(&err, SC_FAILED, "its library has just been unloaded");
    return result < 0 ? give_up(binder->job, patch_string(binder->job->patch, sym->name), err) : 0;
}

static bool has_kind(const struct patch_object *patch, uint8_t kind)
{
    for (size_t i = 0; i < patch->sym_count; i++)
        if (patch->syms[i].kind == kind)
            return true;
    return false;
}

/* The lists of the dynamic linker are only needed for names. */
static int binder_open(struct binder *binder, struct sc_error **err)
{
    if (!has_kind(binder->job->patch, SC_SYM_IMPORT))
        return 0;
    binder->modules = process_modules_read(binder->job->process, err);
    if (!binder->modules)
        return -1;
    binder->target = module_by_bias(binder->modules, binder->instance->bias);
    if (binder->target == MODULE_NONE)
        return sc_error_set(err, SC_REFUSED, "it has no dynamic section");
    return module_scope_find(binder->modules, binder->target, &binder->scope, err);
}

static void binder_close(struct binder *binder)
{
    module_scope_free(&binder->scope);
    process_modules_close(binder->modules);
}

/* What was read may have changed while it was read: then the last link map is another one. */
static int set_fill(struct job *job, const struct process_instance *instance,
                    struct import_set *set)
{
    struct binder binder = {.job = job, .instance = instance};
    cleanup_error struct sc_error *err = NULL;
    int result = binder_open(&binder, &err);

    if (result < 0)
        result = give_up(job, "imports", err);
    for (size_t i = 0; i < job->patch->sym_count && result == 0; i++)
        result = row_bind(&binder, i, set);
    binder_close(&binder);
    return result;
}

/* True if what the values lead to is where it was: after exec or dlclose it is not. */
static bool set_fresh(const struct job *job, const struct process_instance *instance,
                      const struct import_set *set)
{
    for (size_t i = 0; i < job->patch->sym_count; i++) {
        const struct sc_patch_sym *sym = &job->patch->syms[i];
        struct import_origin now;
        uint64_t word;

        if (sym->kind == SC_SYM_IMPORT && set->values[i] &&
            (!origin_find(job->process, set->values[i], &now) ||
             memcmp(&now, &set->origins[i], sizeof(now)) != 0))
            return false;
        if (sym->kind == SC_SYM_WORD &&
            (!process_read(job->process, instance->bias + sym->target_vaddr, &word, sizeof(word)) ||
             word != set->values[i]))
            return false;
    }
    return true;
}

static void set_free(struct import_set *set)
{
    free(set->values);
    free(set->origins);
    *set = (struct import_set){0};
}

static struct import_set *set_of(struct job *job, uint64_t bias)
{
    struct import_set *more;

    for (size_t i = 0; i < job->import_count; i++)
        if (job->imports[i].bias == bias)
            return &job->imports[i];
    more = realloc(job->imports, (job->import_count + 1) * sizeof(*more));
    if (!more)
        return NULL;
    job->imports = more;
    more[job->import_count] = (struct import_set){.bias = bias};
    return &more[job->import_count++];
}

int imports_get(struct job *job, const struct process_instance *instance, const uint64_t **values)
{
    struct import_set *set;
    int result;

    *values = NULL;
    if (!job->patch->imports)
        return 0;
    set = set_of(job, instance->bias);
    if (!set)
        return reply_set(job->reply, INJECT_FAILED, "out of memory");
    if (!set->values || !set_fresh(job, instance, set)) {
        set_free(set);
        set->bias = instance->bias;
        set->values = calloc(job->patch->sym_count + 1, sizeof(*set->values));
        set->origins = calloc(job->patch->sym_count + 1, sizeof(*set->origins));
        if (!set->values || !set->origins)
            return reply_set(job->reply, INJECT_FAILED, "out of memory");
        result = set_fill(job, instance, set);
        if (result) {
            uint64_t bias = set->bias;

            set_free(set);
            set->bias = bias;
            return result;
        }
    }
    *values = set->values;
    return 0;
}

int imports_prepare(struct job *job)
{
    const uint64_t *values;
    int result = 0;

    for (size_t i = 0; i < job->state->instance_count && result == 0; i++)
        result = imports_get(job, &job->state->instances[i], &values);
    return result;
}

void imports_free(struct job *job)
{
    for (size_t i = 0; i < job->import_count; i++)
        set_free(&job->imports[i]);
    free(job->imports);
    job->imports = NULL;
    job->import_count = 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Works out in which libraries, and in which order, the dynamic linker looks for a symbol.
//
// glibc keeps the scope of each library in private memory whose layout changes between versions.
// But it follows from what is public: the order in which libraries were loaded, and which of them
// need which. What does not follow is not guessed.
#include "lib/cleanup.h"
#include "runtime/process_modules.h"

#include <string.h>

/* A breadth-first walk over what libraries need; each module is there once. */
struct walk {
    const struct process_modules *modules;
    size_t *order;
    size_t count;
    bool *seen;
};

static int walk_begin(struct walk *walk, const struct process_modules *modules,
                      struct sc_error **err)
{
    *walk = (struct walk){.modules = modules};
    walk->order = calloc(modules->count + 1, sizeof(*walk->order));
    walk->seen = calloc(modules->count + 1, sizeof(*walk->seen));
    return walk->order && walk->seen ? 0 : sc_error_set(err, SC_FAILED, "out of memory");
}

static void walk_end(struct walk *walk)
{
    free(walk->order);
    free(walk->seen);
}

static void walk_add(struct walk *walk, size_t module)
{
    if (walk->seen[module])
        return;
    walk->seen[module] = true;
    walk->order[walk->count++] = module;
}

/* Follows everything that is in the walk. The module whose need is missing, or MODULE_NONE. */
static size_t walk_run(struct walk *walk)
{
    for (size_t i = 0; i < walk->count; i++) {
        const struct process_module *module = &walk->modules->items[walk->order[i]];

        if (module->filter)
            return walk->order[i];
        for (size_t n = 0; n < module->need_count; n++) {
            if (module->needs[n] == MODULE_NONE)
                return walk->order[i];
            walk_add(walk, module->needs[n]);
        }
    }
    return MODULE_NONE;
}

/*
 * What was loaded at the start: the program, so many preloaded libraries, and what they need. True
 * if that is how the list begins.
 */
static bool startup_fits(const struct module_space *space, struct walk *walk, size_t preloaded)
{
    memset(walk->seen, 0, walk->modules->count * sizeof(*walk->seen));
    walk->count = 0;
    for (size_t i = 0; i <= preloaded; i++)
        walk_add(walk, space->order[i]);
    /* every list would be explained by preloaded libraries alone */
    return walk_run(walk) == MODULE_NONE && walk->count <= space->count &&
           (preloaded == 0 || walk->count > preloaded + 1) &&
           memcmp(walk->order, space->order, walk->count * sizeof(*walk->order)) == 0;
}

/* The fewest preloaded libraries that explain the list. */
static int startup_find(const struct process_modules *modules, struct module_scope *scope,
                        struct sc_error **err)
{
    const struct module_space *space = &modules->spaces[0];
    struct walk walk;

    if (walk_begin(&walk, modules, err) == 0)
        for (size_t preloaded = 0; preloaded < space->count; preloaded++)
            if (startup_fits(space, &walk, preloaded)) {
                scope->global = steal_pointer(&walk.order);
                scope->global_count = walk.count;
                walk_end(&walk);
                return 0;
            }
    walk_end(&walk);
    return sc_error_set(err, SC_REFUSED,
                        "the order in which its libraries were loaded is not understood");
}

static bool list_has(const size_t *list, size_t count, size_t module)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == module)
            return true;
    return false;
}

static int local_add(struct module_scope *scope, struct walk *walk, struct sc_error **err)
{
    struct module_space *more = realloc(scope->local, (scope->local_count + 1) * sizeof(*more));

    if (!more)
        return sc_error_set(err, SC_FAILED, "out of memory");
    scope->local = more;
    more[scope->local_count++] = (struct module_space){steal_pointer(&walk->order), walk->count};
    return 0;
}

/* A library opened later: by itself, or because another one needs it. */
static int locals_find(const struct process_modules *modules, size_t target,
                       struct module_scope *scope, struct sc_error **err)
{
    for (size_t i = 0; i < scope->space->count; i++) {
        size_t root = scope->space->order[i];
        struct walk walk;
        int result;

        if (list_has(scope->global, scope->global_count, root))
            continue;
        result = walk_begin(&walk, modules, err);
        if (result == 0) {
            size_t missing;

            walk_add(&walk, root);
            missing = walk_run(&walk);
            if (walk.seen[target] && missing != MODULE_NONE)
                result =
                    sc_error_set(err, SC_REFUSED, "what library %s needs is not understood",
                                 modules->items[missing].path ? modules->items[missing].path : "?");
            else if (walk.seen[target])
                result = local_add(scope, &walk, err);
        }
        walk_end(&walk);
        if (result < 0)
            return -1;
    }
    return 0;
}

static const struct module_space *space_of(const struct process_modules *modules, size_t target)
{
    for (size_t s = 0; s < modules->space_count; s++)
        if (list_has(modules->spaces[s].order, modules->spaces[s].count, target))
            return &modules->spaces[s];
    return NULL;
}

int module_scope_find(const struct process_modules *modules, size_t target,
                      struct module_scope *scope, struct sc_error **err)
{
    int result = 0;

    *scope = (struct module_scope){.space = space_of(modules, target)};
    if (!scope->space)
        return sc_error_set(err, SC_FAILED, "it is not in the list of libraries");
    /* in a namespace of dlmopen(3) there is no program */
    if (scope->space == &modules->spaces[0])
        result = startup_find(modules, scope, err);
    scope->member = list_has(scope->global, scope->global_count, target);
    if (result == 0 && !scope->member)
        result = locals_find(modules, target, scope, err);
    if (result < 0)
        module_scope_free(scope);
    return result;
}

void module_scope_free(struct module_scope *scope)
{
    for (size_t i = 0; i < scope->local_count; i++)
        free(scope->local[i].order);
    free(scope->local);
    free(scope->global);
    *scope = (struct module_scope){0};
}

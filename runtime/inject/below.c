// SPDX-License-Identifier: GPL-2.0-or-later
// Patches that take functions over when the one above them is reverted.
#include "runtime/inject/below.h"
#include "lib/cleanup.h"

#include <stdlib.h>

int belows_read(struct job *job)
{
    for (size_t i = 0; i < job->below_count; i++) {
        cleanup_error struct sc_error *err = NULL;
        struct below *below = &job->belows[i];

        process_state_close(below->state);
        below->state = process_state_read(job->process, below->patch, &err);
        if (!below->state)
            return reply_set(job->reply, INJECT_FAILED, "%s", err->message);
    }
    return 0;
}

static int compare_address(const void *key, const void *item)
{
    uint64_t address = *(const uint64_t *)key;
    uint64_t other = ((const struct sc_patch_func *)item)->old_vaddr;

    return (address > other) - (address < other);
}

/* The function at that address, if both patches jump from the same place. */
static const struct sc_patch_func *find_function(const struct below *below,
                                                 const struct sc_patch_func *above)
{
    const struct sc_patch_func *func =
        bsearch(&above->old_vaddr, below->patch->funcs, below->patch->func_count, sizeof(*func),
                compare_address);

    return func && func->jump_offset == above->jump_offset && func->jump_size == above->jump_size &&
                   patch_func_is_call(func) == patch_func_is_call(above)
               ? func
               : NULL;
}

/* Where the patch is mapped for the instance. */
static const struct process_instance *find_instance(const struct below *below, uint64_t bias)
{
    for (size_t i = 0; below->state && i < below->state->instance_count; i++)
        if (below->state->instances[i].bias == bias && below->state->instances[i].mapped)
            return &below->state->instances[i];
    return NULL;
}

const struct sc_patch_func *below_find(const struct job *job,
                                       const struct process_instance *instance, size_t func,
                                       uint64_t *trampoline)
{
    for (size_t i = 0; i < job->below_count; i++) {
        const struct sc_patch_func *found =
            find_function(&job->belows[i], &job->patch->funcs[func]);
        const struct process_instance *mapping =
            found ? find_instance(&job->belows[i], instance->bias) : NULL;

        if (!mapping)
            continue;
        *trampoline = mapping->patch_bias + found->trampoline_vaddr;
        return found;
    }
    return NULL;
}

void belows_free(struct job *job)
{
    for (size_t i = 0; i < job->below_count; i++)
        process_state_close(job->belows[i].state);
    free(job->belows);
    job->belows = NULL;
    job->below_count = 0;
}

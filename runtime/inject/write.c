// SPDX-License-Identifier: GPL-2.0-or-later
// Writes jumps over functions of a stopped process, and old code back.
#include "runtime/inject/write.h"
#include "lib/cleanup.h"
#include "runtime/inject/below.h"
#include "runtime/inject/job.h"
#include "runtime/inject/memory.h"

#include <errno.h>
#include <string.h>

/* One function's bytes: from its entry to the end of the jump. Or those of a call. */
struct change {
    uint64_t address;
    size_t size;
    size_t func;
    uint8_t before[SC_OLD_BYTES_MAX];
    uint8_t after[SC_OLD_BYTES_MAX];
};

bool site_changes(const struct process_instance *instance, size_t i, bool apply)
{
    if (apply)
        return instance->sites[i] == PROCESS_SITE_ORIGINAL ||
               instance->sites[i] == PROCESS_SITE_OTHER;
    return instance->sites[i] == PROCESS_SITE_OURS;
}

/* Where the function is to lead. False: nowhere, the old code comes back. */
static bool find_destination(const struct job *job, const struct process_instance *instance,
                             size_t i, bool apply, uint64_t *to)
{
    *to = instance->patch_bias + job->patch->funcs[i].trampoline_vaddr;
    return apply || below_find(job, instance, i, to);
}

/*
 * Whoever ran into the kernel's breakpoint has executed the first instruction as it is in the file,
 * and goes on behind it: so the old code is right for every thread, wherever it stands.
 */
int sites_mend(struct job *job)
{
    pid_t tid = job_stopped_tid(job);

    for (size_t i = 0; i < job->state->instance_count; i++)
        for (size_t f = 0; f < job->state->func_count; f++) {
            struct process_instance *instance = &job->state->instances[i];
            const struct sc_patch_func *func = &job->patch->funcs[f];

            if (instance->sites[f] != PROCESS_SITE_DAMAGED)
                continue;
            if (memory_write(job, tid, instance->bias + func->old_vaddr, func->old_bytes,
                             func->jump_size) < 0)
                return reply_set(job->reply, INJECT_FAILED, "writing code: %s", strerror(errno));
            instance->sites[f] = PROCESS_SITE_ORIGINAL;
            instance->damaged--;
            job->reply->mended++;
        }
    return 0;
}

static int change_make(struct job *job, const struct process_instance *instance, size_t i,
                       bool apply, struct change *change)
{
    const struct sc_patch_func *func = &job->patch->funcs[i];
    uint8_t jump[ARCH_JUMP_MAX];
    uint64_t from, to;

    *change = (struct change){
        .address = instance->bias + func->old_vaddr,
        .size = (size_t)func->jump_offset + func->jump_size,
        .func = i,
    };
    from = change->address + func->jump_offset;
    memcpy(change->after, func->old_bytes, change->size);
    if (find_destination(job, instance, i, apply, &to)) {
        if (!patch_func_encode(func, from, to, jump))
            return reply_set(job->reply, INJECT_FAILED, "the patch is out of reach");
        memcpy(change->after + func->jump_offset, jump, func->jump_size);
    }
    if (!process_read(job->process, change->address, change->before, change->size))
        return reply_set(job->reply, INJECT_FAILED, "its code cannot be read");
    return 0;
}

/*
 * Takes the bytes that were there back, except for breakpoints: one that a uprobe has put there
 * may be unregistered by now, and would then kill the process. The old code is always right.
 */
static void change_undo(struct job *job, pid_t tid, const struct change *change)
{
    const struct sc_patch_func *func = &job->patch->funcs[change->func];
    uint8_t bytes[SC_OLD_BYTES_MAX];
    uint64_t to;

    memcpy(bytes, change->before, change->size);
    memcpy(bytes, func->old_bytes, func->jump_offset);
    if (func->jump_offset == 0 && !patch_func_decode(func, change->address, bytes, &to))
        memcpy(bytes, func->old_bytes, func->jump_size);
    memory_write(job, tid, change->address, bytes, change->size);
}

static int change_do(struct job *job, pid_t tid, const struct change *change)
{
    uint8_t memory[SC_OLD_BYTES_MAX];

    if (memory_write(job, tid, change->address, change->after, change->size) < 0)
        return reply_set(job->reply, INJECT_FAILED, "writing code: %s", strerror(errno));
    if (!process_read(job->process, change->address, memory, change->size) ||
        memcmp(memory, change->after, change->size) != 0)
        return reply_set(job->reply, INJECT_FAILED, "the code that was written did not stay");
    return 0;
}

static int changes_do(struct job *job, const struct change *changes, size_t count)
{
    pid_t tid = job_stopped_tid(job);

    for (size_t i = 0; i < count; i++) {
        if (change_do(job, tid, &changes[i]) == 0)
            continue;
        reply_function(job, changes[i].func);
        for (size_t done = i + 1; done-- > 0;)
            change_undo(job, tid, &changes[done]);
        return -1;
    }
    job->reply->functions += (uint32_t)count;
    return 0;
}

int sites_write(struct job *job, bool apply)
{
    const struct process_state *state = job->state;
    cleanup_free struct change *changes =
        calloc(state->instance_count * state->func_count + 1, sizeof(*changes));
    size_t count = 0;

    if (!changes)
        return reply_set(job->reply, INJECT_FAILED, "out of memory");
    for (size_t i = 0; i < state->instance_count; i++)
        for (size_t f = 0; f < state->func_count; f++)
            if (site_changes(&state->instances[i], f, apply) &&
                change_make(job, &state->instances[i], f, apply, &changes[count++]) < 0)
                return -1;
    return changes_do(job, changes, count);
}

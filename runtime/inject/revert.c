// SPDX-License-Identifier: GPL-2.0-or-later
// Reverts a patch in a process, tells its state, and unmaps it on request.
#include "lib/cleanup.h"
#include "runtime/inject/below.h"
#include "runtime/inject/check.h"
#include "runtime/inject/hooks.h"
#include "runtime/inject/job.h"
#include "runtime/inject/map.h"
#include "runtime/inject/refers.h"
#include "runtime/inject/stop.h"
#include "runtime/inject/write.h"

static size_t functions_ours(const struct job *job)
{
    size_t count = 0;

    for (size_t i = 0; i < job->state->instance_count; i++)
        count += job->state->instances[i].ours + job->state->instances[i].damaged;
    return count;
}

static uint32_t mappings_count(const struct job *job)
{
    uint32_t count = 0;

    for (size_t i = 0; i < job->state->instance_count; i++)
        count += job->state->instances[i].mapped;
    return count;
}

/* Where no thread may be when the jump goes: wider if what takes over has to be quiet. */
static int window_of_jump(struct job *job, struct check *check,
                          const struct process_instance *instance, size_t f)
{
    const struct sc_patch_func *func = &job->patch->funcs[f];
    uint64_t entry = instance->bias + func->old_vaddr, jump = entry + func->jump_offset;
    uint64_t trampoline;
    const struct sc_patch_func *below = below_find(job, instance, f, &trampoline);

    if (!below || !(below->flags & SC_FUNC_QUIESCE))
        return check_add(job, check, jump, jump + func->jump_size, f);
    return check_add(job, check, jump, entry + func->old_size + 1, f) < 0
               ? -1
               : check_add(job, check, entry, jump, f);
}

/*
 * The bytes of the jump; and for a function that must be quiet all of its new code, since what it
 * agrees on with the other functions of the group ends here.
 */
static int windows_make(struct job *job, struct check *check)
{
    for (size_t i = 0; i < job->state->instance_count; i++)
        for (size_t f = 0; f < job->state->func_count; f++) {
            const struct process_instance *instance = &job->state->instances[i];
            const struct sc_patch_func *func = &job->patch->funcs[f];
            uint64_t new = instance->patch_bias + func->new_vaddr;

            if (!site_changes(instance, f, false) || patch_func_is_call(func))
                continue;
            if (window_of_jump(job, check, instance, f) < 0)
                return -1;
            if ((func->flags & SC_FUNC_QUIESCE) &&
                check_add(job, check, new, new + func->new_size + 1, f) < 0)
                return -1;
        }
    return 0;
}

static int switch_back(struct job *job)
{
    struct check check = {0};
    int result = windows_make(job, &check);

    if (result == 0 && check.count)
        result = check_threads(job, &check);
    if (result == 0)
        result = sites_write(job, false);
    check_free(&check);
    return result;
}

/* I8: patch text stays mapped while anything may refer to it. */
static void instance_unmap(struct job *job, const struct process_instance *instance)
{
    uint64_t low = instance->patch_bias + job->patch->low;
    uint64_t high = instance->patch_bias + job->patch->high;
    int result = JOB_RETRY;

    if (!instance->mapped || process_refers(job, low, high))
        return;
    for (size_t i = 0; result == JOB_RETRY && i < job->threads.count; i++)
        if (job->threads.items[i].stopped && job->threads.items[i].tgid == job->pid)
            result = patch_unmap(job, &job->threads.items[i], instance);
}

static void mappings_remove(struct job *job)
{
    if (job_look(job) == 0)
        for (size_t i = 0; i < job->state->instance_count; i++)
            if (job->state->instances[i].ours == 0)
                instance_unmap(job, &job->state->instances[i]);
    if (job_look(job) == 0)
        job->reply->mappings_left = mappings_count(job);
}

/* Jumps away. Without hooks of the author the mapping goes in the same stop. */
static int revert_stopped(struct job *job, bool *jumps)
{
    bool unmap = (job->request->flags & INJECT_UNMAP) && !hooks_pending_leave(job);
    uint64_t since;
    int result = job_stop(job, &since);

    if (result == 0) {
        *jumps |= functions_ours(job) > 0;
        job->reply->mappings_left = mappings_count(job);
        result = belows_read(job);
    }
    if (result == 0)
        result = sites_mend(job);
    if (result == 0)
        result = switch_back(job);
    if (result == 0 && unmap)
        mappings_remove(job);
    threads_release(job);
    if (result == 0)
        job_stopped(job, since);
    return result;
}

static int revert_attempt(struct job *job)
{
    bool hooks = hooks_pending_leave(job), jumps = false;
    int result = hooks ? hooks_leave(job) : 0;

    if (result == 0)
        result = revert_stopped(job, &jumps);
    if (result == 0 && hooks) {
        result = hooks_left(job);
        if (result == 0 && (job->request->flags & INJECT_UNMAP))
            result = revert_stopped(job, &jumps);
    }
    if (result < 0 || result == JOB_RETRY)
        return result;
    reply_set(job->reply, jumps || hooks ? INJECT_REVERTED : INJECT_ALREADY, "%s", "");
    return 0;
}

void job_revert(struct job *job)
{
    bool unmap = job->request->flags & INJECT_UNMAP;

    if (job_process_check(job) < 0 || job_look(job) < 0)
        return;
    job->reply->mappings_left = mappings_count(job);
    if (functions_ours(job) == 0 && !hooks_pending_leave(job) &&
        !(unmap && job->reply->mappings_left)) {
        reply_set(job->reply, INJECT_ALREADY, "%s", "");
        return;
    }
    job_repeat(job, revert_attempt);
}

void job_query(struct job *job)
{
    static const enum inject_result results[] = {
        [PROCESS_NOT_MAPPED] = INJECT_NOT_MAPPED, [PROCESS_UNPATCHED] = INJECT_UNPATCHED,
        [PROCESS_MAPPED_ONLY] = INJECT_UNPATCHED, [PROCESS_PARTIAL] = INJECT_PARTIAL,
        [PROCESS_PATCHED] = INJECT_PATCHED,       [PROCESS_MISMATCH] = INJECT_MISMATCH,
    };

    /* A frozen process can be looked at: only a wrong or missing one ends here. */
    if (job_process_check(job) < 0 && job->reply->result != INJECT_FROZEN)
        return;
    if (job_look(job) < 0)
        return;
    job->reply->functions = (uint32_t)functions_ours(job);
    job->reply->mappings_left = mappings_count(job);
    reply_set(job->reply, results[process_state_verdict(job->state)], "%s", "");
    if (job->reply->result == INJECT_MISMATCH) {
        reply_function(job, process_state_foreign(job->state));
        reply_set(job->reply, INJECT_MISMATCH, "%.64s holds foreign code or a breakpoint",
                  job->reply->function);
    }
}

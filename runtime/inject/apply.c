// SPDX-License-Identifier: GPL-2.0-or-later
// Applies a patch to a process.
#include "runtime/inject/check.h"
#include "runtime/inject/hooks.h"
#include "runtime/inject/imports.h"
#include "runtime/inject/job.h"
#include "runtime/inject/map.h"
#include "runtime/inject/stop.h"
#include "runtime/inject/write.h"

/* Code that is not what the patch was made for, and functions that another patch has taken. */
static int sites_check(struct job *job)
{
    size_t foreign = process_state_foreign(job->state);

    if (process_state_find(job->state, PROCESS_SITE_PROBED) < job->state->func_count) {
        reply_function(job, foreign);
        return reply_set(job->reply, INJECT_MISMATCH,
                         "a uprobe or breakpoint of another tool is on the first byte of %.64s, "
                         "where the jump would go",
                         job->reply->function);
    }
    if (foreign < job->state->func_count) {
        reply_function(job, foreign);
        return reply_set(job->reply, INJECT_MISMATCH,
                         "the code of %.64s in memory is not what the patch was made for",
                         job->reply->function);
    }
    if (job_superseded(job) && !(job->request->flags & INJECT_REPLACE))
        return reply_set(job->reply, INJECT_MISMATCH,
                         "another patch has replaced %u of its functions", job_superseded(job));
    return 0;
}

/* True if there is nothing to write. With REPLACE, functions that others have are taken too. */
static bool applied(const struct job *job)
{
    size_t missing = 0;

    for (size_t i = 0; i < job->state->instance_count; i++)
        for (size_t f = 0; f < job->state->func_count; f++)
            missing += site_changes(&job->state->instances[i], f, true) ||
                       job->state->instances[i].sites[f] == PROCESS_SITE_DAMAGED;
    return missing == 0;
}

/* With all threads stopped: what is still missing, e.g. a library loaded in between. */
static int map_late(struct job *job)
{
    int result = JOB_RETRY;

    result = patch_map_verify(job, job_stopped_tid(job));
    if (result)
        return result;
    result = JOB_RETRY;
    if (!patch_map_needed(job))
        return 0;
    reply_set(job->reply, INJECT_BUSY, "none of its threads can be borrowed");
    for (size_t i = 0; result == JOB_RETRY && i < job->threads.count; i++)
        if (job->threads.items[i].stopped && job->threads.items[i].tgid == job->pid)
            result = patch_map(job, &job->threads.items[i]);
    return result ? result : job_look(job);
}

/*
 * The bytes of the jump; for a function that must be quiet, all of it but the two places where a
 * thread has not begun: its entry, and behind the first instruction, where the jump will stand. The
 * end belongs to it: there a call that never returns has its return address. In a call nobody can
 * be: it is one instruction before and after.
 */
static int windows_make(struct job *job, struct check *check)
{
    for (size_t i = 0; i < job->state->instance_count; i++)
        for (size_t f = 0; f < job->state->func_count; f++) {
            const struct sc_patch_func *func = &job->patch->funcs[f];
            uint64_t entry = job->state->instances[i].bias + func->old_vaddr;
            uint64_t jump = entry + func->jump_offset;
            bool quiet = func->flags & SC_FUNC_QUIESCE;

            if (!site_changes(&job->state->instances[i], f, true) || patch_func_is_call(func))
                continue;
            if (check_add(job, check, jump,
                          quiet ? entry + func->old_size + 1 : jump + func->jump_size, f) < 0 ||
                (quiet && check_add(job, check, entry, jump, f) < 0))
                return -1;
        }
    return 0;
}

static int switch_over(struct job *job)
{
    struct check check = {0};
    int result = windows_make(job, &check);

    if (result == 0)
        result = check_threads(job, &check);
    if (result == 0)
        result = sites_write(job, true);
    check_free(&check);
    return result;
}

static int apply_stopped(struct job *job)
{
    uint64_t since;
    int result = job_stop(job, &since);

    if (result == 0)
        result = sites_mend(job);
    if (result == 0)
        result = sites_check(job);
    if (result == 0)
        result = map_late(job);
    if (result == 0)
        result = sites_check(job);
    if (result == 0)
        result = hooks_prepare_stopped(job);
    if (result == 0)
        result = switch_over(job);
    threads_leave(job, result == 0);
    job_stopped(job, since);
    return result;
}

/* A mapping that an earlier request left is checked, and made anew where it is not good. */
static int verify_with(struct job *job, struct tracee *host)
{
    int result = patch_map_verify(job, host->tid);

    return result == 0 && patch_map_needed(job) ? JOB_RETRY : result;
}

static int apply_attempt(struct job *job)
{
    bool prepare = job->request->flags & INJECT_PREPARE;
    bool switched = false; /* only hooks were left to be run */
    int result = 0;

    if (!(job->request->flags & INJECT_LAZY)) {
        if (job->reply->retries) { /* else job_apply has just looked */
            result = job_look(job);
            if (result == 0)
                result = sites_check(job);
        }
        if (result == 0)
            result = imports_prepare(job);
        if (result == 0 && patch_map_needed(job))
            result = job_borrow(job, patch_map);
        if (result == 0 && prepare)
            result = job_borrow(job, verify_with);
        if (result == 0)
            result = hooks_prepare(job);
        if (result)
            return result;
        switched = applied(job);
    }
    result = switched || prepare ? 0 : apply_stopped(job);
    if (result == 0 && !prepare)
        result = hooks_finish(job);
    if (result == 0)
        reply_set(job->reply, INJECT_PATCHED, "%s", "");
    return result;
}

void job_apply(struct job *job)
{
    if (job_process_check(job) < 0 || job_look(job) < 0 || sites_check(job) < 0)
        return;
    if (applied(job) && !hooks_pending(job)) {
        reply_set(job->reply, INJECT_ALREADY, "%s", "");
        return;
    }
    job_repeat(job, apply_attempt);
}

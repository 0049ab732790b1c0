// SPDX-License-Identifier: GPL-2.0-or-later
// Runs hooks of the patch's author in a process, each once.
#include "runtime/inject/hooks.h"
#include "runtime/inject/infect.h"
#include "runtime/inject/job.h"
#include "runtime/inject/memory.h"

#include <errno.h>
#include <string.h>

/* How long one hook may take; the thread that runs it does nothing else meanwhile. */
#define HOOK_TIMEOUT_NS UINT64_C(1000000000)

static uint64_t state_address(const struct process_instance *instance,
                              const struct sc_patch_hook *hook)
{
    return instance->patch_bias + hook->state_vaddr;
}

/* What cannot be read is as if it were idle: the mapping is going away under us. */
static struct sc_hook_state state_read(const struct job *job,
                                       const struct process_instance *instance,
                                       const struct sc_patch_hook *hook)
{
    struct sc_hook_state state = {0};

    if (!process_read(job->process, state_address(instance, hook), &state, sizeof(state)))
        state = (struct sc_hook_state){0};
    return state;
}

static int state_write(struct job *job, pid_t tid, const struct process_instance *instance,
                       const struct sc_patch_hook *hook, uint32_t progress)
{
    struct sc_hook_state state = {.progress = progress};

    if (memory_write(job, tid, state_address(instance, hook), &state, sizeof(state)) == 0)
        return 0;
    return reply_set(job->reply, INJECT_FAILED, "writing the state of the patch's hooks: %s",
                     strerror(errno));
}

static uint32_t stage_of(const struct job *job, const struct process_instance *instance)
{
    return state_read(job, instance, &job->patch->hooks[0]).progress;
}

static int stage_set(struct job *job, pid_t tid, const struct process_instance *instance,
                     enum sc_hook_stage stage)
{
    return state_write(job, tid, instance, &job->patch->hooks[0], stage);
}

/* Makes hooks of some kinds ready to run again. */
static int hooks_reset(struct job *job, pid_t tid, const struct process_instance *instance,
                       uint32_t first, uint32_t last)
{
    for (size_t i = 1; i < job->patch->hook_count; i++) {
        const struct sc_patch_hook *hook = &job->patch->hooks[i];

        if (hook->kind >= first && hook->kind <= last &&
            state_write(job, tid, instance, hook, SC_HOOK_IDLE) < 0)
            return -1;
    }
    return 0;
}

/* The stage first: what has run must not look as if it had not before all of it does. */
static int hooks_forget(struct job *job, pid_t tid, const struct process_instance *instance)
{
    if (stage_set(job, tid, instance, SC_STAGE_LEFT) < 0 ||
        hooks_reset(job, tid, instance, SC_HOOK_PRE_APPLY, SC_HOOK_POST_REVERT) < 0)
        return -1;
    return stage_set(job, tid, instance, SC_STAGE_IDLE);
}

static const char *hook_name(const struct job *job, const struct sc_patch_hook *hook)
{
    return job->patch->strings + hook->name;
}

/* A hook that an earlier request gave up on, or that another injector is running. */
static int hook_runs(struct job *job, const struct sc_patch_hook *hook)
{
    reply_set(job->reply, INJECT_BUSY, "the patch's hook %.64s has not returned",
              hook_name(job, hook));
    return JOB_RETRY;
}

static int hook_call(struct job *job, struct tracee *host, const struct process_instance *instance,
                     const struct sc_patch_hook *hook)
{
    struct infection infection;
    int result = infect_begin_function(job, host, &infection);

    if (result)
        return result;
    result = infect_function(job, &infection, instance->patch_bias + hook->call_vaddr,
                             clock_now() + HOOK_TIMEOUT_NS);
    infect_end(job, &infection);
    if (result < 0 && job->reply->result == INJECT_BUSY)
        reply_set(job->reply, INJECT_BUSY, "the patch's hook %.64s does not return",
                  hook_name(job, hook));
    return result;
}

/* All hooks of a kind that have not run; the first result that is not 0 goes to *refused. */
static int hooks_run(struct job *job, struct tracee *host, const struct process_instance *instance,
                     enum sc_hook_kind kind, const struct sc_patch_hook **refused)
{
    for (size_t i = 1; i < job->patch->hook_count; i++) {
        const struct sc_patch_hook *hook = &job->patch->hooks[i];
        struct sc_hook_state state;
        int result;

        if (hook->kind != kind)
            continue;
        state = state_read(job, instance, hook);
        if (state.progress == SC_HOOK_IDLE) {
            result = hook_call(job, host, instance, hook);
            if (result)
                return result;
            state = state_read(job, instance, hook);
        }
        if (state.progress != SC_HOOK_DONE)
            return hook_runs(job, hook);
        if (kind == SC_HOOK_PRE_APPLY && state.result) {
            *refused = hook;
            return 0;
        }
    }
    return 0;
}

static int refuse(struct job *job, const struct process_instance *instance,
                  const struct sc_patch_hook *hook)
{
    return reply_set(job->reply, INJECT_UNSUPPORTED,
                     "the patch's hook %.64s does not want this process (it returned %d)",
                     hook_name(job, hook), state_read(job, instance, hook).result);
}

/* The hook that said no before: it is not asked again until the patch is deactivated. */
static int refused_before(struct job *job, const struct process_instance *instance)
{
    for (size_t i = 1; i < job->patch->hook_count; i++)
        if (job->patch->hooks[i].kind == SC_HOOK_PRE_APPLY &&
            state_read(job, instance, &job->patch->hooks[i]).result)
            return refuse(job, instance, &job->patch->hooks[i]);
    return reply_set(job->reply, INJECT_UNSUPPORTED, "the patch does not want this process");
}

/*
 * What a revert left that was broken off: with the old code back, its last hooks are due; with the
 * new code in force, it is as if only the post-apply hooks were missing.
 */
static int leave_complete(struct job *job, struct tracee *host,
                          const struct process_instance *instance)
{
    const struct sc_patch_hook *none = NULL;
    int result;

    if (instance->ours) {
        if (hooks_reset(job, host->tid, instance, SC_HOOK_POST_APPLY, SC_HOOK_PRE_REVERT) < 0)
            return -1;
        return stage_set(job, host->tid, instance, SC_STAGE_PREPARED);
    }
    result = hooks_run(job, host, instance, SC_HOOK_POST_REVERT, &none);
    return result ? result : hooks_forget(job, host->tid, instance);
}

static int instance_prepare(struct job *job, struct tracee *host,
                            const struct process_instance *instance)
{
    const struct sc_patch_hook *refused = NULL;
    int result = 0;

    if (stage_of(job, instance) == SC_STAGE_LEAVING)
        result = leave_complete(job, host, instance);
    else if (stage_of(job, instance) == SC_STAGE_LEFT)
        result = hooks_forget(job, host->tid, instance);
    if (result == 0 && stage_of(job, instance) == SC_STAGE_REFUSED)
        return refused_before(job, instance);
    if (result || stage_of(job, instance) != SC_STAGE_IDLE)
        return result;
    result = hooks_run(job, host, instance, SC_HOOK_PRE_APPLY, &refused);
    if (result)
        return result;
    if (stage_set(job, host->tid, instance, refused ? SC_STAGE_REFUSED : SC_STAGE_PREPARED) < 0)
        return -1;
    return refused ? refuse(job, instance, refused) : 0;
}

static int instance_finish(struct job *job, struct tracee *host,
                           const struct process_instance *instance)
{
    const struct sc_patch_hook *none = NULL;
    int result;

    if (stage_of(job, instance) != SC_STAGE_PREPARED)
        return 0;
    result = hooks_run(job, host, instance, SC_HOOK_POST_APPLY, &none);
    return result ? result : stage_set(job, host->tid, instance, SC_STAGE_APPLIED);
}

static int instance_leave(struct job *job, struct tracee *host,
                          const struct process_instance *instance)
{
    const struct sc_patch_hook *none = NULL;
    uint32_t stage = stage_of(job, instance);
    int result = 0;

    if (stage == SC_STAGE_APPLIED)
        result = hooks_run(job, host, instance, SC_HOOK_PRE_REVERT, &none);
    if (result)
        return result;
    if (stage == SC_STAGE_APPLIED || stage == SC_STAGE_PREPARED)
        return stage_set(job, host->tid, instance, SC_STAGE_LEAVING);
    if (stage == SC_STAGE_LEAVING)
        return 0;
    /* nothing of it was in force: forget what the hooks said */
    return hooks_forget(job, host->tid, instance);
}

static int instance_left(struct job *job, struct tracee *host,
                         const struct process_instance *instance)
{
    if (stage_of(job, instance) != SC_STAGE_LEAVING || instance->ours)
        return 0;
    return leave_complete(job, host, instance);
}

typedef int (*instance_step)(struct job *job, struct tracee *host,
                             const struct process_instance *instance);

static int instances_step(struct job *job, struct tracee *host, instance_step step)
{
    int result = 0;

    for (size_t i = 0; result == 0 && i < job->state->instance_count; i++)
        if (job->state->instances[i].mapped)
            result = step(job, host, &job->state->instances[i]);
    return result;
}

static int prepare_with(struct job *job, struct tracee *host)
{
    return instances_step(job, host, instance_prepare);
}

static int finish_with(struct job *job, struct tracee *host)
{
    return instances_step(job, host, instance_finish);
}

static int leave_with(struct job *job, struct tracee *host)
{
    return instances_step(job, host, instance_leave);
}

static int left_with(struct job *job, struct tracee *host)
{
    return instances_step(job, host, instance_left);
}

static bool any_stage(const struct job *job, enum sc_hook_stage stage, bool is)
{
    for (size_t i = 0; job->patch->hook_count && i < job->state->instance_count; i++)
        if (job->state->instances[i].mapped &&
            (stage_of(job, &job->state->instances[i]) == stage) == is)
            return true;
    return false;
}

bool hooks_pending(const struct job *job)
{
    return any_stage(job, SC_STAGE_APPLIED, false);
}

bool hooks_pending_leave(const struct job *job)
{
    return any_stage(job, SC_STAGE_IDLE, false);
}

int hooks_prepare(struct job *job)
{
    return job->patch->hook_count ? job_borrow(job, prepare_with) : 0;
}

int hooks_prepare_stopped(struct job *job)
{
    int result = JOB_RETRY;

    if (job->patch->hook_count == 0 ||
        !(any_stage(job, SC_STAGE_IDLE, true) || any_stage(job, SC_STAGE_LEAVING, true) ||
          any_stage(job, SC_STAGE_REFUSED, true) || any_stage(job, SC_STAGE_LEFT, true)))
        return 0;
    reply_set(job->reply, INJECT_BUSY, "none of its threads can be borrowed");
    for (size_t i = 0; result == JOB_RETRY && i < job->threads.count; i++)
        if (job->threads.items[i].stopped && job->threads.items[i].tgid == job->pid)
            result = prepare_with(job, &job->threads.items[i]);
    return result;
}

int hooks_finish(struct job *job)
{
    return job->patch->hook_count ? job_borrow(job, finish_with) : 0;
}

int hooks_leave(struct job *job)
{
    return job_borrow(job, leave_with);
}

int hooks_left(struct job *job)
{
    return job_borrow(job, left_with);
}

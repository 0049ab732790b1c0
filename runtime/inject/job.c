// SPDX-License-Identifier: GPL-2.0-or-later
// What apply and revert have in common: looking, stopping, trying again until the deadline.
#include "runtime/inject/job.h"
#include "lib/cleanup.h"
#include "runtime/inject/below.h"
#include "runtime/inject/imports.h"
#include "runtime/inject/sharers.h"
#include "runtime/inject/stop.h"
#include "runtime/inject/task.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define PF_KTHREAD 0x00200000
#define BACKOFF_FIRST_NS UINT64_C(200000)
#define BACKOFF_LAST_NS UINT64_C(10000000)

/* How long a thread that is to be borrowed may take to stop. */
#define HOST_PATIENCE_NS UINT64_C(20000000)

/* How long a vforked child is given to call exec before it is stopped like a thread. */
#define SHARER_PATIENCE_NS UINT64_C(50000000)

/*
 * A leader may have ended before its threads; a process is dead when all of them have ended, or
 * never come back from the kernel.
 */
static bool process_dead(pid_t pid)
{
    cleanup_free pid_t *tids = NULL;
    int count = task_list(pid, &tids);

    for (int i = 0; i < count; i++)
        if (!task_is_dead(pid, tids[i]) && !task_is_killed(pid, tids[i]))
            return false;
    return true;
}

int job_process_check(struct job *job)
{
    struct task_stat stat;

    if (!task_stat_read(job->pid, job->pid, &stat))
        return reply_set(job->reply, INJECT_GONE, "no process %d", job->pid);
    if (job->request->start_time && stat.start_time != job->request->start_time)
        return reply_set(job->reply, INJECT_GONE, "%d is another process now", job->pid);
    if ((stat.state == 'Z' || stat.state == 'X') && process_dead(job->pid))
        return reply_set(job->reply, INJECT_GONE, "process %d has ended", job->pid);
    if (stat.flags & PF_KTHREAD)
        return reply_set(job->reply, INJECT_GONE, "%d is a kernel thread", job->pid);
    if (cgroup_frozen(job->injector, job->pid))
        return reply_set(job->reply, INJECT_FROZEN, "its control group is frozen");
    return 0;
}

int job_look(struct job *job)
{
    cleanup_error struct sc_error *err = NULL;

    process_state_close(job->state);
    process_close(job->process);
    job->state = NULL;
    job->process = process_open(job->pid, &err);
    if (!job->process) {
        bool gone = err->saved_errno == ENOENT || err->saved_errno == ESRCH;

        return reply_set(job->reply, gone ? INJECT_GONE : INJECT_FAILED, "%s", err->message);
    }
    job->state = process_state_read(job->process, job->patch, &err);
    if (!job->state)
        return reply_set(job->reply, INJECT_FAILED, "%s", err->message);
    process_state_cover(job->state, job->request->covered);
    job->reply->instances = (uint32_t)job->state->instance_count;
    job->reply->superseded = job_superseded(job);
    if (job->state->instance_count == 0)
        return reply_set(job->reply, job->process->map_count ? INJECT_NOT_MAPPED : INJECT_GONE,
                         "it does not map the target");
    return 0;
}

uint32_t job_superseded(const struct job *job)
{
    size_t count = 0;

    for (size_t i = 0; i < job->state->instance_count; i++)
        count += job->state->instances[i].others;
    return (uint32_t)count;
}

/*
 * A process between vfork and exec shares the memory, and its parent cannot be stopped before it
 * is done. That takes a millisecond; stopping the child would only make it last.
 */
static int sharers_leave(struct job *job)
{
    uint64_t begin = clock_now();
    uint64_t until = begin + SHARER_PATIENCE_NS;
    struct timespec moment = {0, 500000};

    while (sharer_find(job) > 0 && clock_now() < until && clock_now() < job->deadline)
        nanosleep(&moment, NULL);
    return 0;
}

int job_stop(struct job *job, uint64_t *since)
{
    int result;

    if (!(job->request->flags & INJECT_LAZY))
        sharers_leave(job);
    *since = clock_now();
    result = process_stop(job);
    return result ? result : job_look(job);
}

pid_t job_stopped_tid(const struct job *job)
{
    for (size_t i = 0; i < job->threads.count; i++)
        if (job->threads.items[i].stopped)
            return job->threads.items[i].tid;
    return job->pid;
}

int job_borrow(struct job *job, int (*work)(struct job *job, struct tracee *host))
{
    cleanup_free pid_t *tids = NULL;
    int count = task_list(job->pid, &tids);
    int result = JOB_RETRY;

    for (int i = 0; i < count && result == JOB_RETRY; i++) {
        result = thread_interrupt(job, job->pid, tids[i]);
        if (result < 0)
            return -1;
        if (result == 0) {
            result = JOB_RETRY;
            continue;
        }
        result = JOB_RETRY;
        if (threads_wait(job, clock_now() + HOST_PATIENCE_NS) == 0 && job->threads.count &&
            job->threads.items[0].stopped) {
            result = job_look(job);
            if (result == 0)
                result = work(job, &job->threads.items[0]);
        }
        threads_release(job);
    }
    return count < 0 ? reply_set(job->reply, INJECT_GONE, "no process %d", job->pid) : result;
}

void job_stopped(struct job *job, uint64_t since)
{
    uint64_t time = clock_now() - since;

    if (time > job->reply->stopped_ns)
        job->reply->stopped_ns = time;
}

/* True if the process has ended; one that was just killed needs a moment to show it. */
static bool process_ends(const struct job *job)
{
    struct timespec moment = {0, 1000000};
    bool dead = process_dead(job->pid);

    bool unclear = job->reply->result == INJECT_FAILED || job->reply->result == INJECT_BUSY;

    for (int i = 0; !dead && i < 5 && unclear; i++) {
        nanosleep(&moment, NULL);
        dead = process_dead(job->pid);
    }
    return dead;
}

void job_repeat(struct job *job, int (*attempt)(struct job *job))
{
    uint64_t pause = BACKOFF_FIRST_NS;

    for (;;) {
        struct timespec time;
        int result = attempt(job);

        threads_release(job);
        /* Whatever failed because the process was killed meanwhile is no failure. */
        if (result < 0 && process_ends(job))
            reply_set(job->reply, INJECT_GONE, "process %d has ended", job->pid);
        if (result != JOB_RETRY || clock_now() + pause >= job->deadline)
            return;
        job->reply->retries++;
        /* A first caller is not let go between two attempts: it would run the old code. */
        pending_poll(job->injector, job->request->flags & INJECT_LAZY ? job->pid : 0);
        time = (struct timespec){0, (long)pause};
        nanosleep(&time, NULL);
        pause = pause * 2 < BACKOFF_LAST_NS ? pause * 2 : BACKOFF_LAST_NS;
        if (job_process_check(job) < 0)
            return;
    }
}

void job_free(struct job *job)
{
    belows_free(job);
    process_state_close(job->state);
    process_close(job->process);
    free(job->threads.items);
    imports_free(job);
    job->state = NULL;
    job->process = NULL;
    job->threads = (struct tracee_set){0};
}

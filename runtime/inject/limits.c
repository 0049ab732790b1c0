// SPDX-License-Identifier: GPL-2.0-or-later
// Raises the resource limits of a process by what a patch needs, and puts them back.
#include "runtime/inject/limits.h"
#include "runtime/inject/fault.h"
#include "runtime/inject/task.h"

#include <string.h>

/* A socketpair and the patch file. */
#define DESCRIPTORS 3

/* Which limit, and which line of /proc/PID/status tells how much of it is used. */
static const struct limit {
    int resource;
    const char *used; /* in kB, but for FDSize, which is a number of descriptors */
} table[LIMITS_COUNT] = {
    {RLIMIT_AS, "VmSize:"},
    {RLIMIT_DATA, "VmData:"},
    {RLIMIT_MEMLOCK, "VmLck:"},
    {RLIMIT_NOFILE, "FDSize:"},
};

/* What all mappings that are to be made take. */
static uint64_t span_needed(const struct job *job)
{
    uint64_t span = 0;

    for (size_t i = 0; i < job->state->instance_count; i++)
        if (!job->state->instances[i].mapped)
            span += job->patch->high - job->patch->low;
    return span;
}

/*
 * The limit that suffices. Twice the span: the kernel counts a mapping that replaces a part of the
 * reservation before it takes that part off, and for locked memory it does not take it off at all.
 */
static uint64_t limit_needed(const struct job *job, const struct task_status *status, size_t i)
{
    uint64_t used = 0;

    if (!task_status_find(status, table[i].used, 10, &used))
        return 0;
    return table[i].resource == RLIMIT_NOFILE ? used + DESCRIPTORS
                                              : used * 1024 + 2 * span_needed(job);
}

/* Without the capability the hard limit is the end: that may do, since the need is estimated. */
static void limit_to_hard(const struct tracee *host, size_t i, struct limits *limits)
{
    struct rlimit wanted = limits->before[i];

    wanted.rlim_cur = wanted.rlim_max;
    if (wanted.rlim_cur != limits->before[i].rlim_cur &&
        prlimit(host->tgid, (enum __rlimit_resource)table[i].resource, &wanted, NULL) == 0)
        limits->raised[i] = wanted;
}

void limits_lift(struct job *job, const struct tracee *host, struct limits *limits)
{
    struct task_status status;

    memset(limits, 0, sizeof(*limits));
    task_status_read(host->tgid, host->tid, &status);
    for (size_t i = 0; i < LIMITS_COUNT; i++) {
        enum __rlimit_resource resource = (enum __rlimit_resource)table[i].resource;
        struct rlimit *before = &limits->before[i];
        struct rlimit wanted;
        uint64_t needed = limit_needed(job, &status, i);

        if (prlimit(host->tgid, resource, NULL, before) < 0)
            memset(before, 0, sizeof(*before));
        limits->raised[i] = wanted = *before;
        if (before->rlim_cur >= needed)
            continue;
        wanted.rlim_cur = needed;
        wanted.rlim_max = wanted.rlim_max < needed ? needed : wanted.rlim_max;
        fault_point(job->injector);
        if (prlimit(host->tgid, resource, &wanted, NULL) == 0)
            limits->raised[i] = wanted;
        else
            limit_to_hard(host, i, limits);
    }
}

void limits_restore(struct job *job, const struct limits *limits)
{
    for (size_t i = 0; i < LIMITS_COUNT; i++) {
        enum __rlimit_resource resource = (enum __rlimit_resource)table[i].resource;
        const struct rlimit *raised = &limits->raised[i];
        struct rlimit now;

        if (memcmp(raised, &limits->before[i], sizeof(*raised)) == 0 ||
            prlimit(job->pid, resource, NULL, &now) < 0 || memcmp(&now, raised, sizeof(now)) != 0)
            continue;
        fault_point(job->injector);
        prlimit(job->pid, resource, &limits->before[i], NULL);
    }
}

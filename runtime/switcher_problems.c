// SPDX-License-Identifier: GPL-2.0-or-later
// Processes that could not be switched: why, and when they are tried again.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/switcher_P.h"

#include <string.h>

/* Tries are 1, 2, 4, … 32 seconds apart. */
#define RETRY_FIRST_NS 1000000000ull
#define RETRY_DOUBLINGS 5

/* One try is short, and so is a round of them: requests wait meanwhile. */
#define RETRY_TRY_NS 200000000ull
#define RETRY_ROUND_NS 500000000ull

void problem_list_add(struct problem_list *list, const struct problem *problem)
{
    struct problem *copy;

    list->items = reallocarray(list->items, list->count + 1, sizeof(*list->items));
    if (!list->items)
        abort();
    copy = &list->items[list->count++];
    *copy = *problem;
    copy->reason = sc_format("%s", problem->reason);
}

void problem_list_clear(struct problem_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].reason);
    free(list->items);
    list->items = NULL;
    list->count = 0;
}

static void remove_at(struct problem_list *list, size_t index)
{
    free(list->items[index].reason);
    memmove(&list->items[index], &list->items[index + 1],
            (--list->count - index) * sizeof(*list->items));
}

/* The index of the problem, or the count of the list. */
static size_t find_problem(const struct problem_list *list, const char *uuid, pid_t pid)
{
    size_t i = 0;

    while (i < list->count && (list->items[i].pid != pid || strcmp(list->items[i].uuid, uuid) != 0))
        i++;
    return i;
}

void problem_record(struct switcher *switcher, const struct switch_job *job, const char *reason,
                    bool opted_out)
{
    struct problem problem = {
        .pid = job->pid, .start_time = job->start_time, .slot = job->patch->slot};
    size_t at;

    snprintf(problem.uuid, sizeof(problem.uuid), "%s", job->patch->uuid);
    process_name(job->pid, problem.comm);
    problem.wanted = atomic_load(&job->patch->wanted);
    problem.opted_out = opted_out;
    problem.reason = (char *)reason;
    pthread_mutex_lock(&switcher->lock);
    at = find_problem(&switcher->problems, problem.uuid, problem.pid);
    if (at < switcher->problems.count) {
        problem.tries = switcher->problems.items[at].tries;
        remove_at(&switcher->problems, at);
    }
    if (problem.tries < RETRY_DOUBLINGS)
        problem.tries++;
    problem.next_try = hold_clock() + (RETRY_FIRST_NS << (problem.tries - 1));
    problem_list_add(&switcher->problems, &problem);
    pthread_mutex_unlock(&switcher->lock);
}

void problem_rest(struct switcher *switcher, const char *uuid, const struct hold_event *event)
{
    pthread_mutex_lock(&switcher->lock);
    if (find_problem(&switcher->problems, uuid, (pid_t)event->tgid) < switcher->problems.count)
        hold_verdict_set(switcher->hold, event, UINT64_MAX);
    pthread_mutex_unlock(&switcher->lock);
}

void problem_solved(struct switcher *switcher, const char *uuid, pid_t pid)
{
    size_t at;

    pthread_mutex_lock(&switcher->lock);
    at = find_problem(&switcher->problems, uuid, pid);
    if (at < switcher->problems.count) {
        /* It may be held again: after an exec, or when the patch is applied again. */
        if (switcher->hold)
            hold_verdict_clear(switcher->hold, pid, switcher->problems.items[at].slot);
        remove_at(&switcher->problems, at);
    }
    pthread_mutex_unlock(&switcher->lock);
}

struct problem_list switcher_problems(struct switcher *switcher, const char *uuid)
{
    struct problem_list list = {0};

    pthread_mutex_lock(&switcher->lock);
    for (size_t i = 0; i < switcher->problems.count; i++)
        if (!uuid || strcmp(switcher->problems.items[i].uuid, uuid) == 0)
            problem_list_add(&list, &switcher->problems.items[i]);
    pthread_mutex_unlock(&switcher->lock);
    return list;
}

void switcher_forget(struct switcher *switcher, const char *uuid)
{
    pthread_mutex_lock(&switcher->lock);
    for (size_t i = switcher->problems.count; i-- > 0;)
        if (strcmp(switcher->problems.items[i].uuid, uuid) == 0) {
            if (switcher->hold)
                hold_verdict_clear(switcher->hold, switcher->problems.items[i].pid,
                                   switcher->problems.items[i].slot);
            remove_at(&switcher->problems, i);
        }
    pthread_mutex_unlock(&switcher->lock);
}

uint64_t switcher_next_retry(struct switcher *switcher)
{
    uint64_t next = 0;

    pthread_mutex_lock(&switcher->lock);
    for (size_t i = 0; i < switcher->problems.count; i++) {
        const struct problem *problem = &switcher->problems.items[i];

        if (!problem->opted_out && (!next || problem->next_try < next))
            next = problem->next_try;
    }
    pthread_mutex_unlock(&switcher->lock);
    return next;
}

/* Tries one problem again, or drops it when its process or its patch is gone. */
static void retry_problem(struct switcher *switcher, const struct problem *problem)
{
    struct live_patch *patch = live_set_find(switcher->live, problem->uuid);
    struct switch_job job = {
        .pid = problem->pid,
        .start_time = problem->start_time,
        .patch = patch,
        .deadline = hold_clock() + RETRY_TRY_NS,
    };

    if (!patch || process_start_time(problem->pid) != problem->start_time)
        problem_solved(switcher, problem->uuid, problem->pid);
    else
        switch_process(switcher, switcher->injectors[0], &job);
    live_patch_put(patch);
}

void switcher_retry(struct switcher *switcher)
{
    cleanup_problems struct problem_list list = switcher_problems(switcher, NULL);
    uint64_t now = hold_clock();

    pthread_mutex_lock(&switcher->pass_lock);
    for (size_t i = 0; i < list.count && hold_clock() < now + RETRY_ROUND_NS; i++)
        if (list.items[i].next_try <= now)
            retry_problem(switcher, &list.items[i]);
    pthread_mutex_unlock(&switcher->pass_lock);
}

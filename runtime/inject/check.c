// SPDX-License-Identifier: GPL-2.0-or-later
// Compares the instruction pointers and stacks of all threads with the code to be changed.
#include "runtime/inject/check.h"
#include "runtime/inject/stack.h"
#include "runtime/inject/stop.h"

#include <stdlib.h>

#define NUDGES_MAX 100

int check_add(struct job *job, struct check *check, uint64_t low, uint64_t high, size_t func)
{
    if (high - low < 2)
        return 0;
    if (check->count == check->capacity) {
        size_t capacity = check->capacity * 2 + 16;
        struct check_window *more = realloc(check->windows, capacity * sizeof(*more));

        if (!more)
            return reply_set(job->reply, INJECT_FAILED, "out of memory");
        check->windows = more;
        check->capacity = capacity;
    }
    check->windows[check->count++] = (struct check_window){low, high, func};
    return 0;
}

void check_free(struct check *check)
{
    free(check->windows);
    *check = (struct check){0};
}

static int window_order(const void *a, const void *b)
{
    const struct check_window *left = a;
    const struct check_window *right = b;

    return (left->low > right->low) - (left->low < right->low);
}

/* Binary search: the last window that begins below the word. Windows are disjoint. */
static bool word_hits(uint64_t word, void *data)
{
    struct check *check = data;
    size_t low = 0;
    size_t high = check->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (check->windows[middle].low < word)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || word >= check->windows[low - 1].high)
        return false;
    check->hit = check->windows[low - 1].func;
    return true;
}

static int busy(struct job *job, const struct check *check, const struct tracee *tracee,
                const char *where)
{
    reply_function(job, check->hit);
    job->reply->tid = tracee->tid;
    reply_set(job->reply, INJECT_BUSY, "thread %d is in %.64s (%s)", tracee->tid,
              job->reply->function, where);
    return JOB_RETRY;
}

/* A thread that runs is let run: out of five bytes it comes within a few microseconds. */
static int pointer_check(struct job *job, struct check *check, struct tracee *tracee)
{
    uint64_t until = clock_now() + UINT64_C(10000000);

    for (int i = 0; tracee->stopped && word_hits(arch_regs_ip(&tracee->regs), check); i++) {
        if (i == NUDGES_MAX || clock_now() > until)
            return busy(job, check, tracee, "instruction pointer");
        job->reply->retries++;
        if (thread_nudge(job, tracee, until) < 0)
            return JOB_RETRY;
    }
    return 0;
}

static int stack_check(struct job *job, struct check *check, struct tracee *tracee)
{
    struct stack_visitor visitor = {.word = word_hits, .data = check};
    int result = stack_walk(job, tracee, &visitor);

    if (result == STACK_LOST)
        return JOB_RETRY;
    return result > 0 ? busy(job, check, tracee, "stack") : result;
}

int check_threads(struct job *job, struct check *check)
{
    struct tracee_set *set = &job->threads;
    int result = 0;

    qsort(check->windows, check->count, sizeof(*check->windows), window_order);
    for (size_t i = 0; result == 0 && i < set->count; i++)
        if (set->items[i].stopped)
            result = pointer_check(job, check, &set->items[i]);
    /* Stacks only when nobody moves any more. */
    for (size_t i = 0; result == 0 && i < set->count; i++)
        if (set->items[i].stopped)
            result = stack_check(job, check, &set->items[i]);
    return result;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to switcher.c (passes), switcher_process.c (one process), switcher_problems.c (retries).
 */
#ifndef SYSCARE_RUNTIME_SWITCHER_P_H
#define SYSCARE_RUNTIME_SWITCHER_P_H

#include "runtime/switcher.h"

#include <pthread.h>

#define SWITCHER_WORKERS 4

struct switcher {
    struct hold *hold; /* may be NULL */
    struct live_set *live;
    const struct options *options;
    const struct log *log;
    struct build_id_cache *cache;
    pthread_mutex_t pass_lock;                    /* one pass, or one round of retries, at a time */
    struct injector *injectors[SWITCHER_WORKERS]; /* of passes and retries; under pass_lock */
    pthread_mutex_t lock;                         /* of everything below */
    pthread_cond_t gate_open;                     /* a process was left */
    pid_t *busy;                                  /* processes that a thread works on */
    size_t busy_count;
    struct problem_list problems;
};

/* One process and what is to be done with it. */
struct switch_job {
    pid_t pid;
    uint64_t start_time;
    struct live_patch *patch;
    uint32_t flags;    /* enum inject_flags */
    uint64_t deadline; /* hold_clock() */
};

enum switch_outcome {
    SWITCH_DONE,    /* it was changed */
    SWITCH_ALREADY, /* it was as wanted */
    SWITCH_GONE,    /* it ended, or does not map the file any more */
    SWITCH_PROBLEM, /* it is not as wanted: the problem was recorded */
};

/* Brings one process to what the patch wants now. */
enum switch_outcome switch_process(struct switcher *switcher, struct injector *injector,
                                   const struct switch_job *job);

/* Records, or replaces, the problem of a process. */
void problem_record(struct switcher *switcher, const struct switch_job *job, const char *reason,
                    bool opted_out);

/*
 * Callers of the process that the event tells of are not held while the problem that was recorded
 * lasts: it may have been solved meanwhile, by a pass.
 */
void problem_rest(struct switcher *switcher, const char *uuid, const struct hold_event *event);

/* The process is as wanted, or gone. */
void problem_solved(struct switcher *switcher, const char *uuid, pid_t pid);

/* Appends a copy. */
void problem_list_add(struct problem_list *list, const struct problem *problem);

#endif

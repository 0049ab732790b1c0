/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which processes can share the memory of a process, without a look at all of them.
 *
 * Two processes share memory only if one was cloned from the other (CLONE_VM without CLONE_THREAD),
 * so whoever shares with a process that shared with nobody a moment ago is younger than that
 * moment; and process ids are given in turn. With 1,000 processes a comparison with each, for
 * each, took three quarters of a pass.
 */
#ifndef SYSCARE_INJECT_RECENT_H
#define SYSCARE_INJECT_RECENT_H

#include "runtime/inject/injector.h"

/*
 * True if all that may share the memory of job->pid are among the ids after *after up to *last,
 * which goes on at 1 behind the highest id if *last is less. False: it may be any process.
 */
bool recent_range(struct job *job, pid_t *after, pid_t *last);

/* The highest process id, plus 1. */
pid_t recent_pid_max(void);

/* NULL is allowed. */
void recent_free(struct vm_snapshot *snapshot);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that share the memory of another without being its threads: vfork, CLONE_VM. */
#ifndef SYSCARE_INJECT_SHARERS_H
#define SYSCARE_INJECT_SHARERS_H

#include "runtime/inject/injector.h"

/*
 * Seizes and interrupts the threads of all processes that share the memory of job->pid and are not
 * in job->threads yet. How many; -1 with the reply set.
 */
int sharers_interrupt(struct job *job);

/* A process that shares the memory of job->pid, or 0. */
pid_t sharer_find(struct job *job);

/* True if the task shares the memory of job->pid. */
bool sharer_is(struct job *job, pid_t tid);

#endif

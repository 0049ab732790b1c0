/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The recipes: apply, revert and query a patch in one process. */
#ifndef SYSCARE_INJECT_JOB_H
#define SYSCARE_INJECT_JOB_H

#include "runtime/inject/injector.h"

/* Each fills job->reply. They return nothing: the reply is the result. */
void job_apply(struct job *job);
void job_revert(struct job *job);
void job_query(struct job *job);

/* Shared by the recipes. 0, JOB_RETRY or -1 with the reply set. */

/* Opens the process anew and reads its state: after each stop, since exec may have replaced it. */
int job_look(struct job *job);

/* Checks that it is the process meant, that it is alive and not frozen. */
int job_process_check(struct job *job);

/*
 * Runs attempt until it returns something other than JOB_RETRY or the deadline has passed; all
 * threads are released after each one.
 */
void job_repeat(struct job *job, int (*attempt)(struct job *job));

/* Stops the process and reads its state. *since: when everything stood still. */
int job_stop(struct job *job, uint64_t *since);

/* A thread of the job that is stopped; the leader's id when there is none. */
pid_t job_stopped_tid(const struct job *job);

/*
 * Stops one thread after the other until work, which gets a stopped one, does not return JOB_RETRY.
 * The others run on. The state is read anew before.
 */
int job_borrow(struct job *job, int (*work)(struct job *job, struct tracee *host));

/* Accounts for the time that all threads stood still. */
void job_stopped(struct job *job, uint64_t since);

/* Frees what belongs to the job. */
void job_free(struct job *job);

/* Functions that jump to other SysCare patches, in all instances. */
uint32_t job_superseded(const struct job *job);

#endif

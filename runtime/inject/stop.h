/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stops and resumes threads, without signals: PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH.
 * Neither the target nor its parent nor job control sees it. Every wait ends at a deadline.
 *
 * A thread in uninterruptible sleep may not stop in time. It cannot be detached before it does
 * (ptrace(2)), so it goes to injector->pending and is detached by pending_poll() when it stops.
 */
#ifndef SYSCARE_INJECT_STOP_H
#define SYSCARE_INJECT_STOP_H

#include "runtime/inject/injector.h"

/* ptrace(2) with a fault point. */
long trace(struct injector *injector, int request, pid_t tid, void *address, void *data);

/*
 * Adds all threads of process tgid that are not in job->threads yet, seizes and interrupts them,
 * without waiting. The number added; 0 when there is nothing new; -1 with the reply set.
 */
int threads_interrupt(struct job *job, pid_t tgid);

/* Adds, seizes and interrupts one thread. 1, 0 when it is gone or a zombie, -1 with the reply. */
int thread_interrupt(struct job *job, pid_t tgid, pid_t tid);

/*
 * Waits until all threads of the set have stopped or are gone, and reads their registers. 0, or -1
 * with INJECT_BUSY and the tid when one did not stop before until (ns).
 */
int threads_wait(struct job *job, uint64_t until);

/* Lets a stopped thread run on for a moment, then stops it again. 0, or -1 with the reply set. */
int thread_nudge(struct job *job, struct tracee *tracee, uint64_t until);

/*
 * Detaches all threads: they go on where they were; a system call that the stop made fail with
 * EINTR is repeated. Threads that never stopped go to the pending table.
 */
void threads_release(struct job *job);

/*
 * The same, unless all was done and the request says INJECT_STAY: then they stay stopped, for the
 * next request to take them.
 */
void threads_leave(struct job *job, bool done);

/* Takes what stands still for this job; lets go of another process. */
void parked_take(struct job *job);

/* Lets go of what stands still for a request that has not come. */
void parked_release(struct injector *injector);

/* Milliseconds until that is due; -1: nothing stands still. */
int parked_wait(const struct injector *injector);

/* Stops every task that shares the memory of job->pid. 0, JOB_RETRY or -1, with the reply set. */
int process_stop(struct job *job);

/*
 * Detaches those of the pending table that have stopped meanwhile, but not threads of the process
 * `except` (0: none): the next attempt takes them over, without any running in between.
 */
void pending_poll(struct injector *injector, pid_t except);

/* True while there are any. */
bool pending_any(const struct injector *injector);

/* Waits for a change of state of one tracee. */
enum wait_result {
    WAIT_STOPPED, /* *status is as waitpid(2) gives it */
    WAIT_GONE,
    WAIT_TIMEOUT,
};
enum wait_result tracee_wait(struct injector *injector, pid_t tid, int *status, uint64_t until);

/*
 * To be woken costs more than what is waited for: with the tracee on another processor a stop takes
 * 50 us with sleeping and half of that without; on the same processor it never comes while we look.
 * So looking again and again for SPIN_NS is tried as long as it succeeds.
 */
#define SPIN_NS UINT64_C(40000)
bool spin_worth(struct injector *injector);
void spin_judge(struct injector *injector, bool caught);

int registers_get(struct injector *injector, pid_t tid, struct arch_regs *regs);
int registers_set(struct injector *injector, pid_t tid, const struct arch_regs *regs);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// Seizes, stops and releases threads by ptrace.
#include "runtime/inject/stop.h"
#include "lib/cleanup.h"
#include "runtime/inject/cut.h"
#include "runtime/inject/fault.h"
#include "runtime/inject/release.h"
#include "runtime/inject/sharers.h"
#include "runtime/inject/task.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

/* A stop by PTRACE_INTERRUPT or of the whole group, ptrace(2); from <linux/ptrace.h>. */
#define EVENT_STOP 128

/* A running thread stops in microseconds; one that has not after this sleeps in the kernel. */
#define STOP_PATIENCE_NS UINT64_C(30000000)
#define NUDGE_NS 20000

/* A look costs 0.3 us. Where several in a row were in vain, the next are left out. */
#define SPIN_FAILURES 3
#define SPIN_PAUSE 50

/* How long a process stands still for the next request: INJECT_STAY. */
#define PARK_NS UINT64_C(100000000)
#define STOP_ROUNDS 1000

uint64_t clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

long trace(struct injector *injector, int request, pid_t tid, void *address, void *data)
{
    fault_point(injector);
    return ptrace((enum __ptrace_request)request, tid, address, data);
}

int registers_get(struct injector *injector, pid_t tid, struct arch_regs *regs)
{
    struct iovec iov = {&regs->user, sizeof(regs->user)};

    (void)injector;
    return ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &iov) < 0 ? -1 : 0;
}

int registers_set(struct injector *injector, pid_t tid, const struct arch_regs *regs)
{
    struct iovec iov = {(void *)&regs->user, sizeof(regs->user)};

    return trace(injector, PTRACE_SETREGSET, tid, (void *)NT_PRSTATUS, &iov) < 0 ? -1 : 0;
}

/* Sleeps until a child changes state; at most 1 ms, in case the signal came before. */
static void child_wait(uint64_t until)
{
    struct timespec time = {0, 1000000};
    uint64_t now = clock_now();
    sigset_t set;

    if (until > now && until - now < 1000000)
        time.tv_nsec = (long)(until - now);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigtimedwait(&set, NULL, &time);
}

bool spin_worth(struct injector *injector)
{
    if (injector->spin_pause == 0)
        return true;
    injector->spin_pause--;
    return false;
}

void spin_judge(struct injector *injector, bool caught)
{
    if (caught)
        injector->spin_failures = 0;
    else if (++injector->spin_failures >= SPIN_FAILURES)
        injector->spin_pause = SPIN_PAUSE;
}

/* waitpid(2) without waiting; again for a moment where that pays. */
static pid_t wait_spinning(struct injector *injector, pid_t tid, int *status)
{
    pid_t found = waitpid(tid, status, __WALL | WNOHANG);
    uint64_t end;

    if (found != 0 || !spin_worth(injector))
        return found;
    end = clock_now() + SPIN_NS;
    while (found == 0 && clock_now() < end)
        found = waitpid(tid, status, __WALL | WNOHANG);
    spin_judge(injector, found != 0);
    return found;
}

enum wait_result tracee_wait(struct injector *injector, pid_t tid, int *status, uint64_t until)
{
    for (;;) {
        pid_t found = wait_spinning(injector, tid, status);

        if (found == tid)
            return WIFSTOPPED(*status) ? WAIT_STOPPED : WAIT_GONE;
        if (found < 0 && errno != EINTR)
            return WAIT_GONE; /* ECHILD: another thread's exec has swallowed it */
        if (clock_now() >= until)
            return WAIT_TIMEOUT;
        child_wait(until);
    }
}

static struct tracee *set_find(struct tracee_set *set, pid_t tid)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i].tid == tid)
            return &set->items[i];
    return NULL;
}

static struct tracee *set_add(struct tracee_set *set, pid_t tgid, pid_t tid, uint64_t since)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity * 2 + 16;
        struct tracee *more = realloc(set->items, capacity * sizeof(*more));

        if (!more)
            return NULL;
        set->items = more;
        set->capacity = capacity;
    }
    set->items[set->count] = (struct tracee){.tid = tid, .tgid = tgid, .since = since};
    return &set->items[set->count++];
}

static void set_remove(struct tracee_set *set, struct tracee *tracee)
{
    *tracee = set->items[--set->count];
}

/* Why PTRACE_SEIZE said EPERM. 0 when the thread is just dying. */
static int seize_refused(struct job *job, pid_t tgid, pid_t tid)
{
    uint64_t tracer = 0;

    if (task_is_dead(tgid, tid))
        return 0;
    if (task_status_value(tgid, tid, "TracerPid:", 10, &tracer) && tracer) {
        job->reply->tracer = (int32_t)tracer;
        return reply_set(job->reply, INJECT_TRACED, "process %llu traces it",
                         (unsigned long long)tracer);
    }
    return reply_set(job->reply, INJECT_UNSUPPORTED, "ptrace of thread %d is not permitted", tid);
}

int thread_interrupt(struct job *job, pid_t tgid, pid_t tid)
{
    struct injector *injector = job->injector;
    struct tracee *pending = set_find(&injector->pending, tid);
    uint64_t since = clock_now();

    if (!task_runs_program(tgid, tid))
        return 0;
    /* One that we gave up on before is still seized and interrupted: take it over. */
    if (pending) {
        since = pending->since;
        set_remove(&injector->pending, pending);
    } else if (trace(injector, PTRACE_SEIZE, tid, NULL, (void *)(long)PTRACE_O_TRACESYSGOOD) < 0)
        return errno == EPERM ? seize_refused(job, tgid, tid) : 0;
    if (!set_add(&job->threads, tgid, tid, since))
        return reply_set(job->reply, INJECT_FAILED, "out of memory");
    /* ESRCH here means that it is ending: the wait will find that out. */
    trace(injector, PTRACE_INTERRUPT, tid, NULL, NULL);
    return 1;
}

int threads_interrupt(struct job *job, pid_t tgid)
{
    cleanup_free pid_t *tids = NULL;
    int count = task_list(tgid, &tids);
    int added = 0;

    for (int i = 0; i < count; i++) {
        int result;

        if (set_find(&job->threads, tids[i]))
            continue;
        result = thread_interrupt(job, tgid, tids[i]);
        if (result < 0)
            return -1;
        added += result;
    }
    return added;
}

/*
 * Takes the stop of one thread. False if it was another kind of stop than the one asked for: a
 * signal on its way is passed on, and since any stop cancels a pending interrupt, that is renewed
 * first; the thread then stops before it runs any instruction of a handler.
 */
static bool stop_take(struct job *job, struct tracee *tracee, int status)
{
    struct injector *injector = job->injector;

    if (status >> 16 != EVENT_STOP) {
        int signal = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);

        trace(injector, PTRACE_INTERRUPT, tracee->tid, NULL, NULL);
        trace(injector, PTRACE_CONT, tracee->tid, NULL, (void *)(long)signal);
        return false;
    }
    if (registers_get(injector, tracee->tid, &tracee->regs) < 0)
        return false; /* killed while stopped: the next wait says so */
    tracee->stopped = true;
    return true;
}

/*
 * A thread that was held at its first call runs old code when it is let go. On a busy machine it
 * may wait long for a processor, or for a lock of its memory, before it can stop.
 */
static bool is_worth_waiting(const struct job *job)
{
    return job->request->flags & INJECT_LAZY && clock_now() < job->deadline;
}

static int thread_wait(struct job *job, struct tracee *tracee, uint64_t until)
{
    while (!tracee->stopped && !tracee->gone) {
        int status = 0;

        switch (tracee_wait(job->injector, tracee->tid, &status, until)) {
        case WAIT_GONE:
            tracee->gone = true;
            break;
        case WAIT_STOPPED:
            stop_take(job, tracee, status);
            break;
        case WAIT_TIMEOUT:
            if (is_worth_waiting(job)) {
                until = job->deadline;
                break;
            }
            job->reply->tid = tracee->tid;
            return reply_set(job->reply, INJECT_BUSY,
                             "thread %d does not stop (it sleeps in the kernel)", tracee->tid);
        }
    }
    return 0;
}

int threads_wait(struct job *job, uint64_t until)
{
    for (size_t i = 0; i < job->threads.count; i++)
        if (thread_wait(job, &job->threads.items[i], until) < 0)
            return -1;
    return 0;
}

/* Before a thread goes on: a call that only our stop interrupted is made again. */
static void call_repair(struct injector *injector, struct tracee *tracee)
{
    struct arch_regs regs = tracee->regs;

    if (arch_regs_repeat_call(&regs) && !task_signal_pending(tracee->tgid, tracee->tid))
        registers_set(injector, tracee->tid, &regs);
}

/*
 * The sleep is needed: a thread that is interrupted at once stops again before it has executed a
 * single instruction. PTRACE_SINGLESTEP is no way: if we died, its trap flag would kill the thread.
 */
int thread_nudge(struct job *job, struct tracee *tracee, uint64_t until)
{
    struct timespec moment = {0, NUDGE_NS};

    call_repair(job->injector, tracee);
    tracee->stopped = false;
    trace(job->injector, PTRACE_CONT, tracee->tid, NULL, NULL);
    nanosleep(&moment, NULL);
    trace(job->injector, PTRACE_INTERRUPT, tracee->tid, NULL, NULL);
    return thread_wait(job, tracee, until);
}

static void thread_release(struct injector *injector, struct tracee *tracee)
{
    call_repair(injector, tracee);
    /* Killed while it was stopped: its parent hears of the end only when we have taken the status.
     */
    if (trace(injector, PTRACE_DETACH, tracee->tid, NULL, NULL) < 0)
        set_add(&injector->pending, tracee->tgid, tracee->tid, tracee->since);
}

void threads_release(struct job *job)
{
    struct injector *injector = job->injector;

    for (size_t i = 0; i < job->threads.count; i++) {
        struct tracee *tracee = &job->threads.items[i];

        if (tracee->gone)
            continue;
        if (tracee->stopped) {
            cut_repair(injector, tracee);
            thread_release(injector, tracee);
        } else {
            set_add(&injector->pending, tracee->tgid, tracee->tid, tracee->since);
        }
    }
    job->threads.count = 0;
}

void threads_leave(struct job *job, bool done)
{
    struct injector *injector = job->injector;

    if (!done || !(job->request->flags & INJECT_STAY) || job->threads.count == 0) {
        threads_release(job);
        return;
    }
    parked_release(injector);
    injector->parked = job->threads;
    injector->parked_until = clock_now() + PARK_NS;
    job->threads = (struct tracee_set){0};
}

void parked_take(struct job *job)
{
    struct tracee_set *parked = &job->injector->parked;

    for (size_t i = 0; i < parked->count; i++)
        if (parked->items[i].tgid == job->pid) {
            job->threads = *parked;
            *parked = (struct tracee_set){0};
            return;
        }
    parked_release(job->injector);
}

void parked_release(struct injector *injector)
{
    struct job job = {.injector = injector, .threads = injector->parked};

    injector->parked = (struct tracee_set){0};
    threads_release(&job);
    free(job.threads.items);
}

int parked_wait(const struct injector *injector)
{
    uint64_t now = clock_now();

    if (injector->parked.count == 0)
        return -1;
    return injector->parked_until > now ? (int)((injector->parked_until - now) / 1000000) + 1 : 0;
}

/*
 * A thread of the pending table that stopped with a signal gets it; the detach does the rest. A
 * thread abandoned in an injected call needs nothing more: its frame brings it back (infect.h).
 */
void pending_poll(struct injector *injector, pid_t except)
{
    struct tracee_set *set = &injector->pending;

    for (size_t i = set->count; i-- > 0;) {
        struct tracee *tracee = &set->items[i];
        int status = 0;
        pid_t found;

        if (tracee->tgid == except)
            continue;
        found = waitpid(tracee->tid, &status, __WALL | WNOHANG);
        /* Without news it may still stand in a stop that we lost control in: then this succeeds. */
        if (found == 0 && trace(injector, PTRACE_DETACH, tracee->tid, NULL, NULL) < 0)
            continue;
        if (found == tracee->tid && WIFSTOPPED(status)) {
            bool event = status >> 16 != 0 || WSTOPSIG(status) == (SIGTRAP | 0x80);

            if (event && registers_get(injector, tracee->tid, &tracee->regs) == 0) {
                cut_repair(injector, tracee);
                call_repair(injector, tracee);
            }
            trace(injector, PTRACE_DETACH, tracee->tid, NULL,
                  (void *)(long)(event ? 0 : WSTOPSIG(status)));
        }
        set_remove(set, tracee);
    }
}

bool pending_any(const struct injector *injector)
{
    return injector->pending.count > 0;
}

/* Interrupts all threads of the process; then a held caller of it may go on. */
static int own_interrupt(struct job *job)
{
    int added;
    int total = 0;

    while ((added = threads_interrupt(job, job->pid)) > 0)
        total += added;
    hold_release(job);
    return added < 0 ? -1 : total;
}

/*
 * Threads that are not stopped yet can make new ones, so the list is read until a round with all
 * of them stopped finds nothing new. Other processes that share the memory are looked for only
 * then: that takes a system call for each process there is, and a process without any, which is
 * the rule, is done after one look.
 */
static int process_stop_rounds(struct job *job, uint64_t until)
{
    for (int round = 0; round < STOP_ROUNDS; round++) {
        int own = own_interrupt(job);
        int others = own < 0 ? -1 : round > 0 ? sharers_interrupt(job) : 0;

        if (others < 0)
            return -1;
        if (round > 0 && own + others == 0)
            return 0;
        if (threads_wait(job, until) < 0)
            return JOB_RETRY;
    }
    reply_set(job->reply, INJECT_BUSY, "it makes threads faster than they can be stopped");
    return JOB_RETRY;
}

/* A child of vfork may have come through its exec before it stopped: then it is none of ours. */
static void strangers_release(struct job *job)
{
    struct tracee_set *set = &job->threads;

    for (size_t i = set->count; i-- > 0;) {
        struct tracee *tracee = &set->items[i];

        if (!tracee->stopped || tracee->tgid == job->pid || sharer_is(job, tracee->tid))
            continue;
        thread_release(job->injector, tracee);
        set_remove(set, tracee);
    }
}

int process_stop(struct job *job)
{
    /* Not cut at the deadline: a wait too short would blame a thread that was about to stop. */
    int result = process_stop_rounds(job, clock_now() + STOP_PATIENCE_NS);
    size_t stopped = 0;

    if (result == 0)
        strangers_release(job);
    for (size_t i = 0; i < job->threads.count; i++)
        stopped += job->threads.items[i].stopped;
    if (result == 0 && stopped == 0)
        return reply_set(job->reply, INJECT_GONE, "the process ended");
    if (stopped > job->reply->threads)
        job->reply->threads = (uint32_t)stopped;
    return result;
}

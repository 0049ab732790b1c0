// SPDX-License-Identifier: GPL-2.0-or-later
// Targets with threads, children, and processes that share their memory.
#include "tests/targets-target.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static long thread_rest = 20;

static void *thread_run(void *data)
{
    (void)data;
    for (;;) {
        round_once();
        rest_ms(thread_rest);
    }
    return NULL;
}

static void threads_start(unsigned long count)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    for (unsigned long i = 0; i < count; i++)
        if (pthread_create(&thread, &attributes, thread_run, NULL) != 0)
            fail("pthread_create");
}

/* threads N */
static void run_threads(char **arguments)
{
    unsigned long count = strtoul(arguments[0], NULL, 10);

    thread_rest = (long)count; /* the same load for all numbers */
    threads_start(count - 1);
    thread_run(NULL);
}

/* The leader ends: a zombie, while its threads run on. */
static void run_leader_gone(char **arguments)
{
    (void)arguments;
    threads_start(2);
    pthread_exit(NULL);
}

static void *thread_short(void *data)
{
    (void)data;
    round_once();
    return NULL;
}

static void run_thread_churn(char **arguments)
{
    pthread_t thread;

    (void)arguments;
    for (;;)
        if (pthread_create(&thread, NULL, thread_short, NULL) == 0)
            pthread_join(thread, NULL), rest_ms(1);
        else
            fail("pthread_create");
}

static void child_wait(pid_t child)
{
    int status = 0;
    pid_t found = waitpid(child, &status, 0);

    call_check("waitpid", found);
    if (found != child || status == 0)
        return;
    if (!self->note[0])
        snprintf(self->note, sizeof(self->note), "a child ended with status %#x", (unsigned)status);
    atomic_fetch_add(&self->failed, 1);
}

/* Children that call once. */
static void run_forks(char **arguments)
{
    (void)arguments;
    for (;;) {
        pid_t child = fork();

        if (child == 0) {
            round_once();
            _exit(0);
        }
        round_once();
        if (child > 0)
            child_wait(child);
        rest_ms(2);
    }
}

/* Executes itself after each round. */
static void run_execs(char **arguments)
{
    char **argv = arguments - 4;

    round_once();
    rest_ms(10);
    execv("/proc/self/exe", argv);
    fail("execv");
}

/* The parent stands in vfork until the child has ended, and the child shares the memory. */
static void run_vforks(char **arguments)
{
    const char *milliseconds = arguments[0] ? arguments[0] : "20";
    long rest = strtol(milliseconds, NULL, 10);

    for (;;) {
        pid_t child = vfork();

        if (child == 0) {
            rest_ms(rest);
            _exit(0);
        }
        if (child > 0)
            child_wait(child);
        round_once();
    }
}

static void run_spawns(char **arguments)
{
    static char *words[] = {"true", NULL};
    pid_t child;

    (void)arguments;
    for (;;) {
        int failed = posix_spawn(&child, "/bin/true", NULL, NULL, words, environ);

        errno = failed;
        if (failed)
            fail("posix_spawn");
        else
            child_wait(child);
        round_once();
        rest_ms(2);
    }
}

static int sharer_run(void *data)
{
    (void)data;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    rounds_forever();
}

/* Another process with the same memory, not a thread. */
static void run_sharer(char **arguments)
{
    char *stack = malloc(65536);

    (void)arguments;
    if (!stack || clone(sharer_run, stack + 65536, CLONE_VM | SIGCHLD, NULL) < 0)
        fail("clone");
    rounds_forever();
}

/* Watches a child as a shell with job control does. at: stops and continuations that it saw. */
static void run_watcher(char **arguments)
{
    pid_t child = fork();
    int status;

    (void)arguments;
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        rounds_forever();
    }
    for (;;) {
        pid_t found = waitpid(child, &status, WUNTRACED | WCONTINUED);

        call_check("waitpid", found);
        if (found == child && (WIFSTOPPED(status) || WIFCONTINUED(status)))
            atomic_fetch_add(&self->at, 1);
    }
}

/* Is traced by a process of its own, until it is told to go. at: the tracer. */
static void run_traced(char **arguments)
{
    pid_t target = getpid();
    pid_t child;

    (void)arguments;
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (ptrace(PTRACE_SEIZE, target, 0, 0) < 0)
            _exit(1);
        atomic_store(&self->at, (unsigned long)getpid());
        while (!atomic_load(&self->go))
            usleep(5000);
        _exit(0);
    }
    rounds_forever();
}

/* Ends at once; its parent does not care. The parent is a child that never calls a function. */
static void run_zombie(char **arguments)
{
    (void)arguments;
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        round_once();
        _exit(0);
    }
    rounds_forever();
}

/* First in a pid namespace of its own, as a container's init; it reaps as one. */
static void run_init(char **arguments)
{
    (void)arguments;
    if (getpid() != 1) {
        errno = ESRCH;
        fail("not the first");
    }
    signal(SIGCHLD, SIG_IGN);
    rounds_forever();
}

const struct kind kinds_thread[] = {
    {"threads", run_threads},
    {"leader-gone", run_leader_gone},
    {"thread-churn", run_thread_churn},
    {"forks", run_forks},
    {"execs", run_execs},
    {"vforks", run_vforks},
    {"spawns", run_spawns},
    {"sharer", run_sharer},
    {"watcher", run_watcher},
    {"traced", run_traced},
    {"zombie", run_zombie},
    {"init", run_init},
    {0},
};

// SPDX-License-Identifier: GPL-2.0-or-later
// A process to be patched: threads that call the functions and watch themselves for damage.
#include "tests/inject-target.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef FUNCTIONS_BY_DLOPEN
static int (*answer0)(int), (*answer1)(int), (*answer2)(int), (*answer3)(int), (*quiet)(int);
#else
int answer0(int x);
int answer1(int x);
int answer2(int x);
int answer3(int x);
int quiet(int x);
#endif

void quiet_sleep(void);

static struct target_status *status;
static __thread struct target_thread *self;

void quiet_sleep(void)
{
    struct timespec time = {0, 200000000};

    nanosleep(&time, NULL);
}

static void result_count(struct target_thread *thread, int argument, int result, int *fresh)
{
    if (result == 2 * argument + 1001) {
        thread->new_calls++;
        (*fresh)++;
    } else if (result == 2 * argument + 1) {
        thread->old_calls++;
    } else {
        thread->wrong++;
    }
}

/* One round: each function once. A switch in the middle is allowed once a round, from old to new.
 */
static void functions_call(struct target_thread *thread)
{
    int argument = (int)(thread->rounds % 100000);
    int fresh = 0;

    result_count(thread, argument, answer0(argument), &fresh);
    result_count(thread, argument, answer1(argument), &fresh);
    result_count(thread, argument, answer2(argument), &fresh);
    result_count(thread, argument, answer3(argument), &fresh);
    if (fresh != 0 && fresh != TARGET_FUNCTIONS)
        thread->mixed++;
    thread->rounds++;
}

static void call_count(struct target_thread *thread, long result)
{
    if (result >= 0)
        return;
    if (errno == EINTR)
        thread->eintr++;
    else
        thread->failed++;
}

/* Loads a pattern into the vector registers, spins, compares. */
static void vector_round(struct target_thread *thread)
{
    uint8_t pattern[64], after[64];

    memset(pattern, (int)thread->rounds | 1, sizeof(pattern));
    if (__builtin_cpu_supports("avx")) {
        __asm__ volatile("vmovups (%0), %%ymm5\n vmovups 32(%0), %%ymm15\n mov $20000, %%ecx\n"
                         "1: dec %%ecx\n jnz 1b\n vmovups %%ymm5, (%1)\n vmovups %%ymm15, 32(%1)\n"
                         "vzeroupper"
                         :
                         : "r"(pattern), "r"(after)
                         : "rcx", "memory", "xmm5", "xmm15");
    } else {
        __asm__ volatile("movups (%0), %%xmm5\n movups 16(%0), %%xmm15\n mov $20000, %%ecx\n"
                         "1: dec %%ecx\n jnz 1b\n movups %%xmm5, (%1)\n movups %%xmm15, 16(%1)\n"
                         :
                         : "r"(pattern), "r"(after)
                         : "rcx", "memory", "xmm5", "xmm15");
        memcpy(after + 32, pattern + 32, 32);
    }
    if (memcmp(pattern, after, sizeof(pattern)) != 0)
        thread->state_lost++;
}

/* Keeps a word in each slot of the red zone while it spins. */
static void red_zone_round(struct target_thread *thread)
{
    uint64_t sum = 0;

    __asm__ volatile("sub $256, %%rsp\n"
                     "mov $16, %%rcx\n"
                     "1: mov %%rcx, %%rax\n neg %%rax\n mov %%rcx, (%%rsp,%%rax,8)\n dec %%rcx\n"
                     "jnz 1b\n"
                     "mov $20000, %%ecx\n 2: dec %%ecx\n jnz 2b\n"
                     "mov $16, %%rcx\n"
                     "3: mov %%rcx, %%rax\n neg %%rax\n add (%%rsp,%%rax,8), %0\n dec %%rcx\n"
                     "jnz 3b\n"
                     "add $256, %%rsp\n"
                     : "+r"(sum)
                     :
                     : "rax", "rcx", "memory", "cc");
    if (sum != 136)
        thread->state_lost++;
}

static void futex_round(struct target_thread *thread)
{
    static int word;
    struct timespec time = {0, 1000000};
    long result = syscall(SYS_futex, &word, FUTEX_WAIT, 0, &time, NULL, 0);

    if (result < 0 && errno != ETIMEDOUT)
        call_count(thread, result);
}

static void signal_handler(int signal)
{
    (void)signal;
    if (self)
        functions_call(self);
}

static volatile int fork_wanted;

static void fork_handler(int signal)
{
    (void)signal;
    fork_wanted = 1;
}

/* What a program that changes its own code does; the kernel puts uprobes in again. */
static void mprotect_handler(int signal)
{
    char *page = (char *)((uintptr_t)answer0 & ~(uintptr_t)4095);

    (void)signal;
    mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static void signals_begin(void)
{
    struct sigaction action = {.sa_handler = signal_handler, .sa_flags = SA_ONSTACK | SA_RESTART};
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
    struct itimerspec interval = {{0, 1000000}, {0, 1000000}};
    timer_t timer;

    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
    event.sigev_notify_thread_id = (int)syscall(SYS_gettid);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &interval, NULL);
}

struct descriptors {
    int epoll;
    int pipe[2];
};

/* Overwrites what earlier calls left on the stack, as other calls of a real program do. */
__attribute__((noinline)) static void stack_clear(void)
{
    volatile char bytes[2048];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = 0;
}

static void *churn_run(void *data)
{
    functions_call(data);
    return NULL;
}

/* A thread that is born, calls and dies. It counts for itself, in a slot that nobody else has. */
static void churn_round(struct target_thread *thread)
{
    pthread_t child;

    if (pthread_create(&child, NULL, churn_run, thread + TARGET_THREADS_MAX / 2) == 0)
        pthread_join(child, NULL);
}

/* posix_spawn(3): until its exec the child shares the memory, and this thread cannot be stopped. */
static void spawn_round(struct target_thread *thread)
{
    static char *arguments[] = {"true", NULL};
    int status = 0;
    pid_t child;

    if (posix_spawn(&child, "/bin/true", NULL, NULL, arguments, NULL) != 0 ||
        waitpid(child, &status, 0) != child || status != 0)
        thread->failed++;
}

static void kind_round(struct target_thread *thread, enum target_kind kind,
                       const struct descriptors *fds)
{
    struct timespec time = {0, 1000000};
    struct epoll_event event;
    char byte = 0;

    switch (kind) {
    case TARGET_NANOSLEEP:
        call_count(thread, nanosleep(&time, NULL));
        break;
    case TARGET_EPOLL:
        call_count(thread, epoll_wait(fds->epoll, &event, 1, 2));
        break;
    case TARGET_POLL:
        call_count(thread, poll(NULL, 0, 2));
        break;
    case TARGET_FUTEX:
        futex_round(thread);
        break;
    case TARGET_READ:
        call_count(thread, write(fds->pipe[1], &byte, 1));
        call_count(thread, read(fds->pipe[0], &byte, 1));
        break;
    case TARGET_VECTOR:
        vector_round(thread);
        break;
    case TARGET_RED_ZONE:
        red_zone_round(thread);
        break;
    case TARGET_CHURN:
        churn_round(thread);
        break;
    case TARGET_SPAWN:
        spawn_round(thread);
        break;
    case TARGET_QUIET:
        result_count(thread, 5, quiet(5), &(int){0});
        time.tv_nsec = 100000000;
        nanosleep(&time, NULL);
        break;
    default:
        break;
    }
}

struct start {
    size_t index;
    enum target_kind kind;
};

static void *thread_run(void *data);

/* The child is a process with one thread that does nothing but call. */
static void child_make(void)
{
    fork_wanted = 0;
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        thread_run(&(struct start){TARGET_THREADS_MAX - 2, TARGET_BUSY});
        _exit(0);
    }
}

static void *thread_run(void *data)
{
    const struct start *start = data;
    struct target_thread *thread = &status->threads[start->index];
    struct descriptors fds = {.epoll = epoll_create1(0)};
    struct epoll_event event = {.events = EPOLLIN};

    if (pipe(fds.pipe) < 0)
        abort();
    epoll_ctl(fds.epoll, EPOLL_CTL_ADD, eventfd(0, 0), &event);
    if (start->kind == TARGET_SIGNALS) {
        /* The handler counts for itself: the thread's own round must not be torn by it. */
        self = &status->threads[TARGET_THREADS_MAX - 1];
        signals_begin();
    }
    __atomic_add_fetch(&status->ready, 1, __ATOMIC_SEQ_CST);
    while (!status->stop) {
        functions_call(thread);
        stack_clear();
        kind_round(thread, start->kind, &fds);
        if (fork_wanted && start->index == 0)
            child_make();
    }
    return NULL;
}

#ifdef FUNCTIONS_BY_DLOPEN
static void functions_load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);

    if (!library)
        abort();
    *(void **)&answer0 = dlsym(library, "answer0");
    *(void **)&answer1 = dlsym(library, "answer1");
    *(void **)&answer2 = dlsym(library, "answer2");
    *(void **)&answer3 = dlsym(library, "answer3");
    *(void **)&quiet = dlsym(library, "quiet");
}
#endif

/* inject-target THREADS KIND|-1 [seccomp|mdwe|rlimit] [library]: -1 is all kinds in turn. */
int main(int argc, char **argv)
{
    static struct start starts[TARGET_THREADS_MAX];
    size_t threads = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    long kind = argc > 2 ? strtol(argv[2], NULL, 10) : TARGET_BUSY;
    const char *option = argc > 3 ? argv[3] : "";
    pthread_t thread;

    status = mmap(NULL, sizeof(*status), PROT_READ | PROT_WRITE, MAP_SHARED, TARGET_STATUS_FD, 0);
    if (status == MAP_FAILED || threads < 1 || threads >= TARGET_THREADS_MAX)
        return 2;
    signal(SIGUSR2, fork_handler);
    signal(SIGRTMIN, mprotect_handler);
#ifdef FUNCTIONS_BY_DLOPEN
    functions_load(argv[4]);
#endif
    if (strcmp(option, "mdwe") == 0 && prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0) < 0)
        return 77;
    if (strcmp(option, "rlimit") == 0)
        setrlimit(RLIMIT_AS, &(struct rlimit){1 << 20, 1 << 20});
    for (size_t i = 0; i < threads; i++)
        starts[i] = (struct start){i, kind < 0 ? (enum target_kind)(i % TARGET_CHURN)
                                               : (enum target_kind)kind};
    for (size_t i = 1; i < threads; i++)
        if (pthread_create(&thread, NULL, thread_run, &starts[i]) != 0)
            return 3;
    /* Strict mode: anything but read, write, exit and sigreturn kills. Only TARGET_BUSY can live.
     */
    if (strcmp(option, "seccomp") == 0 && prctl(PR_SET_SECCOMP, 1) < 0)
        return 4;
    if (strcmp(option, "seccomp") == 0) {
        __atomic_add_fetch(&status->ready, 1, __ATOMIC_SEQ_CST);
        while (!status->stop)
            functions_call(&status->threads[0]);
        syscall(SYS_exit, 0);
    }
    thread_run(&starts[0]);
    return 0;
}

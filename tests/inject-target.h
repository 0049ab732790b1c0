/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the target of the injector's tests tells about itself, in memory shared with the test. */
#ifndef TESTS_INJECT_TARGET_H
#define TESTS_INJECT_TARGET_H

#include <stdint.h>

#define TARGET_STATUS_FD 3
#define TARGET_THREADS_MAX 64
#define TARGET_FUNCTIONS 4

/* What a thread does between its calls of the functions to be patched. */
enum target_kind {
    TARGET_BUSY,      /* nothing */
    TARGET_NANOSLEEP, /* nanosleep(2), 1 ms */
    TARGET_EPOLL,     /* epoll_wait(2) with a timeout: a ptrace stop makes it fail with EINTR */
    TARGET_POLL,      /* poll(2) with a timeout */
    TARGET_FUTEX,     /* futex(2) wait with a timeout */
    TARGET_READ,      /* read(2) from a pipe that a timer fills */
    TARGET_VECTOR,    /* keeps values in all vector registers while it spins */
    TARGET_RED_ZONE,  /* a leaf function that keeps values below the stack pointer */
    TARGET_SIGNALS,   /* a timer at 1 kHz; the handler runs on an alternate stack and calls too */
    TARGET_CHURN,     /* makes a thread that calls once and ends */
    TARGET_SPAWN,     /* posix_spawn(3): the child shares the memory until its exec */
    TARGET_QUIET,     /* sleeps inside quiet() */
    TARGET_KINDS,
};

struct target_thread {
    volatile uint64_t rounds;
    volatile uint64_t old_calls, new_calls;
    volatile uint64_t wrong;      /* a result that is neither the old nor the new one */
    volatile uint64_t mixed;      /* functions of one round of which not all are old or all new */
    volatile uint64_t eintr;      /* system calls that failed with EINTR */
    volatile uint64_t failed;     /* with another error */
    volatile uint64_t state_lost; /* registers or stack words that changed */
};

struct target_status {
    volatile uint32_t ready; /* threads that have begun */
    volatile uint32_t stop;  /* set by the test */
    struct target_thread threads[TARGET_THREADS_MAX];
};

#endif

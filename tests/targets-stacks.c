// SPDX-License-Identifier: GPL-2.0-or-later
// Targets with unusual stacks: handlers, coroutines, no room, none at all.
#include "tests/targets-target.h"

#include <alloca.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096

static void alternate_stack(size_t size)
{
    /* malloc, not mmap: no guard page, and other data right below it. */
    stack_t stack = {.ss_sp = malloc(size), .ss_size = size};

    if (!stack.ss_sp || sigaltstack(&stack, NULL) < 0)
        fail("sigaltstack");
}

static void handler_forever(int signal)
{
    (void)signal;
    rounds_forever();
}

/* Stays in a signal handler on an alternate stack for ever. */
static void run_handler(char **arguments)
{
    struct sigaction action = {.sa_handler = handler_forever, .sa_flags = SA_ONSTACK};

    (void)arguments;
    alternate_stack(65536);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
}

static void handler_round(int signal)
{
    int saved = errno;

    (void)signal;
    round_once();
    errno = saved;
}

/* A timer at 1 kHz whose handler calls too, on an alternate stack. */
static void run_signals(char **arguments)
{
    struct sigaction action = {.sa_handler = handler_round, .sa_flags = SA_ONSTACK | SA_RESTART};
    struct itimerspec interval = {{0, 1000000}, {0, 1000000}};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    timer_t timer;

    (void)arguments;
    alternate_stack(65536);
    sigaction(SIGUSR1, &action, NULL);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 ||
        timer_settime(timer, 0, &interval, NULL) < 0)
        fail("timer");
    rounds_forever();
}

#define COROUTINES 4
static ucontext_t scheduler, coroutines[COROUTINES];

static void coroutine(int index)
{
    for (;;) {
        round_once();
        rest_ms(2);
        swapcontext(&coroutines[index], &scheduler);
    }
}

/* Coroutines on stacks of 16 KiB in the heap; each is left in the middle most of the time. */
static void run_coroutines(char **arguments)
{
    (void)arguments;
    for (int i = 0; i < COROUTINES; i++) {
        getcontext(&coroutines[i]);
        coroutines[i].uc_stack.ss_sp = malloc(16384);
        coroutines[i].uc_stack.ss_size = 16384;
        coroutines[i].uc_link = &scheduler;
        makecontext(&coroutines[i], (void (*)(void))coroutine, 1, i);
    }
    for (int i = 0;; i = (i + 1) % COROUTINES)
        swapcontext(&scheduler, &coroutines[i]);
}

#define SMALL_STACK 4096
#define SMALL_UNUSED 512 /* at the end of each, which neither old nor new code comes to */
#define SMALL_STACKS 32
#define SMALL_ARENA (128ul << 20)
static uint64_t (*small_stacks)[SMALL_STACK / sizeof(uint64_t)];
static ucontext_t small[SMALL_STACKS];

static void check_unused(int index)
{
    for (size_t i = 0; i < SMALL_UNUSED / sizeof(uint64_t); i++)
        if (small_stacks[index][i] != i)
            fail("the stack of a coroutine was written to");
}

static void small_coroutine(int index)
{
    for (;;) {
        round_once();
        rest_ms(1);
        check_unused(index);
        swapcontext(&small[index], &small[(index + 1) % SMALL_STACKS]);
    }
}

/*
 * Coroutines on stacks of 4 KiB, one beside the other, as languages with their own scheduler have
 * them: there is always one running, with little room below it before the next one begins, and a
 * large heap behind them.
 */
static void run_small_coroutines(char **arguments)
{
    (void)arguments;
    small_stacks =
        mmap(NULL, SMALL_ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (small_stacks == MAP_FAILED)
        fail("mmap");
    for (int i = 0; i < SMALL_STACKS; i++) {
        for (size_t j = 0; j < SMALL_STACK / sizeof(uint64_t); j++)
            small_stacks[i][j] = j;
        getcontext(&small[i]);
        small[i].uc_stack.ss_sp = small_stacks[i];
        small[i].uc_stack.ss_size = SMALL_STACK;
        makecontext(&small[i], (void (*)(void))small_coroutine, 1, i);
    }
    round_once(); /* so that all calls are bound: that needs much stack */
    rest_ms(1);
    swapcontext(&scheduler, &small[0]);
}

/*
 * nanosleep(2) with the stack pointer at another place, and back. Nothing is pushed there. Given
 * numbers in registers, so that it needs no stack itself.
 */
static long sleep_at(uint64_t stack, const struct timespec *time)
{
    long result;

    __asm__ volatile("mov %%rsp, %%rbx\n mov %1, %%rsp\n syscall\n mov %%rbx, %%rsp"
                     : "=a"(result)
                     : "r"(stack), "0"((long)SYS_nanosleep), "D"(time), "S"(0L)
                     : "rbx", "rcx", "r11", "memory");
    return result;
}

/* The lowest page of a mapping with a guard page below: `left` bytes of it are free. */
static uint64_t stack_edge(size_t left)
{
    char *area = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (area == MAP_FAILED || mprotect(area + PAGE, 2 * PAGE, PROT_READ | PROT_WRITE) < 0)
        fail("stack_edge");
    return (uint64_t)area + PAGE + left;
}

/* Most of the time on a stack with no room for a signal frame; calls from its own in between. */
static void run_edge(char **arguments)
{
    const struct timespec time = {0, 40000000};
    uint64_t stack = stack_edge(arguments[0] ? strtoul(arguments[0], NULL, 10) : 200);

    for (;;) {
        long result = sleep_at(stack, &time);

        if (result < 0)
            errno = (int)-result, call_check("nanosleep", -1);
        for (int i = 0; i < 4; i++) {
            round_once();
            rest_ms(2);
        }
    }
}

static void *edge_thread(void *data)
{
    const struct timespec time = {0, 5000000};
    uint64_t stack = stack_edge(200);

    (void)data;
    round_once();
    atomic_store(&self->at, 1);
    while (!atomic_load(&self->go))
        sleep_at(stack, &time);
    rounds_forever();
    return NULL;
}

/*
 * Never leaves such a stack until it is told to. The main thread, which could lend the stack of the
 * process, has ended.
 */
static void run_edge_waits(char **arguments)
{
    pthread_t thread;

    (void)arguments;
    if (pthread_create(&thread, NULL, edge_thread, NULL) != 0)
        fail("thread");
    pthread_exit(NULL);
}

/* The stack pointer is used for something else, as some old cipher code does. */
static void run_nowhere(char **arguments)
{
    const struct timespec time = {0, 20000000};

    (void)arguments;
    for (;;) {
        sleep_at(0x10, &time);
        sleep_at(0xdead000000000008, &time);
        round_once();
        rest_ms(2);
    }
}

/* One thread has such a stack pointer all the time; the other is as usual. */
static void *nowhere_thread(void *data)
{
    const struct timespec time = {0, 20000000};

    (void)data;
    for (;;)
        sleep_at(0x10, &time);
    return NULL;
}

static void run_nowhere_thread(char **arguments)
{
    pthread_t thread;

    (void)arguments;
    if (pthread_create(&thread, NULL, nowhere_thread, NULL) != 0)
        fail("pthread_create");
    rounds_forever();
}

/* A call chain so deep that it has just come to a new page: the stack ends right below. */
static void run_deep(char **arguments)
{
    volatile char *low = __builtin_frame_address(0);
    volatile char *bottom;

    (void)arguments;
    /* More than what the kernel maps in advance, then to 600 bytes above the end of a page. */
    bottom = (char *)(((uintptr_t)low - 600000) & ~(uintptr_t)(PAGE - 1));
    for (volatile char *at = low; at > bottom + PAGE; at -= PAGE / 2)
        alloca(PAGE / 2), *(volatile char *)alloca(16) = 1;
    while ((uintptr_t)__builtin_frame_address(0) > 0 && (char *)alloca(16) > bottom + 700)
        ;
    rounds_forever();
}

/* Keeps values in x87, SSE and AVX registers, in the rounding mode and below the stack pointer. */
static void state_keep(void)
{
    uint64_t pattern[4] = {0x1111, 0x2222, 0x3333, 0x4444}, after[4] = {0};
    uint32_t mxcsr = 0x7f80, mxcsr_after = 0, status = 0;
    uint16_t control = 0x0c7f, control_after = 0;

    __asm__ volatile(
        "ldmxcsr %[mxcsr]\n fldcw %[control]\n fldpi\n"
        "vmovdqu (%[from]), %%ymm13\n"
        "sub $256, %%rsp\n movq $0x5ca1e, -128(%%rsp)\n movq $0x5ca1f, -8(%%rsp)\n"
        "mov $400000, %%ecx\n 1: dec %%ecx\n jnz 1b\n"
        "xor %[status], %[status]\n"
        "cmpq $0x5ca1e, -128(%%rsp)\n je 2f\n or $1, %[status]\n"
        "2: cmpq $0x5ca1f, -8(%%rsp)\n je 3f\n or $2, %[status]\n"
        "3: add $256, %%rsp\n vmovdqu %%ymm13, (%[to])\n vzeroupper\n"
        "fstp %%st(0)\n fnstcw %[control_after]\n stmxcsr %[mxcsr_after]\n"
        : [status] "=&r"(status), [mxcsr_after] "=m"(mxcsr_after),
          [control_after] "=m"(control_after), "=m"(after)
        : [from] "r"(pattern), [to] "r"(after), [mxcsr] "m"(mxcsr), [control] "m"(control),
          "m"(pattern)
        : "rcx", "xmm13", "st", "cc", "memory");
    mxcsr_after &= 0xffc0;
    if (status || mxcsr_after != mxcsr || control_after != control ||
        memcmp(pattern, after, sizeof(pattern)) != 0)
        atomic_fetch_add(&self->lost, 1);
    mxcsr = 0x1f80;
    control = 0x037f;
    __asm__ volatile("ldmxcsr %0\n fldcw %1" : : "m"(mxcsr), "m"(control));
}

static void run_state(char **arguments)
{
    (void)arguments;
    if (!__builtin_cpu_supports("avx"))
        rounds_forever();
    for (;;) {
        for (int i = 0; i < 4; i++)
            state_keep();
        round_once();
        rest_ms(1);
    }
}

const struct kind kinds_stack[] = {
    {"handler", run_handler},
    {"signals", run_signals},
    {"coroutines", run_coroutines},
    {"small-coroutines", run_small_coroutines},
    {"edge", run_edge},
    {"edge-waits", run_edge_waits},
    {"nowhere", run_nowhere},
    {"nowhere-thread", run_nowhere_thread},
    {"deep", run_deep},
    {"state", run_state},
    {0},
};

// SPDX-License-Identifier: GPL-2.0-or-later
// The program that the benchmarks of the runtime patch: calls, waits, and measures itself.
//
// bench-target once            one call, prints the nanoseconds it took and what it gave
// bench-target calls           patched calls and calls of the same function compiled in, in turns
// bench-target threads N       N threads; "gap" on stdin prints the longest pause of the first
// bench-target never           maps the function, never calls it
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

int answer0(int x);
void quiet_sleep(void);

/* inject-functions.S calls it. */
void quiet_sleep(void)
{
}

/* What bench-patch.c makes of answer0, compiled in. */
__attribute__((noinline, noclone)) static int fixed0(int x)
{
    __asm__ volatile("");
    return 2 * x + 1001;
}

static long now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* Nanoseconds for each of many calls; through a pointer, so that both are called the same way. */
static double time_calls(int (*volatile function)(int))
{
    const int count = 10000000;
    int (*called)(int) = function;
    long begin = now_ns();

    for (int i = 0; i < count; i++) {
        int result = called(i);

        __asm__ volatile("" : : "r"(result));
    }
    return (double)(now_ns() - begin) / count;
}

static void run_calls(void)
{
    for (int i = 0; i < 15; i++)
        printf("%.3f %.3f %s\n", time_calls(answer0), time_calls(fixed0),
               answer0(5) == fixed0(5) ? "new" : "old");
}

static void run_once(void)
{
    long begin = now_ns();
    int result = answer0(5);

    printf("%ld %s\n", now_ns() - begin, result == 1011 ? "new" : "old");
}

static atomic_long longest_gap;

#define SPIN_NS 1500000
#define SLEEP_NS 250000

/*
 * Looks at the clock nearly all the time: what is missing is the pause. A real-time thread that
 * never sleeps is stopped for 50 ms each second by the kernel; time that it overslept counts too.
 */
static void *watch_clock(void *data)
{
    const struct sched_param param = {.sched_priority = 1};
    long last = now_ns(), slept = last;

    (void)data;
    sched_setscheduler(0, SCHED_FIFO, &param); /* neighbours are not what is measured */
    for (;;) {
        long now = now_ns();

        if (now - last > atomic_load_explicit(&longest_gap, memory_order_relaxed))
            atomic_store(&longest_gap, now - last);
        last = now;
        if (now - slept > SPIN_NS) {
            usleep(SLEEP_NS / 1000);
            slept = now_ns();
            last = now + SLEEP_NS < slept ? now + SLEEP_NS : slept;
        }
    }
    return NULL;
}

static void *sleep_and_call(void *data)
{
    for (;;) {
        usleep(10000);
        if (answer0(5) == 0)
            return data;
    }
}

static void run_threads(int count)
{
    pthread_attr_t small;
    pthread_t thread;
    char line[64];

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    for (int i = 0; i < count; i++)
        if (pthread_create(&thread, &small, i ? sleep_and_call : watch_clock, NULL) != 0)
            abort();
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    while (fgets(line, sizeof(line), stdin))
        printf("%ld\n", atomic_exchange(&longest_gap, 0));
}

int main(int argc, char **argv)
{
    prctl(PR_SET_TIMERSLACK, 1);
    if (argc == 2 && strcmp(argv[1], "once") == 0)
        run_once();
    else if (argc == 2 && strcmp(argv[1], "calls") == 0)
        run_calls();
    else if (argc == 3 && strcmp(argv[1], "threads") == 0)
        run_threads(atoi(argv[2]));
    else if (argc == 2 && strcmp(argv[1], "wait") == 0)
        pause();
    return 0;
}

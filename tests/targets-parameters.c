// SPDX-License-Identifier: GPL-2.0-or-later
// A target that calls the functions of targets-parameters.h, has one blocked, and cancels threads.
#include "tests/targets-parameters.h"
#include "tests/targets-target.h"

#include <pthread.h>
#include <unistd.h>

/* Counts the results of one round: old, new (by 1000), or wrong. */
struct tally {
    int old, fresh, wrong;
};

static void tally_add(struct tally *tally, long difference)
{
    tally->old += difference == 0;
    tally->fresh += difference == 1000;
    tally->wrong += difference != 0 && difference != 1000;
}

static long twice(long n)
{
    return 2 * n;
}

static void scalars_call(struct tally *tally, long x)
{
    int n = (int)x;
    double d = (double)x;

    tally_add(tally, p_ints(n, 1, 2, 3, 4, 5, 6, 7, -8, 9) -
                         (x + 2 + 6 + 12 + 20 + 30 + 42 + 56 - 72 + 90));
    tally_add(tally, (long)(p_doubles(d, 1, 2, 3, 4, 5, 6, 7, 8, 9) -
                            (d + 2 + 6 + 12 + 20 + 30 + 42 + 56 + 72 + 90)));
    tally_add(tally, (long)(p_both(n, 0.5, 7, 1.5f, "ab", 2) - (d + 1 + 21 + 6 + 5 * 'b' + 12)));
    tally_add(tally,
              p_various(8, x, 1l, 2l, 3l, 4l, 5l, 6l, 7l) - (x + 2 + 6 + 12 + 20 + 30 + 42 + 56));
    tally_add(tally, (long)(p_various_doubles(9, d, 1., 2., 3., 4., 5., 6., 7., 8.) -
                            (d + 2 + 6 + 12 + 20 + 30 + 42 + 56 + 72)));
    tally_add(tally,
              (long)(p_wide((__int128)x << 64, 3, (__int128)x << 65) - 7 * ((__int128)x << 64)));
    tally_add(tally, (long)(p_long_double(d, 3, 0.25L) - (d + 0.75L)));
    tally_add(tally, p_callback(twice, x) - (4 * x + 2));
    tally_add(tally, p_recursion(50) - 1275);
    tally_add(tally, p_bool(1, 200) ? 0 : 1000);
}

static void structures_call(struct tally *tally, long x)
{
    struct small small = p_small_back((int)x, 7);
    struct mixed mixed = p_mixed_back(0.5, x);
    struct large large = p_large_back(x, 3);
    _Complex double complex = p_complex((double)x + 2i, 3 + 4i);

    tally_add(tally, small.b == 7 ? small.a - x : -1);
    tally_add(tally, mixed.x == 5 ? mixed.n - 5 * x : -1);
    tally_add(tally, large.values[1] == 3 && large.values[4] == 3 * x ? large.values[5] - x : -1);
    tally_add(tally, p_small((struct small){1, 2}, (int)x) - (5 + 3 * x));
    tally_add(tally, (long)(p_mixed((struct mixed){0.5, x}, (struct mixed){1.5, 9}) -
                            (0.5 + 2 * (double)x + 4.5 + 36)));
    tally_add(tally, p_large(1, (struct large){{x, 0, 0, 0, 0, 2}}, 3) - (1 + 2 * x + 14 + 24));
    tally_add(tally, __imag__ complex == 10 ? (long)__real__ complex - (x + 6) : -1);
}

static void vectors_call(struct tally *tally, long x)
{
    vector4 four = p_vector4((vector4){(float)x, 1, 2, 3}, (vector4){1, 1, 1, 1});
    vector8 eight = p_vector8((vector8){(double)x, 1, 2, 3}, (vector8){1, 1, 1, 1});

    tally_add(tally, four[3] - four[1] == 2 ? (long)four[0] - (x + 2) : -1);
    tally_add(tally, eight[3] - eight[1] == 2 ? (long)eight[0] - (x + 2) : -1);
}

static void parameters_round(void)
{
    static atomic_long number;
    long x = atomic_fetch_add(&number, 1) % 1000;
    struct tally tally = {0};

    scalars_call(&tally, x);
    structures_call(&tally, x);
    if (__builtin_cpu_supports("avx"))
        vectors_call(&tally, x);
    if (tally.wrong)
        atomic_fetch_add(&self->wrong, 1);
    else if (!tally.fresh)
        atomic_fetch_add(&self->old_rounds, 1);
    else if (!tally.old)
        atomic_fetch_add(&self->new_rounds, 1);
    atomic_compare_exchange_strong(&self->first, &(unsigned long){0}, tally.fresh ? 2 : 1);
}

static void run_parameters(char **arguments)
{
    (void)arguments;
    for (;;) {
        for (int i = 0; i < 100; i++)
            parameters_round();
        rest_ms(2);
    }
}

static long sleeps(long n)
{
    for (;;)
        rest_ms(n);
}

static void *blocked_thread(void *data)
{
    (void)data;
    p_callback(sleeps, 10);
    return NULL;
}

/* A thread that never comes back out of a function, while others call it. */
static void run_blocked(char **arguments)
{
    pthread_t thread;

    (void)arguments;
    if (pthread_create(&thread, NULL, blocked_thread, NULL) != 0)
        fail("pthread_create");
    run_parameters(arguments);
}

static void cancelled(void *data)
{
    atomic_fetch_add((atomic_int *)data, 1);
}

static void *cancelled_thread(void *data)
{
    pthread_cleanup_push(cancelled, data);
    p_callback(sleeps, 1000);
    pthread_cleanup_pop(0);
    return NULL;
}

/* Threads that are cancelled while they are in a function, old or new: their handlers run. */
static void run_cancel(char **arguments)
{
    (void)arguments;
    for (;;) {
        atomic_int count = 0;
        pthread_t thread;

        if (pthread_create(&thread, NULL, cancelled_thread, &count) != 0)
            fail("pthread_create");
        parameters_round();
        rest_ms(2);
        pthread_cancel(thread);
        pthread_join(thread, NULL);
        if (atomic_load(&count) != 1)
            fail("the handler of a cancelled thread did not run");
    }
}

const struct kind kinds_parameters[] = {
    {"parameters", run_parameters}, {"blocked", run_blocked}, {"cancel", run_cancel}, {0}};

// SPDX-License-Identifier: GPL-2.0-or-later
// A program that calls three functions without pause, and tells which patches' code it met.
//
// With the argument `race N`: N children, in each of which three threads call one function each for
// the first time, at once; tells how many of the calls ran old code.
// Without: commands on stdin, answers on stdout: `call` gives the generation of each function (0:
// the old code); `seen` those pairs of the first two that were met since the last time.
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GENERATIONS 10

/* A call, another, and the first again: slower than that, two switches may lie in between. */
#define CLOSE_NS 100000

int answer0(int x);
int answer1(int x);
int answer2(int x);
void quiet_sleep(void);

static atomic_bool seen[GENERATIONS][GENERATIONS];

/* What inject-functions.S calls. */
void quiet_sleep(void)
{
}

/* Each patch adds a thousand times its generation. */
static int generation(int result)
{
    int more = result - 11;

    return more % 1000 || more < 0 || more / 1000 >= GENERATIONS ? -1 : more / 1000;
}

static long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000 + time.tv_nsec;
}

static void *call_forever(void *data)
{
    (void)data;
    for (;;) {
        long begin = now();
        int first = generation(answer0(5)), second = generation(answer1(5));

        if (first != generation(answer0(5)) || now() - begin > CLOSE_NS)
            continue;
        if (first < 0 || second < 0)
            __builtin_trap();
        atomic_store(&seen[first][second], true);
    }
    return NULL;
}

static void print_seen(void)
{
    const char *space = "";

    for (int i = 0; i < GENERATIONS; i++)
        for (int j = 0; j < GENERATIONS; j++)
            if (atomic_exchange(&seen[i][j], false)) {
                printf("%s%d%d", space, i, j);
                space = " ";
            }
    puts("");
}

static pthread_barrier_t start;

/* The first call of one function in this process. */
static void *call_first(void *data)
{
    int (*function)(int) = *(int (**)(int))data;

    pthread_barrier_wait(&start);
    return (void *)(long)(generation(function(5)) == 0);
}

/* How many of the first calls ran old code. */
static int race(void)
{
    int (*functions[])(int) = {answer0, answer1, answer2};
    pthread_t threads[3];
    int old = 0;

    pthread_barrier_init(&start, NULL, 3);
    for (int i = 0; i < 3; i++)
        if (pthread_create(&threads[i], NULL, call_first, &functions[i]) != 0)
            return 99;
    for (int i = 0; i < 3; i++) {
        void *result;

        pthread_join(threads[i], &result);
        old += result != NULL;
    }
    return old;
}

static int run_races(int count)
{
    int old = 0;

    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        int status;

        if (child == 0)
            _exit(race());
        if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
            return puts("a child died"), 1;
        old += WEXITSTATUS(status);
    }
    printf("%d of %d first calls ran old code\n", old, 3 * count);
    return 0;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    char line[64];

    if (argc == 3)
        return run_races(atoi(argv[2]));

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < 2; i++)
        if (pthread_create(&thread, NULL, call_forever, NULL) != 0)
            return 1;
    while (fgets(line, sizeof(line), stdin)) {
        if (strcmp(line, "call\n") == 0)
            printf("%d %d %d\n", generation(answer0(5)), generation(answer1(5)),
                   generation(answer2(5)));
        else
            print_seen();
    }
    return 0;
}

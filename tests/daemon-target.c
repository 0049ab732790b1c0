// SPDX-License-Identifier: GPL-2.0-or-later
// A program to be patched, which tells on demand whether it runs old or new code.
//
// With an argument: `once` calls and ends; `parent N` starts N children that do so, and tells what
// it saw of them. Without: commands on stdin, answers on stdout.
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef FUNCTIONS_BY_DLOPEN
static int (*answer0)(int);
#else
int answer0(int x);
#endif

void quiet_sleep(void);

static atomic_ulong old_calls, new_calls, wrong_calls;

/* What inject-functions.S calls; no test of the daemon does. */
void quiet_sleep(void)
{
}

/* 0: old code, 1: new code, 2: neither. */
static int call_once(void)
{
    int result = answer0(5);

    return result == 11 ? 0 : result == 1011 ? 1 : 2;
}

static const char *const words[] = {"old", "new", "wrong"};

static void *call_forever(void *data)
{
    (void)data;
    for (;;) {
        int result = call_once();

        atomic_fetch_add(result == 0 ? &old_calls : result == 1 ? &new_calls : &wrong_calls, 1);
        if (atomic_load(&new_calls) % 1000 == 0)
            usleep(100);
    }
    return NULL;
}

static void start_threads(int count)
{
    pthread_t thread;

    for (int i = 0; i < count; i++)
        if (pthread_create(&thread, NULL, call_forever, NULL) != 0)
            abort();
}

static void print_counts(void)
{
    unsigned long old = atomic_exchange(&old_calls, 0), fresh = atomic_exchange(&new_calls, 0);

    printf("old %s new %s wrong %lu\n", old ? "some" : "0", fresh ? "some" : "0",
           atomic_load(&wrong_calls));
}

static void open_library(const char *path)
{
#ifdef FUNCTIONS_BY_DLOPEN
    void *library = dlopen(path, RTLD_NOW);

    if (!library) {
        printf("%s\n", dlerror());
        return;
    }
    *(void **)&answer0 = dlsym(library, "answer0");
    puts("opened");
#else
    printf("cannot open %s\n", path);
#endif
}

/* Microseconds that one call takes. */
static void print_time(void)
{
    struct timespec from, to;
    int result;

    clock_gettime(CLOCK_MONOTONIC, &from);
    result = call_once();
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%s %ld\n", words[result],
           (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000);
}

/* Throws away the private copy of the page with the function, as madvise(2) allows anybody to. */
static void drop_text(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)answer0 & ~(page - 1);

    puts(madvise((void *)start, page, MADV_DONTNEED) == 0 ? "dropped" : strerror(errno));
}

static void serve(void)
{
    char line[512];

    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "call") == 0)
            puts(words[call_once()]);
        else if (strcmp(line, "time") == 0)
            print_time();
        else if (strncmp(line, "threads ", 8) == 0)
            start_threads(atoi(line + 8)), puts("started");
        else if (strcmp(line, "drop") == 0)
            drop_text();
        else if (strcmp(line, "count") == 0)
            print_counts();
        else if (strncmp(line, "open ", 5) == 0)
            open_library(line + 5);
    }
}

/* One child; true if its stop or continuation was seen. Its result is counted. */
static int watch_child(char *program, int counts[3])
{
    char *argv[] = {program, "once", NULL};
    int status, seen = 0;
    pid_t child = fork();

    if (child == 0) {
        execv(program, argv);
        _exit(9);
    }
    while (waitpid(child, &status, WUNTRACED | WCONTINUED) == child &&
           (WIFSTOPPED(status) || WIFCONTINUED(status)))
        seen = 1;
    if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
        counts[WEXITSTATUS(status)]++;
    else
        counts[2]++;
    return seen;
}

static void be_parent(char *program, int count)
{
    int counts[3] = {0}, seen = 0;

    for (int i = 0; i < count; i++)
        seen += watch_child(program, counts);
    printf("old %d new %d wrong %d stopped %d\n", counts[0], counts[1], counts[2], seen);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "once") == 0)
        return call_once();
    if (argc == 3 && strcmp(argv[1], "parent") == 0)
        be_parent(argv[0], atoi(argv[2]));
    else
        serve();
    return 0;
}

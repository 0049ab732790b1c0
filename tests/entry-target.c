// SPDX-License-Identifier: GPL-2.0-or-later
// A program with several functions to be patched, which tells which of them run new code.
//
// With the argument `once` it makes its first calls and ends with a status that says what it saw;
// `start N` starts N such children. Without: commands on stdin, answers on stdout. With a library
// as argument, the functions are that one's, opened on demand.
#include <dlfcn.h>
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

#define FUNCTIONS 3

typedef int (*function)(int);

#ifdef FUNCTIONS_BY_DLOPEN
static function functions[FUNCTIONS];
#else
int answer0(int x);
int answer1(int x);
int answer2(int x);
static function functions[FUNCTIONS] = {answer0, answer1, answer2};
#endif

void quiet_sleep(void);

static atomic_ulong calls[3]; /* old, new, wrong */

/* What inject-functions.S calls; no test here does. */
void quiet_sleep(void)
{
}

/* 'o': old code, 'n': new code, 'w': neither. */
static char call(int i)
{
    int result = functions[i](5);

    return result == 11 ? 'o' : result == 1011 ? 'n' : 'w';
}

static void print_calls(void)
{
    char text[FUNCTIONS + 1] = {0};

    for (int i = 0; i < FUNCTIONS; i++)
        text[i] = call(i);
    puts(text);
}

/* The state of all functions as an exit status: 0 all new, 1 all old, 2 mixed or wrong. */
static int call_once(void)
{
    char first = call(0);

    for (int i = 1; i < FUNCTIONS; i++)
        if (call(i) != first)
            return 2;
    return first == 'n' ? 0 : first == 'o' ? 1 : 2;
}

static void *call_forever(void *data)
{
    (void)data;
    for (unsigned long n = 0;; n++) {
        char result = call((int)(n % FUNCTIONS));

        atomic_fetch_add(&calls[result == 'o' ? 0 : result == 'n' ? 1 : 2], 1);
        if (n % 100 == 0)
            usleep(200);
    }
    return NULL;
}

static void start_threads(int count)
{
    pthread_t thread;

    for (int i = 0; i < count; i++)
        if (pthread_create(&thread, NULL, call_forever, NULL) != 0)
            abort();
    puts("started");
}

static void print_counts(void)
{
    unsigned long old = atomic_exchange(&calls[0], 0), fresh = atomic_exchange(&calls[1], 0);

    printf("old %s new %s wrong %lu\n", old ? "some" : "0", fresh ? "some" : "0",
           atomic_load(&calls[2]));
}

static void fork_and_call(void)
{
    pid_t child = fork();

    if (child == 0) {
        print_calls();
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

static void *library;

static void open_library(const char *path)
{
#ifdef FUNCTIONS_BY_DLOPEN
    static const char *const names[FUNCTIONS] = {"answer0", "answer1", "answer2"};

    library = dlopen(path, RTLD_NOW);
    for (int i = 0; library && i < FUNCTIONS; i++)
        *(void **)&functions[i] = dlsym(library, names[i]);
    puts(library ? "opened" : dlerror());
#else
    printf("cannot open %s\n", path);
#endif
}

static void close_library(void)
{
    puts(library && dlclose(library) == 0 ? "closed" : "failed");
}

/* Changes the protection of the text there and back: the kernel then puts its breakpoints again. */
static void protect_text(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    void *start = (void *)((uintptr_t)functions[0] & ~(page - 1));

    puts(mprotect(start, page, PROT_READ | PROT_WRITE | PROT_EXEC) == 0 &&
                 mprotect(start, page, PROT_READ | PROT_EXEC) == 0
             ? "protected"
             : "failed");
}

static void serve(void)
{
    char line[512];

    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "call") == 0)
            print_calls();
        else if (strncmp(line, "threads ", 8) == 0)
            start_threads(atoi(line + 8));
        else if (strcmp(line, "count") == 0)
            print_counts();
        else if (strcmp(line, "fork") == 0)
            fork_and_call();
        else if (strncmp(line, "open ", 5) == 0)
            open_library(line + 5);
        else if (strcmp(line, "close") == 0)
            close_library();
        else if (strcmp(line, "protect") == 0)
            protect_text();
    }
}

static void start_children(char *program, int count)
{
    char *argv[] = {program, "once", NULL};
    int counts[4] = {0}, stopped = 0;

    for (int i = 0; i < count; i++) {
        int status;
        pid_t child = fork();

        if (child == 0) {
            execv(program, argv);
            _exit(9);
        }
        while (waitpid(child, &status, WUNTRACED | WCONTINUED) == child &&
               (WIFSTOPPED(status) || WIFCONTINUED(status)))
            stopped++;
        counts[WIFEXITED(status) && WEXITSTATUS(status) < 3 ? WEXITSTATUS(status) : 3]++;
    }
    printf("new %d old %d mixed %d crashed %d stopped %d\n", counts[0], counts[1], counts[2],
           counts[3], stopped);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "once") == 0)
        return call_once();
    if (argc == 3 && strcmp(argv[1], "start") == 0)
        start_children(argv[0], atoi(argv[2]));
    else
        serve();
    return 0;
}

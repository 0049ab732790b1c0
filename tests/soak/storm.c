// SPDX-License-Identifier: GPL-2.0-or-later
// A process in which everything happens at once while patches come and go: calls, forks, execs,
// threads that begin and end, libraries that are opened and closed, text whose protection changes,
// signals a thousand times a second. Every result must be the old or the new one.
//
// storm LIBRARY         runs until the end of stdin; a line on stdin is answered with the counts
// storm once            one call; status 0 old, 1 new, 2 wrong
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

int answer0(int x);
int answer1(int x);
int answer2(int x);
void quiet_sleep(void);

static atomic_ulong old_calls, new_calls, wrong_calls, events;
static const char *program, *library;

/* inject-functions.S calls it. */
void quiet_sleep(void)
{
}

/* 0 old, 1 new, 2 wrong; counted. */
static int judge(int result, int x)
{
    int kind = result == 2 * x + 1 ? 0 : result == 2 * x + 1001 ? 1 : 2;

    atomic_fetch_add(kind == 0 ? &old_calls : kind == 1 ? &new_calls : &wrong_calls, 1);
    return kind;
}

static int call_all(int x)
{
    return judge(answer0(x), x) | judge(answer1(x), x) | judge(answer2(x), x);
}

static void *keep_calling(void *data)
{
    for (int x = 0;; x++) {
        call_all(x & 0xffff);
        if (x % 100 == 0)
            usleep(50);
    }
    return data;
}

static void *call_a_little(void *data)
{
    for (int x = 0; x < 20; x++)
        call_all(x);
    return data;
}

static void *make_threads(void *data)
{
    for (;;) {
        pthread_t threads[4];
        int count = 0;

        while (count < 4 && pthread_create(&threads[count], NULL, call_a_little, NULL) == 0)
            count++;
        while (count > 0)
            pthread_join(threads[--count], NULL);
        atomic_fetch_add(&events, 1);
        usleep(300);
    }
    return data;
}

/* The child's results count too: it tells them by its status. */
static void take_child(pid_t child)
{
    int status;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
        atomic_fetch_add(&wrong_calls, 1);
    atomic_fetch_add(&events, 1);
}

static void *make_processes(void *data)
{
    char *argv[] = {(char *)program, "once", NULL};

    for (int i = 0;; i++) {
        pid_t child = i % 2 ? fork() : vfork();

        if (child == 0) {
            if (i % 2 && i % 4 == 1)
                _exit(answer0(7) == 15 ? 0 : answer0(7) == 1015 ? 1 : 2);
            execv(program, argv);
            _exit(3);
        }
        if (child > 0)
            take_child(child);
        usleep(500);
    }
    return data;
}

/* Each eighth time in a namespace of its own, of which there are only a few: that may fail. */
static void *open_and_close(void *data)
{
    for (int x = 0;; x++) {
        Lmid_t space = x % 8 ? LM_ID_BASE : LM_ID_NEWLM;
        void *handle = dlmopen(space, library, RTLD_LAZY | RTLD_LOCAL);
        int (*function)(int) = handle ? (int (*)(int))dlsym(handle, "answer0") : NULL;

        if (function)
            judge(function(x & 0xffff), x & 0xffff);
        else if (space == LM_ID_BASE)
            atomic_fetch_add(&wrong_calls, 1);
        if (handle)
            dlclose(handle);
        atomic_fetch_add(&events, 1);
        usleep(300);
    }
    return data;
}

/* What a program that checks or patches itself does; the kernel splits the mapping, and merges. */
static void *protect_text(void *data)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    void *start = (void *)((uintptr_t)answer0 & ~(page - 1));

    for (;;) {
        mprotect(start, page, PROT_READ | PROT_WRITE | PROT_EXEC);
        usleep(200);
        mprotect(start, page, PROT_READ | PROT_EXEC);
        atomic_fetch_add(&events, 1);
        usleep(700);
    }
    return data;
}

static void handle_signal(int number)
{
    int saved = errno;

    call_all(number);
    errno = saved;
}

static void start_signals(void)
{
    const struct sigaction action = {.sa_handler = handle_signal,
                                     .sa_flags = SA_RESTART | SA_ONSTACK};
    const struct itimerval each = {{0, 1000}, {0, 1000}};
    static char stack[65536];
    const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};

    sigaltstack(&alternate, NULL);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &each, NULL);
}

static void start_thread(void *(*run)(void *))
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run, NULL) != 0)
        abort();
}

static void answer_counts(void)
{
    char line[64];

    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    for (;;) {
        errno = 0;
        if (fgets(line, sizeof(line), stdin)) {
            printf("old %lu new %lu wrong %lu events %lu\n", atomic_exchange(&old_calls, 0),
                   atomic_exchange(&new_calls, 0), atomic_load(&wrong_calls), atomic_load(&events));
        } else if (errno != EINTR) {
            return;
        }
        clearerr(stdin);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 9;
    if (strcmp(argv[1], "once") == 0)
        return answer0(5) == 11 ? 0 : answer0(5) == 1011 ? 1 : 2;
    program = realpath("/proc/self/exe", NULL);
    library = argv[1];
    start_signals();
    start_thread(keep_calling);
    start_thread(keep_calling);
    start_thread(make_threads);
    start_thread(make_processes);
    start_thread(open_and_close);
    start_thread(protect_text);
    answer_counts();
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a program that can be struck at any of its system calls: killed there, or made to fail.
//
// usage: targets-strike FILE run PROGRAM [ARGUMENT]...
//        targets-strike FILE kill N           the next program that gets to its Nth call dies
//        targets-strike FILE fail NUMBER ERRNO N    its Nth call of that number fails
//        targets-strike FILE count            from now on calls are only counted
//        targets-strike FILE calls|struck     prints how many there were; what was done
// All programs that run with the same FILE count together. The program keeps its process id: what
// traces it is a child of its own.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

struct control {
    atomic_long calls;   /* counted since the last command */
    atomic_long kill_at; /* 0: never */
    atomic_long fail_at; /* of the calls of that number; 0: never */
    atomic_long fail_number, fail_errno, matched;
    atomic_long struck; /* times that anything was done */
};

static bool is_system_call(int status)
{
    return WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80);
}

/* At the entry of a call that is to fail: makes it none. True if the result must be set later. */
static bool call_spoil(struct control *control, pid_t tid)
{
    struct user_regs_struct regs;

    if (!atomic_load(&control->fail_at) || ptrace(PTRACE_GETREGS, tid, 0, &regs) < 0 ||
        (long)regs.orig_rax != atomic_load(&control->fail_number) ||
        atomic_fetch_add(&control->matched, 1) + 1 != atomic_load(&control->fail_at))
        return false;
    regs.orig_rax = (unsigned long)-1;
    atomic_fetch_add(&control->struck, 1);
    return ptrace(PTRACE_SETREGS, tid, 0, &regs) == 0;
}

static void result_spoil(const struct control *control, pid_t tid)
{
    struct user_regs_struct regs;

    if (ptrace(PTRACE_GETREGS, tid, 0, &regs) < 0)
        return;
    regs.rax = (unsigned long)-atomic_load(&control->fail_errno);
    ptrace(PTRACE_SETREGS, tid, 0, &regs);
}

/* A thread at a call: kernels tell entry from exit by PTRACE_GET_SYSCALL_INFO (5.3). */
static bool at_entry(pid_t tid)
{
    struct __ptrace_syscall_info information;

    return ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof(information), &information) > 0 &&
           information.op == PTRACE_SYSCALL_INFO_ENTRY;
}

#define SPOILED_MAX 64

static void call_handle(struct control *control, pid_t program, pid_t tid, pid_t *spoiled)
{
    size_t at = 0;

    while (at < SPOILED_MAX - 1 && spoiled[at] != tid && spoiled[at])
        at++;
    if (!at_entry(tid)) {
        if (spoiled[at] == tid)
            result_spoil(control, tid);
        spoiled[at] = spoiled[at] == tid ? -1 : spoiled[at];
        return;
    }
    if (atomic_fetch_add(&control->calls, 1) + 1 == atomic_load(&control->kill_at)) {
        atomic_fetch_add(&control->struck, 1);
        kill(program, SIGKILL);
    } else if (call_spoil(control, tid)) {
        spoiled[at] = tid;
    }
}

/* Passes everything on but the stops that are ours. */
static void stop_handle(struct control *control, pid_t program, pid_t tid, int status,
                        pid_t *spoiled)
{
    int event = status >> 16, signal = 0;

    if (is_system_call(status))
        call_handle(control, program, tid, spoiled);
    else if (event == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP) {
        ptrace(PTRACE_LISTEN, tid, 0, 0);
        return;
    } else if (!event)
        signal = WSTOPSIG(status);
    ptrace(PTRACE_SYSCALL, tid, 0, (void *)(long)signal);
}

static int trace(struct control *control, pid_t program, int ready)
{
    static pid_t spoiled[SPOILED_MAX];
    int status;
    pid_t tid;

    if (ptrace(PTRACE_SEIZE, program, 0,
               PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL) < 0)
        return 1;
    ptrace(PTRACE_INTERRUPT, program, 0, 0);
    close(ready);
    while ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR)
        if (tid > 0 && WIFSTOPPED(status))
            stop_handle(control, program, tid, status, spoiled);
    return 0;
}

static int run(struct control *control, char **argv)
{
    pid_t program = getpid();
    int ready[2];
    char byte;

    if (pipe(ready) < 0)
        return 1;
    if (fork() == 0) {
        /* Nothing of what the program was given is kept open here. */
        for (int fd = 0; fd < 1024; fd++)
            if (fd != ready[1])
                close(fd);
        setsid();
        signal(SIGTERM, SIG_IGN);
        _exit(trace(control, program, ready[1]));
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) < 0)
        return 1;
    close(ready[0]);
    execv(argv[0], argv);
    return 127;
}

static int command(struct control *control, int argc, char **argv)
{
    const char *verb = argv[2];

    if (strcmp(verb, "calls") == 0 || strcmp(verb, "struck") == 0)
        return printf("%ld\n", atomic_load(*verb == 'c' ? &control->calls : &control->struck)) < 0;
    memset(control, 0, sizeof(*control));
    if (strcmp(verb, "kill") == 0 && argc == 4)
        return atomic_store(&control->kill_at, atol(argv[3])), 0;
    if (strcmp(verb, "fail") != 0 || argc != 6)
        return strcmp(verb, "count") == 0 ? 0 : 2;
    atomic_store(&control->fail_number, atol(argv[3]));
    atomic_store(&control->fail_errno, atol(argv[4]));
    atomic_store(&control->fail_at, atol(argv[5]));
    return 0;
}

int main(int argc, char **argv)
{
    int fd = argc > 2 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    struct control *control = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, sizeof(*control)) == 0)
        control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED) {
        fprintf(stderr, "usage: targets-strike FILE run|kill|fail|count|calls|struck ...\n");
        return 2;
    }
    close(fd);
    if (strcmp(argv[2], "run") == 0 && argc > 3)
        return run(control, argv + 3);
    return command(control, argc, argv);
}

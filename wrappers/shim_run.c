// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the real tool in the place of a shim, so that its caller sees no difference.
#include "wrappers/shim.h"

#include "lib/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

void shim_exec(const struct shim *shim, char *const *argv)
{
    execv(shim->real, argv);
    fprintf(stderr, "%s: %s\n", shim->real, strerror(errno));
    _exit(127);
}

/* Signals by which make or a user ends a build, and the one that says that the child has ended. */
static void signals_choose(sigset_t *set)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};

    sigemptyset(set);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaddset(set, numbers[i]);
}

/*
 * Waits for the child, and hands it the signals that come in meanwhile. They are blocked, so that
 * none is lost between two looks, and no handler is needed.
 */
static int child_wait(pid_t pid, const sigset_t *signals, struct sc_error **err)
{
    int status;

    for (;;) {
        pid_t ended = waitpid(pid, &status, WNOHANG);
        int number;

        if (ended == pid)
            return status;
        if (ended < 0 && errno != EINTR)
            return sc_error_errno(err, "waitpid");
        number = sigwaitinfo(signals, NULL);
        if (number > 0 && number != SIGCHLD)
            kill(pid, number);
    }
}

static void child_exec(const struct shim *shim, char *const *argv, int stdin_fd, int stdout_fd)
    __attribute__((noreturn));

static void child_exec(const struct shim *shim, char *const *argv, int stdin_fd, int stdout_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* SIGKILL of the shim must not leave the tool behind */
    if (stdin_fd >= 0)
        dup2(stdin_fd, STDIN_FILENO);
    if (stdout_fd >= 0)
        dup2(stdout_fd, STDOUT_FILENO);
    shim_exec(shim, argv);
}

int shim_run(const struct shim *shim, char *const *argv, int stdin_fd, int stdout_fd,
             struct sc_error **err)
{
    sigset_t chosen, before;
    int status;
    pid_t pid;

    signal(SIGCHLD, SIG_DFL); /* where it was ignored, there would be no status to wait for */
    signals_choose(&chosen);
    sigprocmask(SIG_BLOCK, &chosen, &before);
    pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        child_exec(shim, argv, stdin_fd, stdout_fd);
    }
    status = pid < 0 ? sc_error_errno(err, "fork") : child_wait(pid, &chosen, err);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}

void shim_exit_as(int status)
{
    if (WIFSIGNALED(status)) {
        struct rlimit no_core = {0, 0};

        setrlimit(RLIMIT_CORE, &no_core); /* one core file is enough: the tool's own */
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

char **shim_argv_append(char *const *argv, char *last)
{
    size_t count = 0;
    char **copy;

    while (argv[count])
        count++;
    copy = calloc(count + 2, sizeof(*copy));
    if (!copy)
        abort();
    memcpy(copy, argv, count * sizeof(*copy));
    copy[count] = last;
    return copy;
}

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

/* The child that gets what a build sends to us; only a signal handler needs it to be global. */
static volatile pid_t running;

/* Signals by which make or a user ends a build. */
static const int passed_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

#define PASSED_COUNT (sizeof(passed_signals) / sizeof(passed_signals[0]))

void shim_exec(const struct shim *shim, char *const *argv)
{
    execv(shim->real, argv);
    fprintf(stderr, "%s: %s\n", shim->real, strerror(errno));
    _exit(127);
}

static void pass_signal(int number)
{
    int saved = errno;

    if (running > 0)
        kill(running, number);
    errno = saved;
}

/* Sets how the signals are taken while the child runs; old has PASSED_COUNT places. */
static void signals_pass(struct sigaction *old)
{
    struct sigaction action = {.sa_handler = pass_signal, .sa_flags = SA_RESTART};

    for (size_t i = 0; i < PASSED_COUNT; i++) {
        sigaction(passed_signals[i], NULL, &old[i]);
        if (old[i].sa_handler != SIG_IGN)
            sigaction(passed_signals[i], &action, NULL);
    }
}

static void signals_restore(const struct sigaction *old)
{
    for (size_t i = 0; i < PASSED_COUNT; i++)
        sigaction(passed_signals[i], &old[i], NULL);
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
    struct sigaction old[PASSED_COUNT];
    sigset_t passed, before;
    int status;

    sigemptyset(&passed);
    for (size_t i = 0; i < PASSED_COUNT; i++)
        sigaddset(&passed, passed_signals[i]);
    sigprocmask(SIG_BLOCK, &passed, &before); /* until it is known whom to pass them to */
    signals_pass(old);
    running = fork();
    if (running == 0) {
        signals_restore(old);
        sigprocmask(SIG_SETMASK, &before, NULL);
        child_exec(shim, argv, stdin_fd, stdout_fd);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (running < 0) {
        signals_restore(old);
        return sc_error_errno(err, "fork");
    }
    while (waitpid(running, &status, 0) < 0)
        if (errno != EINTR)
            break;
    running = 0;
    signals_restore(old);
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

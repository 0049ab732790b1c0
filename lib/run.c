// SPDX-License-Identifier: GPL-2.0-or-later
// Runs another program and waits for it.
#include "lib/run.h"

#include "lib/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

static void apply_environment(const char *const *env)
{
    for (; env && *env; env++) {
        const char *equals = strchr(*env, '=');
        cleanup_free char *name = equals ? strndup(*env, (size_t)(equals - *env)) : strdup(*env);

        if (equals)
            setenv(name, equals + 1, 1);
        else
            unsetenv(name);
    }
}

/* The child between fork and exec; out is the write end for stdout, or -1. */
static void child_exec(const struct sc_run *how, int out) __attribute__((noreturn));

static void child_exec(const struct sc_run *how, int out)
{
    int null = open("/dev/null", O_RDONLY);
    int log = how->log ? open(how->log, O_WRONLY | O_CREAT | O_APPEND, 0644) : -1;

    if (null >= 0)
        dup2(null, STDIN_FILENO);
    if (log >= 0) {
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
    }
    if (out >= 0)
        dup2(out, STDOUT_FILENO);
    if (how->directory && chdir(how->directory) < 0)
        _exit(127);
    apply_environment(how->env);
    if (how->before_exec && how->before_exec(how->data))
        _exit(127);
    execvp(how->argv[0], (char *const *)how->argv);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", how->argv[0], strerror(errno));
    _exit(127);
}

/* Reads fd to its end into a new string. */
static char *read_all(int fd)
{
    size_t size = 0, room = 4096;
    char *text = malloc(room);
    ssize_t n;

    while (text && (n = read(fd, text + size, room - size - 1)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        size += n > 0 ? (size_t)n : 0;
        if (size + 1 == room)
            text = reallocarray(text, room *= 2, 1);
    }
    if (!text)
        abort();
    text[size] = '\0';
    return text;
}

static int wait_status(pid_t pid, struct sc_error **err)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return sc_error_errno(err, "waitpid");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int sc_run(const struct sc_run *how, struct sc_error **err)
{
    int ends[2] = {-1, -1};
    pid_t pid;

    if (how->output && pipe2(ends, O_CLOEXEC) < 0)
        return sc_error_errno(err, "pipe");
    pid = fork();
    if (pid == 0)
        child_exec(how, ends[1]);
    if (ends[1] >= 0)
        close(ends[1]);
    if (pid > 0 && how->output)
        *how->output = read_all(ends[0]);
    if (ends[0] >= 0)
        close(ends[0]);
    if (pid < 0)
        return sc_error_errno(err, "cannot start %s", how->argv[0]);
    return wait_status(pid, err);
}

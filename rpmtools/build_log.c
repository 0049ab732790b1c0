// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the progress of a build, and keeps track of its log.
#include "rpmtools/build_log.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* A log of more than this is cut before its last lines are looked for. */
#define TAIL_MAX (256 << 10)

static off_t log_size(const struct build_log *log)
{
    struct stat st;

    return stat(log->path, &st) == 0 ? st.st_size : 0;
}

/* A child that copies what comes into the log to stderr; it ends with us. */
static void follow(struct build_log *log)
{
    log->follower = fork();
    if (log->follower == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execlp("tail", "tail", "-n", "+1", "-F", log->path, (char *)NULL);
        _exit(127);
    }
}

/* The file is made here, so that the follower and the first step find it. */
void build_log_open(struct build_log *log, const char *path, bool verbose)
{
    FILE *file = fopen(path, "a");

    memset(log, 0, sizeof(*log));
    log->path = path;
    log->verbose = verbose;
    if (file)
        fclose(file);
    if (verbose)
        follow(log);
}

/* The log's size is kept: the last lines of a failure are those of its own step only. */
void build_log_step(struct build_log *log, const char *fmt, ...)
{
    va_list args;

    build_log_step_end(log, false);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputs(log->verbose ? "\n" : " ... ", stderr);
    fflush(stderr);
    log->line_open = !log->verbose;
    clock_gettime(CLOCK_MONOTONIC, &log->start);
    log->step_offset = log_size(log);
    log->running = true;
}

/* Monotonic time: a build may run across a change of the clock. */
void build_log_step_end(struct build_log *log, bool failed)
{
    struct timespec now;
    double seconds;

    if (!log->running)
        return;
    log->running = false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    seconds =
        (double)(now.tv_sec - log->start.tv_sec) + (double)(now.tv_nsec - log->start.tv_nsec) / 1e9;
    fprintf(stderr, "%s%s, %.1f s\n", log->line_open ? "" : "  ", failed ? "failed" : "done",
            seconds);
    log->line_open = false;
}

/* Notes come in the middle of "step ... done": the line is ended first, and stays readable. */
void build_log_note(struct build_log *log, const char *fmt, ...)
{
    va_list args;

    if (log->line_open)
        fputc('\n', stderr);
    log->line_open = false;
    fputs("  ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

/* Where the last count lines of text begin. */
static const char *last_lines(const char *text, size_t size, int count)
{
    const char *from = text + size;

    while (from > text && count >= 0) {
        from--;
        if (*from == '\n' && from + 1 < text + size)
            count--;
        if (count < 0)
            break;
        if (*from == '\n' && from + 1 == text + size)
            count--; /* the newline that ends the text */
    }
    return from > text ? from + 1 : from;
}

/* Errors inside are silent: this is printed when something has failed already. */
void build_log_tail(const struct build_log *log, int count)
{
    cleanup_file FILE *file = fopen(log->path, "r");
    cleanup_free char *text = malloc(TAIL_MAX);
    off_t from = log->step_offset, end = log_size(log);
    const char *lines;
    size_t size;

    if (!file || !text || end <= from)
        return;
    if (end - from > TAIL_MAX)
        from = end - TAIL_MAX;
    if (fseeko(file, from, SEEK_SET) < 0)
        return;
    size = fread(text, 1, TAIL_MAX, file);
    lines = last_lines(text, size, count);
    fwrite(lines, 1, (size_t)(text + size - lines), stderr);
    if (size && text[size - 1] != '\n')
        fputc('\n', stderr);
}

void build_log_close(struct build_log *log)
{
    if (log->follower > 0) {
        usleep(100000); /* the last lines are still on their way */
        kill(log->follower, SIGTERM);
        while (waitpid(log->follower, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    log->follower = 0;
}

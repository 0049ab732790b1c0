/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the user sees while a build runs: one line for each step, and the log of the programs. */
#ifndef SYSCARE_BUILD_LOG_H
#define SYSCARE_BUILD_LOG_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct build_log {
    const char *path;      /* build.log, not owned */
    bool verbose;          /* the log is shown as it grows */
    bool running;          /* a step has begun and has not ended */
    bool line_open;        /* "step ... " was printed, its end comes on the same line */
    bool program_failed;   /* the last lines of the log say why the build failed */
    off_t step_offset;     /* size of the log when the current step began */
    struct timespec start; /* of the current step */
    pid_t follower;        /* shows the log, 0 when there is none */
};

/* Begins to write to path. */
void build_log_open(struct build_log *log, const char *path, bool verbose);

/* Ends the step before and begins the next one, which is printed on stderr. */
void build_log_step(struct build_log *log, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Ends the step that runs: its time is printed, or "failed". */
void build_log_step_end(struct build_log *log, bool failed);

/* A line of its own on stderr, within the step; fmt has no newline. */
void build_log_note(struct build_log *log, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints the last count lines that the current step wrote to the log. */
void build_log_tail(const struct build_log *log, int count);

/* Stops showing the log. */
void build_log_close(struct build_log *log);

#endif

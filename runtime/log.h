/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's log: journald with fields, or lines on stderr. */
#ifndef SYSCARE_RUNTIME_LOG_H
#define SYSCARE_RUNTIME_LOG_H

#include <stdbool.h>
#include <sys/types.h>
#include <syslog.h>

/* Where the log goes. Copied into each component that logs; never changed after the start. */
struct log {
    bool journal; /* to journald; otherwise to stderr */
    bool verbose; /* LOG_DEBUG too */
};

/* What an entry is about; zero members are left out. */
struct log_about {
    const char *patch;  /* PATCH=: name of a patch */
    pid_t pid;          /* PID=: a target process */
    const char *result; /* RESULT=: one word, e.g. "patched", "traced" */
};

/* A log that goes to the journal when stderr is connected to it and foreground is false. */
struct log log_open(bool foreground, bool verbose);

/* One entry; priority as in syslog(3). about may be NULL. Thread-safe. */
void log_write(const struct log *log, int priority, const struct log_about *about, const char *fmt,
               ...) __attribute__((format(printf, 4, 5)));

#endif

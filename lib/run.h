/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs another program and waits for it. */
#ifndef SYSCARE_RUN_H
#define SYSCARE_RUN_H

#include "lib/error.h"

#include <stddef.h>

/* How a program is to be run; zeroed fields mean "as the caller". */
struct sc_run {
    const char *const *argv; /* NULL-terminated; argv[0] is searched in PATH */
    const char *directory;   /* working directory */
    const char *const *env;  /* "NAME=value" to set, or "NAME" to unset, NULL-terminated */
    const char *log;         /* file to which stdout and stderr are appended */
    char **output; /* where to put stdout (malloc'd, NUL-terminated); log then gets stderr */
    int (*before_exec)(void *data); /* called in the child; non-zero ends it with status 127 */
    void *data;
};

/*
 * Runs it to its end. Returns its exit status, 128 + the signal that ended it, or -1 with err set
 * when it could not be started. stdin is /dev/null.
 */
int sc_run(const struct sc_run *how, struct sc_error **err);

#endif

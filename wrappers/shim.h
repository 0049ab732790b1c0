/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of syscare-shim share: which tool this run stands for, and how the real one is
 * run. */
#ifndef SYSCARE_SHIM_H
#define SYSCARE_SHIM_H

#include "lib/error.h"

/*
 * One run of the shim. GCC finds it as <base>/shims/<target>/<version>/<name>; the real tool is
 * where the symbolic link <base>/tools/<target>/<version>/<name> points to. All strings are owned.
 */
struct shim {
    char *name;          /* cc1, as, ld.gold, … */
    char *target;        /* as `gcc -dumpmachine` prints it */
    char *gcc_version;   /* as `gcc -dumpversion` prints it */
    char *tools;         /* <base>/tools/<target>/<version> */
    char *real;          /* the real tool */
    const char *capture; /* SYSCARE_CAPTURE_DIR, NULL when nothing is captured */
    char **argv;         /* as we were called; argv[0] is the real tool */
};

/* Replaces this process by the real tool, with argv (argv[0] too). Exits with 127 if it cannot. */
void shim_exec(const struct shim *shim, char *const *argv) __attribute__((noreturn));

/*
 * Runs the real tool to its end as a child: it gets our signals, and dies with us. stdin_fd and
 * stdout_fd replace those streams unless negative. Returns what waitpid(2) reports, or -1 with err
 * set when the tool was not started.
 */
int shim_run(const struct shim *shim, char *const *argv, int stdin_fd, int stdout_fd,
             struct sc_error **err);

/* Ends this process just as the real tool ended: same exit status, same signal. */
void shim_exit_as(int status) __attribute__((noreturn));

/* A copy of a NULL-terminated vector with one more string at its end; the strings are shared. */
char **shim_argv_append(char *const *argv, char *last);

/* The real tool's run, watched: each ends the process as the real tool ends. */
void shim_compiler(const struct shim *shim) __attribute__((noreturn));
void shim_assembler(const struct shim *shim) __attribute__((noreturn));
void shim_linker(const struct shim *shim) __attribute__((noreturn));

#endif

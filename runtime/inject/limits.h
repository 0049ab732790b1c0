/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resource limits of a process while a patch is mapped into it, setrlimit(2).
 *
 * A patch is not the program's doing, so it must not fail because the program is at a limit of its
 * own: address space, data, locked memory, descriptors. For the time of the mapping each such
 * limit is raised by what the patch takes, then put back. If the injector is killed in between,
 * the limit stays raised by that much, which is less than the program could have had anyway.
 * Above the hard limit that needs CAP_SYS_RESOURCE; without it that limit is the end.
 */
#ifndef SYSCARE_INJECT_LIMITS_H
#define SYSCARE_INJECT_LIMITS_H

#include "runtime/inject/injector.h"

#include <sys/resource.h>

#define LIMITS_COUNT 4

struct limits {
    struct rlimit before[LIMITS_COUNT];
    struct rlimit raised[LIMITS_COUNT]; /* equal to before where nothing was done */
};

/* Raises where needed. host: the stopped thread that will make the system calls. */
void limits_lift(struct job *job, const struct tracee *host, struct limits *limits);

/* Puts back what limits_lift has changed, unless somebody else has changed it since. */
void limits_restore(struct job *job, const struct limits *limits);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the GCCs of this machine and the programs that each of them runs. */
#ifndef SYSCARE_GCC_FIND_H
#define SYSCARE_GCC_FIND_H

#include "lib/error.h"

#include <stddef.h>

/* One installed GCC; all strings are owned. */
struct gcc {
    char *path;         /* the driver */
    char *target;       /* -dumpmachine: first part of the directory it searches */
    char *version;      /* -dumpversion: second part of it, "12" on Debian */
    char *full_version; /* -dumpfullversion: "12.2.0" */
};

/* A growing set of them, one for each target and version. */
struct gcc_list {
    struct gcc *gccs;
    size_t count;
};

/*
 * Adds the GCC at path unless one of its target and version is there. Returns 1 if it was added, 0
 * if not (known already, or a program that is not GCC), -1 with err set when it could not be run.
 */
int gcc_list_add(struct gcc_list *list, const char *path, struct sc_error **err);

/* Adds all that PATH has under the names that GCC installs its driver by: gcc, gcc-12, triplet-gcc…
 */
int gcc_list_search(struct gcc_list *list, struct sc_error **err);

void gcc_list_free(struct gcc_list *list);

/*
 * The absolute path of a program that this GCC runs (cc1, as, …), as it finds it without us;
 * malloc'd. NULL without err when there is no such program, NULL with err set on failure.
 */
char *gcc_program(const struct gcc *gcc, const char *name, struct sc_error **err);

#endif

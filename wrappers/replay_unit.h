/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs one recorded compile again, with a section for every function and object. */
#ifndef SYSCARE_REPLAY_UNIT_H
#define SYSCARE_REPLAY_UNIT_H

#include "lib/error.h"

/* What is asked for. Strings are shared with the caller. */
struct replay {
    const char *capture; /* absolute path of the capture directory */
    const char *id;      /* of the unit */
    const char *output;  /* absolute path of the object to make */
    char *const *extra;  /* further options for the compiler, NULL-terminated */
};

/*
 * Compiles the unit as the capture says: the same compiler and assembler, the same options,
 * directory and environment, with the plugin forcing sections. Nothing is written but the output
 * (and, while it is made, files beside it with its name and a suffix). The note of the new object
 * has the same id. A unit in assembler language has the sections that its author gave it: its
 * object is copied, if the tree still has the one that the record describes. 0, or -1 with err set.
 */
int unit_replay(const struct replay *replay, struct sc_error **err);

/*
 * The directory tools/<target>/<version> of a capture that has the tools of a GCC: version is the
 * full one or any beginning of it, since the directory is named by what -dumpversion prints. NULL
 * with err set.
 */
char *tools_find(const char *capture, const char *target, const char *version,
                 struct sc_error **err);

#endif

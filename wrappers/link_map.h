/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which objects and archive members a link took in, as the linker's map tells (GNU ld, gold, lld).
 */
#ifndef SYSCARE_LINK_MAP_H
#define SYSCARE_LINK_MAP_H

#include "lib/error.h"

#include <stddef.h>

/* One input. Strings are owned. */
struct map_input {
    char *name;   /* as the map writes it: "main.o", "libx.a(y.o)" */
    char *path;   /* the file, "libx.a" */
    char *member; /* "y.o"; NULL when the file is no archive */
};

/* Inputs in the order of the map, each name once. */
struct map_inputs {
    struct map_input *inputs;
    size_t count;
    size_t room;
};

/*
 * Reads a map. Relative names are relative to the working directory of the link, which must be that
 * of the caller. 0, or -1 with err set when the file cannot be read.
 */
int link_map_read(const char *path, struct map_inputs *inputs, struct sc_error **err);

void map_inputs_free(struct map_inputs *inputs);
#define cleanup_map_inputs __attribute__((cleanup(map_inputs_free)))

#endif

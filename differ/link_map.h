/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The map that GNU ld, gold and lld write with -Map: which input section lies at which address. */
#ifndef SYSCARE_DIFFER_LINK_MAP_H
#define SYSCARE_DIFFER_LINK_MAP_H

#include "differ/pool.h"
#include "lib/error.h"

#include <stdint.h>

struct map_range {
    uint64_t start, size;
    const char *section; /* name of the input section */
    const char *input;   /* as in job.json, objects[].inputs; "" when the map does not tell */
};

struct link_map {
    struct map_range *ranges; /* by start; they do not overlap */
    size_t count;
    /* .tdata and .tbss: the latter takes no room, and has the addresses of what comes behind it */
    struct link_map *thread_local;
};

/* Sections whose input is not told: what gold merged, and what lld merged or made itself. */
#define LINK_MAP_STRINGS ".rodata.merged.strings"
#define LINK_MAP_CONSTANTS ".rodata.merged.constants"
#define LINK_MAP_INTERNAL ".rodata.merged"

/* Reads the map's table. NULL with err set (SC_REFUSED when it is not one of these linkers). */
struct link_map *link_map_read(struct pool *pool, const char *path, struct sc_error **err);

/* The input section that the address lies in, or NULL. */
const struct map_range *link_map_find(const struct link_map *map, uint64_t address);

#endif

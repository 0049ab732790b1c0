/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The map that GNU ld writes with -Map: which input section lies at which address. */
#ifndef SYSCARE_DIFFER_LINK_MAP_H
#define SYSCARE_DIFFER_LINK_MAP_H

#include "differ/pool.h"
#include "lib/error.h"

#include <stdint.h>

struct map_range {
    uint64_t start, size;
    const char *section; /* name of the input section */
    const char *input;   /* as in job.json, objects[].inputs */
};

struct link_map {
    struct map_range *ranges; /* by start; they do not overlap */
    size_t count;
    /* .tdata and .tbss: the latter takes no room, and has the addresses of what comes behind it */
    struct link_map *thread_local;
};

/*
 * Reads the part "Linker script and memory map". Maps of gold and lld look different and are
 * refused (SC_REFUSED). NULL with err set.
 */
struct link_map *link_map_read(struct pool *pool, const char *path, struct sc_error **err);

/* The input section that the address lies in, or NULL. */
const struct map_range *link_map_find(const struct link_map *map, uint64_t address);

#endif

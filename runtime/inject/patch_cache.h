/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patch objects of the last requests: an eager pass asks with the same files for each process. */
#ifndef SYSCARE_INJECT_PATCH_CACHE_H
#define SYSCARE_INJECT_PATCH_CACHE_H

#include "runtime/inject/injector.h"

#include <sys/stat.h>

/* More than one request carries, so that none of a request's own is dropped for another of it. */
#define PATCH_CACHE_SIZE (INJECT_BELOW_MAX + 9)

struct patch_cache {
    struct cached_patch {
        struct patch_object *patch; /* NULL: free */
        struct stat st;             /* of its file */
        uint64_t used;              /* higher is later */
    } items[PATCH_CACHE_SIZE];
    uint64_t clock;
};

/*
 * The patch in fd, from the cache if its file has not changed; the cache owns it. NULL with the
 * reply set.
 */
const struct patch_object *patch_cache_get(struct patch_cache *cache, int fd,
                                           struct inject_reply *reply);

void patch_cache_clear(struct patch_cache *cache);

#endif

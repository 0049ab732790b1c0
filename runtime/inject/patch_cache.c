// SPDX-License-Identifier: GPL-2.0-or-later
// Patch objects of the last requests.
#include "runtime/inject/patch_cache.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <string.h>

static bool stat_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* The item of that file, or the one that was used longest ago. */
static struct cached_patch *find_item(struct patch_cache *cache, const struct stat *st)
{
    struct cached_patch *oldest = &cache->items[0];

    for (size_t i = 0; i < PATCH_CACHE_SIZE; i++) {
        struct cached_patch *item = &cache->items[i];

        if (item->patch && stat_same(st, &item->st))
            return item;
        if (item->used < oldest->used)
            oldest = item;
    }
    patch_object_close(oldest->patch);
    *oldest = (struct cached_patch){.st = *st};
    return oldest;
}

const struct patch_object *patch_cache_get(struct patch_cache *cache, int fd,
                                           struct inject_reply *reply)
{
    cleanup_error struct sc_error *err = NULL;
    struct cached_patch *item;
    struct stat st;

    if (fstat(fd, &st) < 0) {
        reply_set(reply, INJECT_FAILED, "the patch object: %s", strerror(errno));
        return NULL;
    }
    item = find_item(cache, &st);
    if (!item->patch)
        item->patch = patch_object_open(fd, &err);
    if (!item->patch) {
        reply_set(reply, INJECT_FAILED, "%s", err->message);
        return NULL;
    }
    item->used = ++cache->clock;
    return item->patch;
}

void patch_cache_clear(struct patch_cache *cache)
{
    for (size_t i = 0; i < PATCH_CACHE_SIZE; i++)
        patch_object_close(cache->items[i].patch);
    *cache = (struct patch_cache){0};
}

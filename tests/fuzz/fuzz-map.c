// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: a linker's map as the differ reads it.
#include "differ/link_map.h"
#include "lib/cleanup.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pool pool = {0};
    char path[64];
    cleanup_close int fd = fuzz_file(data, size, path);
    const struct link_map *map = link_map_read(&pool, path, NULL);

    for (size_t i = 0; map && i < map->count; i++) {
        const struct map_range *range = &map->ranges[i];
        const struct map_range *found = link_map_find(map, range->start);

        if (found && range->start - found->start >= found->size)
            abort();
    }
    pool_free(&pool);
    return 0;
}

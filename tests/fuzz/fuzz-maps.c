// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: the text of /proc/PID/maps.
#include "runtime/process_maps.c" /* for its static functions */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = malloc(size + 1);

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = 0;
    for (char *line = text, *end; (end = strchr(line, 10)); line = end + 1) {
        struct process_map map;

        *end = 0;
        if (map_parse(line, &map) && map.start >= map.end)
            abort();
    }
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: a linker's map, of any of the three linkers, as the shim of ld reads it.
#include "lib/cleanup.h"
#include "tests/fuzz/fuzz.h"
#include "wrappers/link_map.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_map_inputs struct map_inputs inputs = {0};
    char path[64];
    cleanup_close int fd = fuzz_file(data, size, path);

    link_map_read(path, &inputs, NULL);
    for (size_t i = 0; i < inputs.count; i++)
        if (strlen(inputs.inputs[i].path) > strlen(inputs.inputs[i].name))
            abort();
    return 0;
}

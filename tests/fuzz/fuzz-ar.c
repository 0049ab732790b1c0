// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: an object or archive that a link took in, as the shim of ld looks into it.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "tests/fuzz/fuzz.h"
#include "wrappers/link_inputs.h"

#include <string.h>

FUZZ_ELF_MUTATOR

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char map[] =
        "\nArchive member included to satisfy reference by file (symbol)\n\n"
        "x.a(a.o)                      m.o (f)\nx.a(b.o)                      m.o (g)\n"
        "\nLinker script and memory map\n\nLOAD x.a\n";
    cleanup_map_inputs struct map_inputs inputs = {0};
    struct json_object *array;
    bool lto;

    fuzz_directory();
    fuzz_directory_file("x.a", data, size);
    fuzz_directory_file("map", (const uint8_t *)map, strlen(map));
    sc_dir_make("tu", 0755, NULL);
    if (link_map_read("map", &inputs, NULL) < 0 || inputs.count != 3)
        abort();
    array = link_inputs_read(".", &inputs, &lto, NULL);
    json_object_put(array);
    return 0;
}

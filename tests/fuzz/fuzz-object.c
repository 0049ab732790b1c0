// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: a patch object, as the daemon and the injector read it.
#include "lib/cleanup.h"
#include "runtime/patch_object.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

FUZZ_ELF_MUTATOR

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    cleanup_close int fd = fuzz_file(data, size, path);
    cleanup_patch struct patch_object *patch = patch_object_open(fd, NULL);
    size_t length = 0;

    /* Whatever was accepted can be walked through. */
    for (size_t i = 0; patch && i < patch->func_count; i++)
        length += strlen(patch_func_name(patch, &patch->funcs[i]));
    if (length > size)
        abort();
    return 0;
}

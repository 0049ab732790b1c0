// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: patch_info, also with a digest that is right.
#include "lib/cleanup.h"
#include "lib/patch_info.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = fuzz_with_digest(data, size);
    cleanup_free char *copy = malloc(size + 1);

    if (!copy)
        abort();
    memcpy(copy, data, size);
    copy[size] = 0;
    patch_info_free(patch_info_parse(copy, size, NULL));
    if (text)
        patch_info_free(patch_info_parse(text, strlen(text), NULL));
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: taking build records out of objects and archives.
#include "lib/cleanup.h"
#include "rpmtools/unnote.h"
#include "tests/fuzz/fuzz.h"

FUZZ_ELF_MUTATOR

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free void *out = NULL;
    size_t out_size;
    int changed = unnote_archive(data, size, &out, &out_size, NULL);

    if (changed == 0)
        changed = unnote_object(data, size, &out, &out_size, NULL);
    /* what is taken out makes the file smaller, whatever else was in it */
    if (changed > 0 && out_size >= size)
        abort();
    return 0;
}

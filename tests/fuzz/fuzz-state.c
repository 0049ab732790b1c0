// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: the state file, also with a digest that is right.
#include "lib/cleanup.h"
#include "runtime/state_file.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* Every entry that was read is found. */
static void check(const uint8_t *data, size_t size)
{
    char path[64];
    cleanup_close int fd = fuzz_file(data, size, path);
    cleanup_saved_state struct state *state = state_read(path, NULL);

    for (size_t i = 0; state && i < state->entry_count; i++)
        if (!state_find(state->entries, state->entry_count, state->entries[i].uuid))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = fuzz_with_digest(data, size);

    check(data, size);
    if (text)
        check((const uint8_t *)text, strlen(text));
    return 0;
}

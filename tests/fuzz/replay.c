// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a fuzz target on files: seeds, and inputs that once did harm.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (64u << 20)

#if !FUZZ_WITH_ENGINE
int main(int argc, char **argv)
{
    /* all are read first: a target may go to another directory */
    cleanup_free char **data = calloc((size_t)argc, sizeof(*data));
    cleanup_free size_t *sizes = calloc((size_t)argc, sizeof(*sizes));

    for (int i = 1; i < argc; i++) {
        cleanup_error struct sc_error *err = NULL;

        if (sc_file_read(argv[i], INPUT_MAX, &data[i], &sizes[i], &err) < 0) {
            fprintf(stderr, "%s\n", err->message);
            return 1;
        }
    }
    for (int i = 1; i < argc; i++) {
        LLVMFuzzerTestOneInput((const uint8_t *)data[i], sizes[i]);
        free(data[i]);
    }
    return 0;
}
#endif

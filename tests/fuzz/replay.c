// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a fuzz target on files: seeds, and inputs that once did harm.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (64u << 20)

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        cleanup_error struct sc_error *err = NULL;
        cleanup_free char *data = NULL;
        size_t size;

        if (sc_file_read(argv[i], INPUT_MAX, &data, &size, &err) < 0) {
            fprintf(stderr, "%s\n", err->message);
            return 1;
        }
        LLVMFuzzerTestOneInput((const uint8_t *)data, size);
    }
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: the configuration of the daemon.
#include "lib/cleanup.h"
#include "runtime/options.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    cleanup_close int fd = fuzz_file(data, size, path);
    char *argv[] = {"syscared", "--config", path, NULL};
    struct options options;

    options_read(&options, 3, argv, NULL);
    options_free(&options);
    return 0;
}

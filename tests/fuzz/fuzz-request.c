// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: what clients of the daemon's socket send.
#include "lib/cleanup.h"
#include "runtime/request.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = malloc(size + 1);
    struct request request;

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = 0;
    request_parse(text, size, &request, NULL);
    request_clear(&request);
    return 0;
}

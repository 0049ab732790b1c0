/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fuzz target is one file, fuzz-<name>.c, that defines the function below (the interface of
 * libFuzzer). It is linked with run.sh's fuzzer, and with replay.c into a test of `make check`.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The data in a file without name; its path in path. The caller closes the descriptor. */
int fuzz_file(const uint8_t *data, size_t size, char path[64]);

/*
 * JSON text of which the digest is right, so that the checks behind the digest are reached; NULL
 * where data is no JSON object. The caller frees it.
 */
char *fuzz_with_digest(const uint8_t *data, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fuzz target is one file, fuzz-<name>.c, that defines the function below (the interface of
 * libFuzzer). With replay.c it is a program of `make check` that runs it on files; built by clang
 * with -fsanitize=fuzzer, the same program is the fuzzer (run.sh).
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang defines it when it builds for a fuzzer: then libFuzzer has main, and changes the inputs. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define FUZZ_WITH_ENGINE 1
#else
#define FUZZ_WITH_ENGINE 0
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* The data in a file without name; its path in path. The caller closes the descriptor. */
int fuzz_file(const uint8_t *data, size_t size, char path[64]);

/* The data with a NUL behind it; the caller frees it. */
char *fuzz_text(const uint8_t *data, size_t size);

/*
 * JSON text of which the digest is right, so that the checks behind the digest are reached; NULL
 * where data is no JSON object. The caller frees it.
 */
char *fuzz_with_digest(const uint8_t *data, size_t size);

/*
 * An empty directory of this process, below $FUZZ_SCRATCH or /tmp, made anew at each call and
 * removed at exit; it becomes the working directory. On kernels with Landlock nothing outside of
 * it, and of $FUZZ_WORK, can be written from then on.
 */
const char *fuzz_directory(void);

/* A file in it. */
void fuzz_directory_file(const char *name, const uint8_t *data, size_t size);

/* A piece of an input that stands for several files. */
struct fuzz_part {
    const uint8_t *data;
    size_t size;
};

#define FUZZ_PARTS_MAX 8

/*
 * Such an input begins with the size of each part but the last, 32 bits each. Sizes that are too
 * large are cut: every input has count parts.
 */
void fuzz_split(const uint8_t *data, size_t size, struct fuzz_part *parts, size_t count);

/*
 * mutate.c, with the engine only. What an input is changed by, beside libFuzzer's own ways: one
 * field of a header, symbol, relocation or other record of a 64-bit ELF file; or one part of count.
 */
size_t fuzz_mutate_elf(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t fuzz_mutate_parts(uint8_t *data, size_t size, size_t max, unsigned int seed, size_t count);

#if FUZZ_WITH_ENGINE
#define FUZZ_ELF_MUTATOR                                                                           \
    size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)      \
    {                                                                                              \
        return fuzz_mutate_elf(data, size, max, seed);                                             \
    }
#define FUZZ_PARTS_MUTATOR(count)                                                                  \
    size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)      \
    {                                                                                              \
        return fuzz_mutate_parts(data, size, max, seed, count);                                    \
    }
#else
#define FUZZ_ELF_MUTATOR
#define FUZZ_PARTS_MUTATOR(count)
#endif

/* A pseudo-random number below limit. */
uint32_t fuzz_random(unsigned int *state, uint32_t limit);

#endif

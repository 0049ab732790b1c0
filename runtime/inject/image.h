/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of a mapped patch: what relocation makes of the file's contents. */
#ifndef SYSCARE_INJECT_IMAGE_H
#define SYSCARE_INJECT_IMAGE_H

#include "runtime/inject/injector.h"

/* Where a patch is or will be: load biases, and what its imports are there (imports.h). */
struct image_base {
    uint64_t patch, target;
    const uint64_t *values; /* NULL when the patch needs none */
};

/*
 * The relocated memory of all segments, from patch->low to patch->high; malloc'd. NULL with the
 * reply set: memory ran out, or a relocation does not fit its place.
 */
uint8_t *image_make(struct job *job, const struct image_base *base);

/*
 * Writes into a mapping of the file what differs from it: relocations and the zeroes that follow
 * the file's part of a segment; then, last, the mark that says that the mapping is complete.
 */
int image_write(struct job *job, pid_t tid, const uint8_t *image, uint64_t patch_bias,
                uint64_t target_bias);

/* True if what stands for imports in the memory of the patch is as in the image. */
bool image_imports_match(struct job *job, const uint8_t *image, uint64_t patch_bias);

/* True if all read-only segments in memory are as in the image, but for the mark. */
bool image_matches(struct job *job, const uint8_t *image, uint64_t patch_bias);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// Relocates a patch for one place in one process, and writes the result there.
#include "runtime/inject/image.h"
#include "lib/cleanup.h"
#include "runtime/arch/arch.h"
#include "runtime/inject/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u

/* 64-bit arithmetic modulo 2^64, as the psABI has it; a 32-bit place must hold the value. */
static bool reloc_apply(const struct patch_object *patch, const struct patch_reloc *reloc,
                        uint8_t *image, const struct image_base *base)
{
    uint64_t value = reloc->value;

    if (reloc->base == PATCH_BASE_SYMBOL)
        value += base->values[reloc->sym];
    else
        value += reloc->base == PATCH_BASE_TARGET ? base->target : base->patch;
    if (reloc->pc_relative)
        value -= base->patch + reloc->place;
    if (reloc->low ? value >= arch_low_end() : reloc->size == 4 && (int64_t)value != (int32_t)value)
        return false;
    memcpy(image + (reloc->place - patch->low), &value, reloc->size);
    return true;
}

uint8_t *image_make(struct job *job, const struct image_base *base)
{
    const struct patch_object *patch = job->patch;
    cleanup_free uint8_t *image = calloc(1, patch->high - patch->low);

    if (!image) {
        reply_set(job->reply, INJECT_FAILED, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < patch->segment_count; i++) {
        const struct patch_segment *segment = &patch->segments[i];

        memcpy(image + (segment->vaddr - patch->low), patch->file + segment->offset,
               segment->filesz);
    }
    for (size_t i = 0; i < patch->reloc_count; i++)
        if (!reloc_apply(patch, &patch->relocs[i], image, base)) {
            reply_set(job->reply, INJECT_FAILED, "relocation at 0x%llx does not fit",
                      (unsigned long long)patch->relocs[i].place);
            return NULL;
        }
    return steal_pointer(&image);
}

/* Writes the part of one page in which memory must differ from what is there. */
static int page_write(struct job *job, pid_t tid, uint64_t address, const uint8_t *want,
                      size_t size)
{
    uint8_t now[PAGE];
    size_t first = 0;

    if (!process_read(job->process, address, now, size))
        return reply_set(job->reply, INJECT_FAILED, "the patch's mapping cannot be read");
    while (first < size && now[first] == want[first])
        first++;
    while (size > first && now[size - 1] == want[size - 1])
        size--;
    if (size == first)
        return 0;
    if (memory_write(job, tid, address + first, want + first, size - first) < 0)
        return reply_set(job->reply, INJECT_FAILED, "writing the patch's memory: %s",
                         strerror(errno));
    return 0;
}

/*
 * All pages that the segment touches: past its file contents the last page shows what follows in
 * the file, which must become zero. Before its start likewise, but nobody looks there.
 */
static int segment_write(struct job *job, pid_t tid, const struct patch_segment *segment,
                         const uint8_t *image, uint64_t patch_bias)
{
    const struct patch_object *patch = job->patch;
    uint64_t end = (segment->vaddr + segment->memsz + PAGE - 1) & ~(uint64_t)(PAGE - 1);

    /* In a read-only segment only its own bytes count: the rest of the page may stay shared. */
    if (!(segment->prot & PROT_WRITE))
        end = segment->vaddr + segment->memsz;
    for (uint64_t at = segment->vaddr; at < end;) {
        uint64_t page_end = (at & ~(uint64_t)(PAGE - 1)) + PAGE;
        size_t size = (size_t)((page_end < end ? page_end : end) - at);

        if (page_write(job, tid, patch_bias + at, image + (at - patch->low), size) < 0)
            return -1;
        at += size;
    }
    return 0;
}

int image_write(struct job *job, pid_t tid, const uint8_t *image, uint64_t patch_bias,
                uint64_t target_bias)
{
    const struct patch_object *patch = job->patch;
    uint8_t mark[PROCESS_MARK_SIZE];

    for (size_t i = 0; i < patch->segment_count; i++)
        if (segment_write(job, tid, &patch->segments[i], image, patch_bias) < 0)
            return -1;
    process_mark_make(patch, target_bias, mark);
    if (memory_write(job, tid, patch_bias + patch->low, mark, sizeof(mark)) < 0)
        return reply_set(job->reply, INJECT_FAILED, "writing the patch's mark: %s",
                         strerror(errno));
    return 0;
}

static bool segment_matches(struct job *job, const struct patch_segment *segment,
                            const uint8_t *image, uint64_t patch_bias)
{
    uint64_t skip = segment->offset == 0 ? PROCESS_MARK_SIZE : 0;
    size_t size = (size_t)(segment->memsz - skip);
    cleanup_free uint8_t *memory = malloc(size + 1);

    return memory && process_read(job->process, patch_bias + segment->vaddr + skip, memory, size) &&
           memcmp(memory, image + (segment->vaddr + skip - job->patch->low), size) == 0;
}

bool image_imports_match(struct job *job, const uint8_t *image, uint64_t patch_bias)
{
    const struct patch_object *patch = job->patch;

    for (size_t i = 0; i < patch->reloc_count; i++) {
        const struct patch_reloc *reloc = &patch->relocs[i];
        uint8_t now[8];

        if (reloc->base == PATCH_BASE_SYMBOL &&
            (!process_read(job->process, patch_bias + reloc->place, now, reloc->size) ||
             memcmp(now, image + (reloc->place - patch->low), reloc->size) != 0))
            return false;
    }
    return true;
}

bool image_matches(struct job *job, const uint8_t *image, uint64_t patch_bias)
{
    const struct patch_object *patch = job->patch;

    for (size_t i = 0; i < patch->segment_count; i++)
        if (!(patch->segments[i].prot & PROT_WRITE) &&
            !segment_matches(job, &patch->segments[i], image, patch_bias))
            return false;
    return true;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Maps a patch file into a process by injected system calls, segment by segment.
#include "runtime/inject/map.h"
#include "lib/cleanup.h"
#include "runtime/inject/descriptor.h"
#include "runtime/inject/gap.h"
#include "runtime/inject/image.h"
#include "runtime/inject/imports.h"
#include "runtime/inject/limits.h"
#include "runtime/inject/memory.h"
#include "runtime/inject/refers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096u
#define GAP_ATTEMPTS 8
#define READ_IMPLIES_EXEC 0x0400000u
#define FIXED_NOREPLACE 0x100000 /* MAP_FIXED_NOREPLACE: not in the headers of EL 8's kin */

static int remote_munmap(struct job *job, struct infection *infection, uint64_t address,
                         uint64_t size)
{
    const uint64_t arguments[6] = {address, size};
    int64_t result;

    if (infect_call(job, infection, SYS_munmap, arguments, &result) < 0)
        return -1;
    return result == 0 ? 0
                       : reply_set(job->reply, INJECT_FAILED, "munmap in the process: %s",
                                   strerror((int)-result));
}

static int range_taken(struct job *job)
{
    reply_set(job->reply, INJECT_NO_MEMORY, "the address range is taken");
    return JOB_RETRY;
}

/* mmap(2) in the target. 0, JOB_RETRY when something is there already, -1; with the reply set. */
static int remote_mmap(struct job *job, struct infection *infection, uint64_t address,
                       uint64_t size, int prot, int flags, int fd, uint64_t offset)
{
    const uint64_t arguments[6] = {
        address, size, (uint64_t)prot, (uint64_t)flags, (uint64_t)(int64_t)fd, offset};
    int64_t result;

    if (infect_call(job, infection, SYS_mmap, arguments, &result) < 0)
        return -1;
    if (result == -EEXIST)
        return range_taken(job);
    if (result < 0 && result > -4096)
        return reply_set(job->reply,
                         result == -ENOMEM || result == -EAGAIN ? INJECT_NO_MEMORY : INJECT_FAILED,
                         "mmap in the process: %s", strerror((int)-result));
    if ((uint64_t)result == address)
        return 0;
    /* A kernel before 4.17 takes the address for a hint when something else is there. */
    if (remote_munmap(job, infection, (uint64_t)result, size) < 0)
        return -1;
    return range_taken(job);
}

/* Other threads may map something into the gap before us: then the next one is tried. */
static int range_reserve(struct job *job, struct infection *infection,
                         const struct process_instance *instance, uint64_t *address)
{
    uint64_t size = job->patch->high - job->patch->low;

    int result = JOB_RETRY;

    for (int attempt = 0; result == JOB_RETRY && attempt < GAP_ATTEMPTS; attempt++) {
        cleanup_error struct sc_error *err = NULL;

        if (process_maps_read(job->process, &err) < 0)
            return reply_set(job->reply, INJECT_FAILED, "%s", err->message);
        if (!gap_find(job->process, instance->low, instance->high, size, job->patch->align,
                      job->patch->low_only ? arch_low_end() : UINT64_MAX, address))
            return reply_set(job->reply, INJECT_NO_MEMORY,
                             "no room for the patch within reach of the code");
        result = remote_mmap(job, infection, *address, size, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | FIXED_NOREPLACE, -1, 0);
    }
    return result ? -1 : 0;
}

/* The file's part of a segment; what is beyond it stays the anonymous memory of the reservation. */
static int segment_map(struct job *job, struct infection *infection,
                       const struct patch_segment *segment, uint64_t bias, int fd)
{
    uint64_t skip = segment->vaddr % PAGE;

    if (segment->filesz == 0)
        return 0;
    return remote_mmap(job, infection, bias + segment->vaddr - skip, segment->filesz + skip,
                       segment->prot, MAP_PRIVATE | MAP_FIXED, fd, segment->offset - skip);
}

static int segments_map(struct job *job, struct infection *infection, uint64_t bias, int fd)
{
    for (size_t i = 0; i < job->patch->segment_count; i++)
        if (segment_map(job, infection, &job->patch->segments[i], bias, fd) < 0)
            return -1;
    return 0;
}

/* The same calls for a chain. Returns their number. */
static size_t segment_calls(const struct job *job, uint64_t bias, int fd, struct arch_call *calls)
{
    size_t count = 0;

    for (size_t i = 0; i < job->patch->segment_count; i++) {
        const struct patch_segment *segment = &job->patch->segments[i];
        uint64_t skip = segment->vaddr % PAGE;

        if (segment->filesz)
            calls[count++] = (struct arch_call){
                SYS_mmap,
                {bias + segment->vaddr - skip, segment->filesz + skip, (uint64_t)segment->prot,
                 MAP_PRIVATE | MAP_FIXED, (uint64_t)fd, segment->offset - skip}};
    }
    return count;
}

/* What calls in a chain returned nobody knows: the mappings tell. */
static int segments_check(struct job *job, uint64_t bias)
{
    cleanup_error struct sc_error *err = NULL;

    if (process_maps_read(job->process, &err) < 0)
        return reply_set(job->reply, INJECT_FAILED, "%s", err->message);
    for (size_t i = 0; i < job->patch->segment_count; i++) {
        const struct patch_segment *segment = &job->patch->segments[i];
        uint64_t address = bias + segment->vaddr;
        const struct process_map *map = process_map_at(job->process, address);

        if (!segment->filesz)
            continue;
        if (!map || map->kind != PROCESS_MAP_FILE || map->prot != segment->prot ||
            map->end < address + segment->filesz ||
            map->offset + (address - map->start) != segment->offset)
            return reply_set(job->reply, INJECT_NO_MEMORY, "the kernel refused a mapping");
    }
    return 0;
}

/* Maps all segments and closes the descriptors, with one stop instead of two for each call. */
static int segments_chain(struct job *job, struct infection *infection, uint64_t bias,
                          struct descriptor *descriptor)
{
    struct arch_call calls[PATCH_SEGMENTS_MAX + DESCRIPTOR_CALLS];
    size_t count = segment_calls(job, bias, descriptor->fd, calls);

    _Static_assert(PATCH_SEGMENTS_MAX + DESCRIPTOR_CALLS <= INFECT_CHAIN_MAX, "all in one chain");
    count += descriptor_end_calls(infection, descriptor, calls + count);
    if (infect_chain(job, infection, calls, count, descriptor->taken) < 0)
        return -1;
    descriptor->fd = descriptor->pair[0] = descriptor->pair[1] = -1;
    return segments_check(job, bias);
}

static size_t unmapped_count(const struct job *job)
{
    size_t count = 0;

    for (size_t i = 0; i < job->state->instance_count; i++)
        count += !job->state->instances[i].mapped;
    return count;
}

/* Reserves, maps, relocates, marks. A failure leaves no mapping behind. */
static int instance_map(struct job *job, struct infection *infection,
                        const struct process_instance *instance, struct descriptor *descriptor)
{
    uint64_t size = job->patch->high - job->patch->low;
    cleanup_free uint8_t *image = NULL;
    struct image_base base = {.target = instance->bias};
    struct inject_reply failure;
    uint64_t address;
    int result = imports_get(job, instance, &base.values);

    if (result)
        return result;
    if (range_reserve(job, infection, instance, &address) < 0)
        return -1;
    base.patch = address - job->patch->low;
    image = image_make(job, &base);
    if (!image)
        result = -1;
    else if (infection->chains && unmapped_count(job) == 1)
        result = segments_chain(job, infection, base.patch, descriptor);
    else
        result = segments_map(job, infection, base.patch, descriptor->fd);
    if (result == 0 && image_write(job, infection->host->tid, image, address - job->patch->low,
                                   instance->bias) == 0)
        return 0;
    failure = *job->reply;
    if (infection->host->stopped)
        remote_munmap(job, infection, address, size);
    *job->reply = failure;
    return -1;
}

static int instances_map(struct job *job, struct infection *infection)
{
    struct descriptor descriptor = DESCRIPTOR_NONE;
    int result = descriptor_send(job, infection, &descriptor);

    for (size_t i = 0; result == 0 && i < job->state->instance_count; i++)
        if (!job->state->instances[i].mapped)
            result = instance_map(job, infection, &job->state->instances[i], &descriptor);
    return descriptor_end(job, infection, &descriptor) < 0 && result == 0 ? -1 : result;
}

/* With this personality every readable mapping is executable: I7 could not be kept. */
static bool personality_bad(pid_t pid)
{
    cleanup_file FILE *file = NULL;
    unsigned personality = 0;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/personality", pid);
    file = fopen(path, "re");
    return file && fscanf(file, "%x", &personality) == 1 && (personality & READ_IMPLIES_EXEC);
}

bool patch_map_needed(const struct job *job)
{
    return unmapped_count(job) > 0;
}

/* Takes the mark off a mapping that is not what it should be, so that it is never used again. */
static int mapping_disown(struct job *job, pid_t tid, struct process_instance *instance)
{
    if (instance->ours)
        return reply_set(job->reply, INJECT_UNSUPPORTED,
                         "the memory of the patch in the process has been changed");
    if (memory_write(job, tid, instance->patch_bias + job->patch->low, job->patch->file,
                     PROCESS_MARK_SIZE) < 0)
        return reply_set(job->reply, INJECT_FAILED, "writing to the patch: %s", strerror(errno));
    instance->mapped = false;
    return 0;
}

/*
 * A library that was closed and opened again at the same address may have found its own libraries
 * at others. While functions jump into the mapping, the program may have changed such words itself.
 */
static bool mapping_matches(struct job *job, const struct process_instance *instance,
                            const uint8_t *image)
{
    return image_matches(job, image, instance->patch_bias) &&
           (instance->ours || image_imports_match(job, image, instance->patch_bias));
}

int patch_map_verify(struct job *job, pid_t tid)
{
    for (size_t i = 0; i < job->state->instance_count; i++) {
        struct process_instance *instance = &job->state->instances[i];
        struct image_base base = {instance->patch_bias, instance->bias, NULL};
        cleanup_free uint8_t *image = NULL;
        int result;

        if (!instance->mapped)
            continue;
        result = imports_get(job, instance, &base.values);
        if (result)
            return result;
        image = image_make(job, &base);
        if (!image)
            return -1;
        if (!mapping_matches(job, instance, image) && mapping_disown(job, tid, instance) < 0)
            return -1;
    }
    return 0;
}

int patch_map(struct job *job, struct tracee *host)
{
    struct infection infection;
    struct limits limits;
    int result;

    if (personality_bad(job->pid))
        return reply_set(job->reply, INJECT_UNSUPPORTED,
                         "its personality makes all memory executable");
    result = infect_begin(job, host, &infection);
    if (result)
        return result;
    limits_lift(job, host, &limits);
    result = instances_map(job, &infection);
    limits_restore(job, &limits);
    infect_end(job, &infection);
    return result;
}

int patch_unmap(struct job *job, struct tracee *host, const struct process_instance *instance)
{
    struct infection infection;
    int result = infect_begin(job, host, &infection);

    if (result)
        return result;
    if (!handlers_refer(job, &infection, instance->patch_bias + job->patch->low,
                        instance->patch_bias + job->patch->high))
        result = remote_munmap(job, &infection, instance->patch_bias + job->patch->low,
                               job->patch->high - job->patch->low);
    infect_end(job, &infection);
    return result;
}

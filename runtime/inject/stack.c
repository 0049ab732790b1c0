// SPDX-License-Identifier: GPL-2.0-or-later
// Walks over the words of a stopped thread's stacks.
#include "runtime/inject/stack.h"
#include "lib/cleanup.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK 65536u
#define REGIONS_MAX 16

/* More is not looked through while the thread stands still. */
#define STACK_MAX (UINT64_C(64) << 20)

/* Coroutines have their stacks in mappings of any size; none uses more than this. */
#define COROUTINE_STACK_MAX (UINT64_C(16) << 20)

/* struct pthread of glibc 2.17 to 2.41 is at most this large. */
#define THREAD_BLOCK_MAX 2560

struct region {
    uint64_t start, end;
};

struct walk {
    struct job *job;
    const struct stack_visitor *visitor;
    struct region regions[REGIONS_MAX]; /* found so far; those before `next` are done */
    size_t count, next;
};

/*
 * The C library's description of a thread begins where its thread pointer leads, and has the start
 * of its stack, the size and (glibc) that of the guard beside each other: struct pthread,
 * stackblock of glibc, map_base of musl. Stack pointer and description itself are both inside.
 */
static bool read_bottom(const struct process *process, const struct arch_regs *regs,
                        const struct process_map *map, uint64_t *bottom)
{
    uint64_t words[THREAD_BLOCK_MAX / sizeof(uint64_t)] = {0};
    uint64_t block = arch_thread_block(regs), sp = arch_regs_sp(regs), page = sysconf(_SC_PAGESIZE);
    size_t room = sizeof(words);

    if (block < sp || block >= map->end)
        return false;
    if (map->end - block < room)
        room = (size_t)(map->end - block) & ~(sizeof(*words) - 1);
    if (!process_read(process, block, words, room))
        return false;
    for (size_t i = 0; i + 2 < sizeof(words) / sizeof(*words); i++) {
        uint64_t start = words[i], size = words[i + 1], guard = words[i + 2];

        if (start % page || size % page || start == 0 || start > sp || block - start >= size ||
            map->end - start < size)
            continue;
        start += guard % page == 0 && guard < size ? guard : 0;
        *bottom = start > map->start ? start : map->start;
        return *bottom <= sp;
    }
    return false;
}

bool stack_bottom(const struct job *job, const struct tracee *tracee, uint64_t *bottom)
{
    const struct process_map *map = process_map_at(job->process, arch_regs_sp(&tracee->regs));

    if (!map)
        return false;
    if (map->kind != PROCESS_MAP_STACK)
        return read_bottom(job->process, &tracee->regs, map, bottom);
    *bottom = map->start;
    return tracee->tid == tracee->tgid;
}

/*
 * Code that has no use for a stack may keep something else in the stack pointer (ciphers do, and
 * programs that switch stacks, for a moment). Where its stack is cannot be known: later, then.
 */
static int stack_lost(struct walk *walk, pid_t tid)
{
    walk->job->reply->tid = tid;
    reply_set(walk->job->reply, INJECT_BUSY, "the stack pointer of thread %d leads nowhere", tid);
    return STACK_LOST;
}

/* Adds the stack that sp points into. 0, STACK_LOST or -1, with the reply set. */
static int region_add(struct walk *walk, const struct tracee *tracee, uint64_t sp)
{
    uint64_t from = (sp - arch_red_zone()) & ~UINT64_C(7), end, bottom;
    const struct process_map *map = process_map_at(walk->job->process, sp);

    for (size_t i = 0; i < walk->count; i++)
        if (from >= walk->regions[i].start && from < walk->regions[i].end)
            return 0;
    if (!map)
        return stack_lost(walk, tracee->tid);
    if (walk->count == REGIONS_MAX)
        return reply_set(walk->job->reply, INJECT_UNSUPPORTED, "thread %d has too many stacks",
                         tracee->tid);
    from = from < map->start ? map->start : from;
    end = map->end;
    if (end - from > STACK_MAX && !stack_bottom(walk->job, tracee, &bottom))
        end = from + COROUTINE_STACK_MAX;
    if (end - from > STACK_MAX)
        return reply_set(walk->job->reply, INJECT_UNSUPPORTED,
                         "the stack of thread %d has more than 64 MiB", tracee->tid);
    walk->regions[walk->count++] = (struct region){from, end};
    return 0;
}

/* True if the word is the return address of a signal handler, i.e. of the kernel's frame. */
static bool word_is_sigreturn(const struct walk *walk, uint64_t word)
{
    const struct process_map *map = process_map_at(walk->job->process, word);
    uint8_t code[ARCH_GADGET_SIZE];

    return map && (map->prot & PROT_EXEC) &&
           process_read(walk->job->process, word, code, sizeof(code)) &&
           arch_gadget_is_sigreturn(code);
}

static int frame_visit(struct walk *walk, const struct tracee *tracee, uint64_t address)
{
    struct arch_signal_frame frame;
    uint8_t bytes[ARCH_SIGNAL_FRAME];

    if (!process_read(walk->job->process, address, bytes, sizeof(bytes)))
        return 0;
    arch_signal_frame_read(bytes, &frame);
    if (walk->visitor->frame && walk->visitor->frame(&frame, walk->visitor->data))
        return 1;
    /* A stale frame may hold anything: only a stack pointer into memory is followed. */
    if (!process_map_at(walk->job->process, frame.sp))
        return 0;
    return region_add(walk, tracee, frame.sp);
}

static int chunk_walk(struct walk *walk, const struct tracee *tracee, uint64_t address,
                      const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + sizeof(uint64_t) <= size; at += sizeof(uint64_t)) {
        uint64_t word;
        int result;

        memcpy(&word, data + at, sizeof(word));
        if (word < 4096)
            continue;
        if (walk->visitor->word && walk->visitor->word(word, walk->visitor->data))
            return 1;
        if (!word_is_sigreturn(walk, word))
            continue;
        result = frame_visit(walk, tracee, address + at);
        if (result)
            return result;
    }
    return 0;
}

static int region_walk(struct walk *walk, const struct tracee *tracee, const struct region *region,
                       uint8_t *buffer)
{
    uint64_t at = region->start;

    while (at < region->end) {
        size_t want = region->end - at < CHUNK ? (size_t)(region->end - at) : CHUNK;
        int result;

        if (!process_read(walk->job->process, at, buffer, want))
            return reply_set(walk->job->reply, INJECT_FAILED,
                             "the stack of thread %d cannot be read", tracee->tid);
        result = chunk_walk(walk, tracee, at, buffer, want);
        if (result)
            return result;
        at += want;
    }
    return 0;
}

int stack_walk(struct job *job, const struct tracee *tracee, const struct stack_visitor *visitor)
{
    struct walk walk = {.job = job, .visitor = visitor};
    cleanup_free uint8_t *buffer = malloc(CHUNK);
    int result;

    if (!buffer)
        return reply_set(job->reply, INJECT_FAILED, "out of memory");
    result = region_add(&walk, tracee, arch_regs_sp(&tracee->regs));
    while (result == 0 && walk.next < walk.count) {
        struct region region = walk.regions[walk.next++];

        result = region_walk(&walk, tracee, &region, buffer);
    }
    return result;
}

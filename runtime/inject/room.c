// SPDX-License-Identifier: GPL-2.0-or-later
// Finds memory of a process that it does not use, for what an injected call needs.
#include "runtime/inject/room.h"
#include "lib/cleanup.h"
#include "runtime/inject/memory.h"
#include "runtime/inject/sharers.h"
#include "runtime/inject/stack.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What memory that was added to the stack holds while we do not use it. */
#define SPARE_BYTE 0x5c

/* The lowest address that belongs to the stack the thread is on; 0 as long as nothing tells it. */
struct search {
    uint64_t sp;
    uint64_t bottom;
};

/*
 * An alternate stack has no guard page, and nobody checks that our frame fits: if the thread is
 * on one, the frame that brought it there says where it begins.
 */
static bool frame_bottom(const struct arch_signal_frame *frame, void *data)
{
    struct search *search = data;
    uint64_t start = frame->alternate_start;

    if (search->sp - start < frame->alternate_size && start > search->bottom)
        search->bottom = start;
    return false;
}

/* True if nothing is mapped down to size bytes below the mapping: a stack can grow so far. */
static bool is_free_below(const struct process *process, const struct process_map *map,
                          uint64_t size)
{
    return map->start > size && (map == process->maps || map->start - size >= (map - 1)->end);
}

/*
 * The main thread's stack is mapped down to where it has been used, and grows when it is written
 * to, also by us. A program that has just come to its deepest point stands in the last page.
 */
static const struct process_map *stack_grow(struct job *job, const struct tracee *host, uint64_t sp,
                                            uint64_t needed)
{
    const struct process_map *map = process_map_at(job->process, sp);
    const uint8_t zero = 0;

    if (!map || map->kind != PROCESS_MAP_STACK || sp - map->start > needed ||
        !is_free_below(job->process, map, needed))
        return map;
    if (memory_write(job, host->tid, sp - needed, &zero, 1) == 0)
        process_maps_read(job->process, NULL);
    return process_map_at(job->process, sp);
}

/* Below the stack pointer. JOB_RETRY where there is too little, or nobody knows how much. */
static int find_below(struct job *job, const struct tracee *host, uint64_t needed,
                      struct room *room)
{
    struct search search = {.sp = arch_regs_sp(&host->regs)};
    struct stack_visitor visitor = {.frame = frame_bottom, .data = &search};
    const struct process_map *map;
    int result;

    needed += arch_red_zone();
    map = stack_grow(job, host, search.sp, needed + 1);
    if (map && (map->prot & PROT_WRITE)) {
        stack_bottom(job, host, &search.bottom);
        result = stack_walk(job, host, &visitor);
        if (result)
            return result < 0 ? -1 : JOB_RETRY;
        if (search.bottom && search.sp - search.bottom > needed) {
            *room = (struct room){.top = search.sp - arch_red_zone()};
            return 0;
        }
    }
    reply_set(job->reply, INJECT_BUSY,
              search.bottom ? "thread %d has no room on its stack"
                            : "thread %d is on a stack of unknown size",
              host->tid);
    job->reply->tid = host->tid;
    return JOB_RETRY;
}

static const struct process_map *process_stack(const struct process *process)
{
    for (size_t i = 0; i < process->map_count; i++)
        if (process->maps[i].kind == PROCESS_MAP_STACK && (process->maps[i].prot & PROT_WRITE))
            return &process->maps[i];
    return NULL;
}

/* True if nobody has written there since we left it: then nobody has come so deep. */
static bool is_spare(const struct job *job, uint64_t start, size_t size)
{
    cleanup_free uint8_t *bytes = malloc(size);

    if (!bytes || !process_read(job->process, start, bytes, size))
        return false;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != SPARE_BYTE)
            return false;
    return true;
}

static int fill_spare(struct job *job, pid_t tid, uint64_t start, size_t size)
{
    cleanup_free uint8_t *bytes = malloc(size);

    if (!bytes)
        return -1;
    memset(bytes, SPARE_BYTE, size);
    return memory_write(job, tid, start, bytes, size);
}

/*
 * The main thread on a stack of its own making: the stack of the process is added to. It belongs to
 * this thread alone, unless another process shares the memory. A page is left free for the red zone
 * of whoever has come to the deepest point.
 */
static bool find_spare(struct job *job, const struct tracee *host, uint64_t needed,
                       struct room *room)
{
    const struct process_map *map = process_stack(job->process);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = (size_t)(needed + page - 1) / page * page;
    uint64_t sp = arch_regs_sp(&host->regs), start;

    if (!map || host->tid != host->tgid || (sp >= map->start && sp < map->end) ||
        sharer_find(job) != 0)
        return false;
    start = map->start;
    if (map->end - start < size + page || !is_spare(job, start, size + page)) {
        start -= size + page;
        if (!is_free_below(job->process, map, size + page) ||
            fill_spare(job, host->tid, start, size + page) < 0 ||
            process_maps_read(job->process, NULL) < 0)
            return false;
        map = process_map_at(job->process, start);
        if (!map || map->kind != PROCESS_MAP_STACK)
            return false;
    }
    *room = (struct room){.top = start + size, .spare = start, .size = size};
    return true;
}

int room_find(struct job *job, const struct tracee *host, uint64_t needed, struct room *room)
{
    int result = find_below(job, host, needed, room);

    return result == JOB_RETRY && find_spare(job, host, needed, room) ? 0 : result;
}

void room_leave(struct job *job, const struct tracee *host, const struct room *room)
{
    if (room->spare)
        fill_spare(job, host->tid, room->spare, room->size);
}

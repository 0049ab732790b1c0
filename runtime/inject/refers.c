// SPDX-License-Identifier: GPL-2.0-or-later
// Looks for pointers into a patch, wherever a program may keep one.
#include "runtime/inject/refers.h"
#include "lib/cleanup.h"
#include "runtime/inject/stack.h"
#include "runtime/inject/task.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* More writable memory than this is not searched while everything stands still. */
#define SEARCH_MAX (UINT64_C(64) << 20)
#define CHUNK (1u << 20)
#define CHUNK_PAGES (CHUNK / 4096u) /* at most */

/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGE_PRESENT (UINT64_C(1) << 63)
#define PAGE_SWAPPED (UINT64_C(1) << 62)

/* What is looked for in the memory of the process. */
struct search {
    uint64_t low, high;
    uint64_t guard; /* what glibc mangles pointers with */
};

static bool address_hits(uint64_t address, const struct search *search)
{
    return address - search->low < search->high - search->low;
}

static bool words_search(const uint8_t *data, size_t size, const struct search *search)
{
    for (size_t at = 0; at + sizeof(uint64_t) <= size; at += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, data + at, sizeof(word));
        if (address_hits(word, search) ||
            address_hits(arch_pointer_demangle(word, search->guard), search))
            return true;
    }
    return false;
}

/* What is read of a process while it stands still. */
struct reader {
    const struct process *process;
    int pagemap; /* /proc/PID/pagemap, or -1 */
    uint64_t page;
    uint8_t buffer[CHUNK];
};

static bool pages_search(struct reader *reader, uint64_t start, uint64_t end,
                         const struct search *search)
{
    size_t size = (size_t)(end - start);

    /* What cannot be read cannot be known: it may hold a pointer. */
    return !process_read(reader->process, start, reader->buffer, size) ||
           words_search(reader->buffer, size, search);
}

/*
 * Finds out which pages from start hold something of this process: what it has never touched, or
 * only has in common with others, is as it was mapped. Without pagemap it is all of them.
 */
static void pages_touched(const struct reader *reader, uint64_t start, size_t count, bool *touched)
{
    uint64_t entries[CHUNK_PAGES];
    ssize_t size = (ssize_t)(count * sizeof(*entries));

    if (reader->pagemap < 0 || pread(reader->pagemap, entries, (size_t)size,
                                     (off_t)(start / reader->page * sizeof(*entries))) != size)
        memset(entries, 0xff, (size_t)size);
    for (size_t i = 0; i < count; i++)
        touched[i] = entries[i] & (PAGE_PRESENT | PAGE_SWAPPED);
}

/* Bytes of the chunk that begins at start. */
static uint64_t chunk_touched(const struct reader *reader, uint64_t start, uint64_t end)
{
    uint64_t size = end - start < CHUNK ? end - start : CHUNK, total = 0;
    bool touched[CHUNK_PAGES];

    pages_touched(reader, start, (size_t)(size / reader->page), touched);
    for (uint64_t i = 0; i < size / reader->page; i++)
        total += touched[i] ? reader->page : 0;
    return total;
}

static bool range_search(struct reader *reader, uint64_t start, uint64_t end,
                         const struct search *search)
{
    while (start < end) {
        const uint64_t page = reader->page, first = start & ~(page - 1);
        size_t count = (size_t)((end - first + page - 1) / page);
        bool touched[CHUNK_PAGES];

        count = count < CHUNK / page ? count : (size_t)(CHUNK / page);
        pages_touched(reader, first, count, touched);
        for (size_t i = 0, next; i < count; i = next) {
            uint64_t from = first + i * page, to;

            for (next = i + 1; next < count && touched[next] == touched[i];)
                next++;
            to = first + next * page;
            if (touched[i] &&
                pages_search(reader, from < start ? start : from, to < end ? to : end, search))
                return true;
        }
        start = first + count * page;
    }
    return false;
}

/*
 * Where in a mapping live data can begin. Below the stack pointer lies only what calls that have
 * returned left behind, where the mapping begins with that thread's stack.
 */
static uint64_t live_start(const struct job *job, const struct process_map *map)
{
    for (size_t i = 0; i < job->threads.count; i++) {
        const struct tracee *tracee = &job->threads.items[i];
        uint64_t sp = arch_regs_sp(&tracee->regs) & ~UINT64_C(7), bottom;

        if (tracee->stopped && sp > map->start + arch_red_zone() && sp < map->end &&
            stack_bottom(job, tracee, &bottom) && bottom == map->start)
            return sp;
    }
    return map->start;
}

/*
 * In the red zone a leaf function may keep a pointer, but a return address there is dead: it would
 * be popped from above the stack pointer. Calls of the patch's own leave them there for long.
 */
static bool red_zone_refers(const struct process *process, uint64_t sp, const struct search *search)
{
    for (uint64_t at = sp - arch_red_zone(); at < sp; at += sizeof(uint64_t)) {
        uint8_t before[ARCH_CALL_MAX];
        uint64_t word;

        if (!process_read(process, at, &word, sizeof(word)))
            return true;
        if (address_hits(word, search) &&
            (!process_read(process, word - sizeof(before), before, sizeof(before)) ||
             !arch_ends_with_call(before)))
            return true;
    }
    return false;
}

static bool is_searched(const struct process_map *map, const struct search *search)
{
    return (map->prot & PROT_WRITE) && !(map->start >= search->low && map->end <= search->high);
}

/* So much that the threads would stand still for too long. */
static bool is_too_much(const struct reader *reader, const struct search *search)
{
    const struct process *process = reader->process;
    uint64_t total = 0;

    for (size_t i = 0; i < process->map_count; i++) {
        const struct process_map *map = &process->maps[i];

        if (is_searched(map, search))
            for (uint64_t at = map->start; at < map->end && total <= SEARCH_MAX; at += CHUNK)
                total += chunk_touched(reader, at, map->end);
    }
    return total > SEARCH_MAX;
}

static bool maps_refer(const struct job *job, struct reader *reader, const struct search *search)
{
    const struct process *process = job->process;

    if (is_too_much(reader, search))
        return true;
    for (size_t i = 0; i < process->map_count; i++) {
        const struct process_map *map = &process->maps[i];
        uint64_t start = live_start(job, map);

        if (!is_searched(map, search))
            continue;
        if (start != map->start && red_zone_refers(process, start, search))
            return true;
        if (range_search(reader, start, map->end, search))
            return true;
    }
    return false;
}

/* True unless no word of writable memory outside the patch itself points into the patch. */
static bool memory_refers(const struct job *job, const struct search *search)
{
    cleanup_free struct reader *reader = malloc(sizeof(*reader));
    char path[64];
    bool found;

    if (!reader)
        return true;
    snprintf(path, sizeof(path), "/proc/%d/pagemap", job->process->task);
    reader->process = job->process;
    reader->pagemap = open(path, O_RDONLY | O_CLOEXEC);
    reader->page = (uint64_t)sysconf(_SC_PAGESIZE);
    found = maps_refer(job, reader, search);
    if (reader->pagemap >= 0)
        close(reader->pagemap);
    return found;
}

/* Any register may hold a pointer; a vector register does while memory is being copied. */
static bool thread_refers(const struct tracee *tracee, const struct search *search)
{
    cleanup_free uint8_t *fpu = calloc(1, ARCH_FPU_MAX);
    struct iovec iov = {fpu, ARCH_FPU_MAX};

    if (words_search((const uint8_t *)&tracee->regs, sizeof(tracee->regs), search))
        return true;
    return !fpu ||
           ptrace(PTRACE_GETREGSET, tracee->tid, (void *)(long)arch_fpu_regset(), &iov) < 0 ||
           words_search(fpu, ARCH_FPU_MAX, search);
}

static bool registers_refer(const struct job *job, const struct search *search)
{
    for (size_t i = 0; i < job->threads.count; i++)
        if (job->threads.items[i].stopped && thread_refers(&job->threads.items[i], search))
            return true;
    return false;
}

/* A value behind key in a text of the kernel points into the patch. */
static bool text_refers(FILE *file, const char *key, const struct search *search)
{
    char line[512];

    while (file && fgets(line, sizeof(line), file)) {
        const char *found = strstr(line, key);

        if (found && address_hits(strtoull(found + strlen(key), NULL, 16), search))
            return true;
    }
    return false;
}

/* What the program has given to the kernel, to have it back later: proc_pid_fdinfo(5). */
static bool kernel_refers(const struct job *job, const struct search *search)
{
    struct dirent *entry;
    char path[320];
    bool found;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/timers", job->pid);
    cleanup_file FILE *timers = fopen(path, "re");
    found = text_refers(timers, "signal: ", search) || text_refers(timers, "/", search);
    snprintf(path, sizeof(path), "/proc/%d/fdinfo", job->process->task);
    dir = opendir(path);
    while (dir && !found && (entry = readdir(dir))) {
        snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", job->process->task, entry->d_name);
        cleanup_file FILE *file = fopen(path, "re");
        found = text_refers(file, "data: ", search);
    }
    if (dir)
        closedir(dir);
    return found || !dir;
}

/* Where no thread tells the guard, words are compared with a guard that finds nothing more. */
static uint64_t guard_read(const struct job *job)
{
    uint64_t guard = 0;

    for (size_t i = 0; i < job->threads.count; i++) {
        const struct tracee *tracee = &job->threads.items[i];
        uint64_t at = tracee->stopped ? arch_pointer_guard(&tracee->regs) : 0;

        if (at && process_read(job->process, at, &guard, sizeof(guard)))
            return guard;
    }
    return 0;
}

bool process_refers(struct job *job, uint64_t low, uint64_t high)
{
    const struct search search = {low, high, guard_read(job)};

    return registers_refer(job, &search) || memory_refers(job, &search) ||
           kernel_refers(job, &search);
}

/* struct sigaction of the kernel: the handler, flags, the restorer, the mask. */
struct kernel_action {
    uint64_t handler, flags, restorer, mask;
};

static bool handler_refers(struct job *job, struct infection *infection, int signal,
                           const struct search *search)
{
    const uint64_t arguments[6] = {(uint64_t)signal, 0, infection->scratch, sizeof(uint64_t)};
    struct kernel_action action = {0};
    int64_t result;

    if (infect_call(job, infection, SYS_rt_sigaction, arguments, &result) < 0 || result < 0 ||
        !process_read(job->process, infection->scratch, &action, sizeof(action)))
        return true;
    return address_hits(action.handler, search) || address_hits(action.restorer, search);
}

/* Only signals that are caught have a handler: mostly a few. */
bool handlers_refer(struct job *job, struct infection *infection, uint64_t low, uint64_t high)
{
    const struct tracee *host = infection->host;
    const struct search search = {low, high, 0};
    uint64_t caught = 0;

    if (!task_status_value(host->tgid, host->tid, "SigCgt:", 16, &caught))
        return true;
    for (int signal = 1; signal <= 64; signal++)
        if ((caught >> (signal - 1) & 1) && handler_refers(job, infection, signal, &search))
            return true;
    return false;
}

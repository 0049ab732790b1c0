// SPDX-License-Identifier: GPL-2.0-or-later
// Looks for pointers into a patch, wherever a program may keep one.
#include "runtime/inject/refers.h"
#include "lib/cleanup.h"
#include "runtime/inject/task.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* More writable memory than this is not searched while everything stands still. */
#define SEARCH_MAX (UINT64_C(64) << 20)
#define CHUNK (1u << 20)

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

static bool range_search(const struct process *process, uint64_t start, uint64_t end,
                         const struct search *search, uint8_t *buffer)
{
    for (uint64_t at = start; at < end; at += CHUNK) {
        size_t size = end - at < CHUNK ? (size_t)(end - at) : CHUNK;

        /* What cannot be read cannot be known: it may hold a pointer. */
        if (!process_read(process, at, buffer, size) || words_search(buffer, size, search))
            return true;
    }
    return false;
}

/*
 * Where in a mapping live data can begin. Below the stack pointer of the main thread lies only
 * what calls that have returned left behind. Other stacks are not told from heap memory.
 */
static uint64_t live_start(const struct job *job, const struct process_map *map)
{
    if (map->kind == PROCESS_MAP_STACK)
        for (size_t i = 0; i < job->threads.count; i++) {
            const struct tracee *tracee = &job->threads.items[i];
            uint64_t sp = arch_regs_sp(&tracee->regs) & ~UINT64_C(7);

            if (tracee->stopped && tracee->tid == job->pid && sp > map->start + arch_red_zone() &&
                sp < map->end)
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

/* True unless no word of writable memory outside the patch itself points into the patch. */
static bool memory_refers(const struct job *job, const struct search *search)
{
    const struct process *process = job->process;
    cleanup_free uint8_t *buffer = malloc(CHUNK);
    uint64_t total = 0;

    if (!buffer)
        return true;
    for (size_t i = 0; i < process->map_count; i++) {
        const struct process_map *map = &process->maps[i];
        uint64_t start = live_start(job, map);

        if (!(map->prot & PROT_WRITE) || (map->start >= search->low && map->end <= search->high))
            continue;
        total += map->end - start;
        if (start != map->start && red_zone_refers(process, start, search))
            return true;
        if (total > SEARCH_MAX || range_search(process, start, map->end, search, buffer))
            return true;
    }
    return false;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory of another process, through /proc/PID/maps and /proc/PID/mem. */
#ifndef SYSCARE_PROCESS_MAPS_H
#define SYSCARE_PROCESS_MAPS_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum process_map_kind {
    PROCESS_MAP_ANONYMOUS,
    PROCESS_MAP_FILE,
    PROCESS_MAP_HEAP,
    PROCESS_MAP_STACK, /* of the main thread: grows down */
    PROCESS_MAP_VDSO,
    PROCESS_MAP_SPECIAL, /* [vvar], [vsyscall] …: not to be touched */
};

/* A line of /proc/PID/maps, proc(5). */
struct process_map {
    uint64_t start, end, offset;
    uint64_t device, inode;
    int prot; /* PROT_* */
    bool shared;
    enum process_map_kind kind;
};

struct process {
    pid_t pid;
    pid_t task; /* through which it is read: pid, or another thread where the leader has ended */
    int mem;    /* /proc/PID/mem, read and write; belongs to the address space it was opened for */
    struct process_map *maps; /* by address */
    size_t map_count;
};

/*
 * Opens the memory of a process and reads its mappings. Needs PTRACE_MODE_ATTACH. NULL with err
 * set; saved_errno is ENOENT or ESRCH when there is no such process. A kernel thread or a zombie
 * has no mappings: map_count 0. Close with process_close.
 */
struct process *process_open(pid_t pid, struct sc_error **err);

/*
 * A task of the process that has its memory: pid itself, or the first thread that lives on where
 * the leader has called pthread_exit(3) and is a zombie without memory. pid where there is none.
 */
pid_t process_memory_task(pid_t pid);

/* NULL is allowed. */
void process_close(struct process *process);

void process_cleanup(struct process **process);
#define cleanup_process __attribute__((cleanup(process_cleanup)))

/* Reads the mappings again. 0, or -1 with err set. */
int process_maps_read(struct process *process, struct sc_error **err);

/* The mapping that contains address, or NULL. */
const struct process_map *process_map_at(const struct process *process, uint64_t address);

/* Reads size bytes. False when any of them cannot be read. */
bool process_read(const struct process *process, uint64_t address, void *data, size_t size);

/* Reads up to size bytes: the number read, 0 when nothing can be. */
size_t process_read_some(const struct process *process, uint64_t address, void *data, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the processes that map an ELF file with a given build-id, in any namespace and by whatever
 * path, from /proc alone. Nothing is stopped.
 */
#ifndef SYSCARE_RUNTIME_PROCESS_SCAN_H
#define SYSCARE_RUNTIME_PROCESS_SCAN_H

#include "lib/elf_file.h"
#include "lib/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct build_id {
    uint8_t bytes[SC_BUILD_ID_MAX];
    size_t size;
};

/* A process that maps one of the wanted files. */
struct scan_process {
    pid_t pid;
    uint64_t start_time; /* field 22 of /proc/PID/stat, clock ticks */
    size_t wanted;       /* index of the build-id */
};

struct scan_list {
    struct scan_process *items; /* by pid; one for each pair of process and build-id */
    size_t count;
};

/* Remembers the build-ids of files between scans, by device, inode, size and change time. */
struct build_id_cache;
struct build_id_cache *build_id_cache_new(void);
void build_id_cache_free(struct build_id_cache *cache);

/* The build-id of the file open as fd, also for the next time; size 0 where it has none. */
void build_id_cache_find(struct build_id_cache *cache, int fd, struct build_id *id);

/* Called once for each file (device and inode) that was found; fd is open for reading until the
 * call returns. */
typedef void (*scan_file_fn)(int fd, size_t wanted, void *data);

/*
 * Looks through all processes. visit_file may be NULL. Processes that end meanwhile are left out.
 * 0, or -1 with err set when /proc cannot be read.
 */
int process_scan(struct build_id_cache *cache, const struct build_id *wanted, size_t wanted_count,
                 scan_file_fn visit_file, void *data, struct scan_list *list,
                 struct sc_error **err);

void scan_list_clear(struct scan_list *list);
#define cleanup_scan __attribute__((cleanup(scan_list_clear)))

/* Start time as in struct scan_process; 0 when there is no such process. */
uint64_t process_start_time(pid_t pid);

/* The name of the process, at most 15 bytes, unprintable ones as '?'; "" when it is gone. */
void process_name(pid_t pid, char name[16]);

#endif

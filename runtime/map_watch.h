/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells of every executable file that any process maps from now on, as the kernel's perf events do
 * (PERF_RECORD_MMAP2, perf_event_open(2)); since Linux 5.12 with its build-id. That is how a file
 * that did not exist when a patch was activated is found: the first container of a new image, a
 * copy.
 */
#ifndef SYSCARE_RUNTIME_MAP_WATCH_H
#define SYSCARE_RUNTIME_MAP_WATCH_H

#include "lib/error.h"
#include "runtime/process_scan.h"

struct map_watch; /* opaque */

/* A file that was just mapped for execution. */
struct mapped_file {
    pid_t pid;
    uint64_t start, end; /* of the mapping */
    struct build_id id;  /* size 0: the kernel does not tell, so it is in the file */
};

/* NULL with err set where the kernel cannot. The audit is then the only way. */
struct map_watch *map_watch_open(struct sc_error **err);

/* NULL is allowed. */
void map_watch_close(struct map_watch *watch);

/* Readable when there are events. Owned by watch. */
int map_watch_fd(const struct map_watch *watch);

/* Hands each waiting event to callback; one thread only. Events are lost when nobody reads. */
typedef void (*map_watch_fn)(const struct mapped_file *file, void *data);
void map_watch_read(struct map_watch *watch, map_watch_fn callback, void *data);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ring buffers of perf events, one for each processor: perf_event_open(2), "MMAP layout". */
#ifndef SYSCARE_RUNTIME_PERF_RINGS_H
#define SYSCARE_RUNTIME_PERF_RINGS_H

#include "lib/error.h"

#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>

/* The longest part of a record that is handed on. */
#define PERF_RECORD_ROOM 128

struct perf_rings; /* opaque */

/* Opens the event on each processor that is there now. NULL with err set. */
struct perf_rings *perf_rings_open(const struct perf_event_attr *attr, struct sc_error **err);

/* NULL is allowed. */
void perf_rings_close(struct perf_rings *rings);

/* Readable when there are records. Owned by rings. */
int perf_rings_fd(const struct perf_rings *rings);

/* The number of rings; the processor of one; its event, which others can send their records to. */
size_t perf_rings_count(const struct perf_rings *rings);
int perf_rings_cpu(const struct perf_rings *rings, size_t index);
int perf_rings_event(const struct perf_rings *rings, size_t index);

/* Hands on each record. size is what is in record, whose header tells how long it really is. */
typedef void (*perf_record_fn)(const struct perf_event_header *record, size_t size, void *data);
void perf_rings_read(struct perf_rings *rings, perf_record_fn callback, void *data);

#endif

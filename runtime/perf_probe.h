/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One uprobe as a perf event, perf_event_open(2): the PMU `uprobe`, Linux 4.17. */
#ifndef SYSCARE_RUNTIME_PERF_PROBE_H
#define SYSCARE_RUNTIME_PERF_PROBE_H

#include "lib/error.h"

#include <stdint.h>

/* The type of the PMU, or -1 with err set where the kernel has none. */
int perf_probe_type(struct sc_error **err);

/* What of the event is wanted, beside the probe. */
struct perf_probe {
    int file_fd;          /* the file, open for reading */
    uint64_t offset;      /* of the instruction in it */
    int cpu;              /* on which it counts; a BPF program on it runs on all */
    uint64_t sample_type; /* 0: no samples are taken */
};

/*
 * Probes the instruction in all processes that map the file now or later, whatever the path they
 * know it by. The page should be in the page cache. Samples carry CLOCK_MONOTONIC. Returns the
 * event's descriptor, or -1 with err set and errno telling why.
 */
int perf_probe_open(const struct perf_probe *probe, struct sc_error **err);

/* Lets this process have as many descriptors as it is allowed to: each probe is one. */
void perf_probe_raise_limit(void);

#endif

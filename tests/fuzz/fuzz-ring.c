// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: records in the kernel's ring, of files that were mapped and of sampled callers.
#include "runtime/hold_sample.c" /* these three for their static functions */
#include "runtime/map_watch.c"
#include "runtime/perf_rings.c"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#define PAGE 4096u

/* data: the kernel tells build-ids. */
static void take_file(const struct mapped_file *file, void *data)
{
    if (*(bool *)data != (file->id.size != 0) || file->id.size > sizeof(file->id.bytes))
        abort();
}

/* Only the one probe that there is has a cookie to tell. */
static void take_event(const struct hold_event *event, void *data)
{
    (void)data;
    if (event->cookie != 2)
        abort();
}

static void read_files(const struct perf_rings *rings, const struct cpu_ring *ring, bool build_ids)
{
    struct map_reader reader = {.build_ids = build_ids, .callback = take_file, .data = &build_ids};

    read_ring(rings, ring, handle_mapping, &reader);
}

/* The records between tail and head, read as each kind of reader does. */
static void read_records(const struct cpu_ring *ring)
{
    const struct perf_rings rings = {.page_size = PAGE};
    struct probe_fd probe = {.fd = -1, .id = 1, .cookie = 2};
    struct probe_file file = {.probes = &probe, .count = 1};
    struct probe_files probed = {.items = &file, .count = 1};
    struct sampler *sampler = calloc(1, sizeof(*sampler));
    struct hold hold = {.files = &probed, .sampler = sampler, .callback = take_event};
    struct sample_reader samples = {.hold = &hold};
    uint64_t tail = ring->page->data_tail;

    if (!sampler)
        abort();
    pthread_mutex_init(&hold.lock, NULL);
    read_files(&rings, ring, true);
    ring->page->data_tail = tail;
    read_files(&rings, ring, false);
    ring->page->data_tail = tail;
    read_ring(&rings, ring, handle_sample, &samples);
    pthread_mutex_destroy(&hold.lock);
    free(sampler);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *memory = calloc(1 + RING_PAGES, PAGE);
    const struct cpu_ring ring = {.page = (struct perf_event_mmap_page *)memory};
    size_t room = RING_PAGES * PAGE;

    if (!memory)
        abort();
    /* The first two bytes say where in the ring the records begin. */
    if (size >= 2) {
        uint64_t tail = (uint64_t)(data[0] | data[1] << 8) % room & ~7ull;

        size = size - 2 < room ? size - 2 : room;
        for (size_t i = 0; i < size; i++)
            memory[PAGE + (tail + i) % room] = data[2 + i];
        ring.page->data_tail = tail;
        ring.page->data_head = tail + size;
        read_records(&ring);
    }
    free(memory);
    return 0;
}

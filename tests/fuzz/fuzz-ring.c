// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: records of files that were mapped, in the kernel's ring.
#include "runtime/map_watch.c" /* for its static functions */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#define PAGE 4096u

static void take(const struct mapped_file *file, void *data)
{
    if (file->id.size == 0 || file->id.size > sizeof(file->id.bytes))
        abort();
    (*(size_t *)data)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct map_watch watch = {.page_size = PAGE};
    uint8_t *memory = calloc(1 + RING_PAGES, PAGE);
    const struct cpu_ring ring = {.page = (struct perf_event_mmap_page *)memory};
    size_t count = 0, room = RING_PAGES * PAGE;

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
        read_ring(&watch, &ring, take, &count);
    }
    free(memory);
    return 0;
}

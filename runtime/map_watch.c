// SPDX-License-Identifier: GPL-2.0-or-later
// Tells of every executable file that any process maps, by perf events without samples.
#include "runtime/map_watch.h"

#include "lib/cleanup.h"
#include "runtime/perf_rings.h"

#include <string.h>

/* What of a record is read. The union of PERF_RECORD_MMAP2 holds the build-id. */
struct mmap2_record {
    struct perf_event_header header;
    uint32_t pid, tid;
    uint64_t address, length, offset;
    uint8_t build_id_size;
    uint8_t reserved[3];
    uint8_t build_id[20];
};

struct map_watch {
    struct perf_rings *rings;
};

/* What of a watch a record needs. */
struct map_reader {
    map_watch_fn callback;
    void *data;
};

struct map_watch *map_watch_open(struct sc_error **err)
{
    struct map_watch *watch = calloc(1, sizeof(*watch));
    struct perf_event_attr attr;

    if (!watch)
        abort();
    /* A dummy software event: nothing is sampled, only the side-band records are wanted. */
    memset(&attr, 0, sizeof(attr));
    attr.size = sizeof(attr);
    attr.type = PERF_TYPE_SOFTWARE;
    attr.config = PERF_COUNT_SW_DUMMY;
    attr.mmap = 1; /* executable mappings */
    attr.mmap2 = 1;
    attr.build_id = 1;
    attr.exclude_kernel = 1;
    attr.watermark = 1;
    attr.wakeup_watermark = 1; /* each record wakes */
    watch->rings = perf_rings_open(&attr, err);
    if (!watch->rings) {
        sc_error_wrap(err, "cannot watch what processes map");
        map_watch_close(watch);
        return NULL;
    }
    return watch;
}

void map_watch_close(struct map_watch *watch)
{
    if (!watch)
        return;
    perf_rings_close(watch->rings);
    free(watch);
}

int map_watch_fd(const struct map_watch *watch)
{
    return perf_rings_fd(watch->rings);
}

/* Hands a record on if it has a build-id. Everything else that comes is of no interest. */
static void handle_mapping(const struct perf_event_header *header, size_t size, void *data)
{
    const struct map_reader *reader = data;
    const struct mmap2_record *record = (const struct mmap2_record *)header;
    struct mapped_file file = {0};

    if (header->type != PERF_RECORD_MMAP2 || size < sizeof(*record) ||
        !(header->misc & PERF_RECORD_MISC_MMAP_BUILD_ID) ||
        record->build_id_size > sizeof(record->build_id) || record->build_id_size == 0)
        return;
    file.pid = (pid_t)record->pid;
    file.start = record->address;
    file.end = record->address + record->length;
    file.id.size = record->build_id_size;
    memcpy(file.id.bytes, record->build_id, record->build_id_size);
    reader->callback(&file, reader->data);
}

void map_watch_read(struct map_watch *watch, map_watch_fn callback, void *data)
{
    struct map_reader reader = {.callback = callback, .data = data};

    perf_rings_read(watch->rings, handle_mapping, &reader);
}

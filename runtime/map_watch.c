// SPDX-License-Identifier: GPL-2.0-or-later
// Tells of every executable file that any process maps, by perf events without samples.
#include "runtime/map_watch.h"

#include "lib/cleanup.h"
#include "runtime/perf_rings.h"

#include <stdbool.h>
#include <string.h>

/* What of a record is read. */
struct mmap2_record {
    struct perf_event_header header;
    uint32_t pid, tid;
    uint64_t address, length, offset;
    union {
        struct {
            uint8_t size;
            uint8_t reserved[3];
            uint8_t bytes[20];
        } build_id; /* PERF_RECORD_MISC_MMAP_BUILD_ID */
        struct {
            uint32_t major_dev, minor_dev;
            uint64_t ino, generation;
        } inode;
    };
};

struct map_watch {
    struct perf_rings *rings;
    bool build_ids; /* the kernel reads them */
};

/* What of a watch a record needs. */
struct map_reader {
    bool build_ids;
    map_watch_fn callback;
    void *data;
};

/* A dummy software event: nothing is sampled, only the side-band records are wanted. */
static struct perf_rings *open_rings(bool build_ids, struct sc_error **err)
{
    struct perf_event_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.size = sizeof(attr);
    attr.type = PERF_TYPE_SOFTWARE;
    attr.config = PERF_COUNT_SW_DUMMY;
    attr.mmap = 1; /* executable mappings */
    attr.mmap2 = 1;
    attr.build_id = build_ids;
    attr.exclude_kernel = 1;
    attr.watermark = 1;
    attr.wakeup_watermark = 1; /* each record wakes */
    return perf_rings_open(&attr, err);
}

struct map_watch *map_watch_open(struct sc_error **err)
{
    struct map_watch *watch = calloc(1, sizeof(*watch));

    if (!watch)
        abort();
    watch->rings = open_rings(true, NULL);
    watch->build_ids = watch->rings;
    if (!watch->rings)
        watch->rings = open_rings(false, err);
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

/* Fills in what the record says of the file. False: it is none that could be a target. */
static bool identify(const struct mmap2_record *record, bool build_ids, struct mapped_file *file)
{
    if (!build_ids)
        return record->inode.ino != 0;
    if (!(record->header.misc & PERF_RECORD_MISC_MMAP_BUILD_ID) ||
        record->build_id.size > sizeof(record->build_id.bytes) || record->build_id.size == 0)
        return false;
    file->id.size = record->build_id.size;
    memcpy(file->id.bytes, record->build_id.bytes, record->build_id.size);
    return true;
}

static void handle_mapping(const struct perf_event_header *header, size_t size, void *data)
{
    const struct mmap2_record *record = (const struct mmap2_record *)header;
    const struct map_reader *reader = data;
    struct mapped_file file = {0};

    if (header->type != PERF_RECORD_MMAP2 || size < sizeof(*record) ||
        !identify(record, reader->build_ids, &file))
        return;
    file.pid = (pid_t)record->pid;
    file.start = record->address;
    file.end = record->address + record->length;
    reader->callback(&file, reader->data);
}

void map_watch_read(struct map_watch *watch, map_watch_fn callback, void *data)
{
    struct map_reader reader = {.build_ids = watch->build_ids, .callback = callback, .data = data};

    perf_rings_read(watch->rings, handle_mapping, &reader);
}

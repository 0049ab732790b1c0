// SPDX-License-Identifier: GPL-2.0-or-later
// Tells of every executable file that any process maps, by perf events without samples.
#include "runtime/map_watch.h"

#include "lib/cleanup.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* Room for about 600 records a processor: 2^n pages, as the kernel wants it. */
#define RING_PAGES 16

/* What of a record is read. The union of PERF_RECORD_MMAP2 holds the build-id. */
struct mmap2_record {
    struct perf_event_header header;
    uint32_t pid, tid;
    uint64_t address, length, offset;
    uint8_t build_id_size;
    uint8_t reserved[3];
    uint8_t build_id[20];
};

/* The events of one processor. */
struct cpu_ring {
    int fd;
    struct perf_event_mmap_page *page; /* the ring follows it */
};

struct map_watch {
    int epoll_fd;
    size_t page_size;
    struct cpu_ring *rings;
    size_t count;
};

/* A dummy software event: nothing is sampled, only the side-band records are wanted. */
static int open_event(int cpu)
{
    struct perf_event_attr attr;

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
    return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Adds a processor. 0, or -1 with errno set. */
static int add_ring(struct map_watch *watch, int cpu)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct cpu_ring ring = {.fd = open_event(cpu)};

    if (ring.fd < 0)
        return -1;
    ring.page = mmap(NULL, (1 + RING_PAGES) * watch->page_size, PROT_READ | PROT_WRITE, MAP_SHARED,
                     ring.fd, 0);
    if (ring.page == MAP_FAILED || epoll_ctl(watch->epoll_fd, EPOLL_CTL_ADD, ring.fd, &event) < 0) {
        close(ring.fd);
        return -1;
    }
    watch->rings = reallocarray(watch->rings, watch->count + 1, sizeof(*watch->rings));
    if (!watch->rings)
        abort();
    watch->rings[watch->count++] = ring;
    return 0;
}

struct map_watch *map_watch_open(struct sc_error **err)
{
    struct map_watch *watch = calloc(1, sizeof(*watch));
    long cpus = sysconf(_SC_NPROCESSORS_CONF);

    if (!watch)
        abort();
    watch->page_size = (size_t)sysconf(_SC_PAGESIZE);
    watch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    /* ENODEV: a processor that is switched off. */
    for (int cpu = 0; cpu < cpus; cpu++) {
        if (add_ring(watch, cpu) < 0 && errno != ENODEV) {
            sc_error_errno(err, "cannot watch what processes map");
            map_watch_close(watch);
            return NULL;
        }
    }
    return watch;
}

void map_watch_close(struct map_watch *watch)
{
    if (!watch)
        return;
    for (size_t i = 0; i < watch->count; i++) {
        munmap(watch->rings[i].page, (1 + RING_PAGES) * watch->page_size);
        close(watch->rings[i].fd);
    }
    close(watch->epoll_fd);
    free(watch->rings);
    free(watch);
}

int map_watch_fd(const struct map_watch *watch)
{
    return watch->epoll_fd;
}

/* Copies size bytes at position out of the ring, which may wrap around within them. */
static void copy_out(const struct map_watch *watch, const struct cpu_ring *ring, uint64_t position,
                     void *to, size_t size)
{
    const uint8_t *base = (const uint8_t *)ring->page + watch->page_size;
    size_t room = RING_PAGES * watch->page_size;
    size_t at = position % room;
    size_t first = size < room - at ? size : room - at;

    memcpy(to, base + at, first);
    memcpy((uint8_t *)to + first, base, size - first);
}

/* Hands a record on if it has a build-id. Everything else that comes is of no interest. */
static void handle_record(const struct mmap2_record *record, map_watch_fn callback, void *data)
{
    struct mapped_file file = {.pid = (pid_t)record->pid};

    if (record->header.type != PERF_RECORD_MMAP2 || record->header.size < sizeof(*record) ||
        !(record->header.misc & PERF_RECORD_MISC_MMAP_BUILD_ID) ||
        record->build_id_size > sizeof(record->build_id) || record->build_id_size == 0)
        return;
    file.start = record->address;
    file.end = record->address + record->length;
    file.id.size = record->build_id_size;
    memcpy(file.id.bytes, record->build_id, record->build_id_size);
    callback(&file, data);
}

/* All records between tail and head, perf_event_open(2), "MMAP layout". */
static void read_ring(const struct map_watch *watch, const struct cpu_ring *ring,
                      map_watch_fn callback, void *data)
{
    uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = ring->page->data_tail;

    while (tail + sizeof(struct perf_event_header) <= head) {
        struct mmap2_record record;

        memset(&record, 0, sizeof(record));
        copy_out(watch, ring, tail, &record.header, sizeof(record.header));
        if (record.header.size < sizeof(record.header) || record.header.size > head - tail)
            break; /* never: the kernel writes whole records */
        if (record.header.size >= sizeof(record))
            copy_out(watch, ring, tail, &record, sizeof(record));
        handle_record(&record, callback, data);
        tail += record.header.size;
    }
    __atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
}

void map_watch_read(struct map_watch *watch, map_watch_fn callback, void *data)
{
    for (size_t i = 0; i < watch->count; i++)
        read_ring(watch, &watch->rings[i], callback, data);
}

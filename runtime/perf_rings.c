// SPDX-License-Identifier: GPL-2.0-or-later
// The ring buffers of perf events, one for each processor.
#include "runtime/perf_rings.h"

#include "lib/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* Room for about 600 records of a mapped file: 2^n pages, as the kernel wants it. */
#define RING_PAGES 16

/* The events of one processor. */
struct cpu_ring {
    int fd, cpu;
    struct perf_event_mmap_page *page; /* the ring follows it */
};

struct perf_rings {
    int epoll_fd;
    size_t page_size;
    struct cpu_ring *items;
    size_t count;
};

/* Adds a processor. 0, or -1 with errno set. */
static int add_ring(struct perf_rings *rings, const struct perf_event_attr *attr, int cpu)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct cpu_ring ring = {.cpu = cpu};

    ring.fd = (int)syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (ring.fd < 0)
        return -1;
    ring.page = mmap(NULL, (1 + RING_PAGES) * rings->page_size, PROT_READ | PROT_WRITE, MAP_SHARED,
                     ring.fd, 0);
    if (ring.page == MAP_FAILED || epoll_ctl(rings->epoll_fd, EPOLL_CTL_ADD, ring.fd, &event) < 0) {
        close(ring.fd);
        return -1;
    }
    rings->items = reallocarray(rings->items, rings->count + 1, sizeof(*rings->items));
    if (!rings->items)
        abort();
    rings->items[rings->count++] = ring;
    return 0;
}

struct perf_rings *perf_rings_open(const struct perf_event_attr *attr, struct sc_error **err)
{
    struct perf_rings *rings = calloc(1, sizeof(*rings));
    long cpus = sysconf(_SC_NPROCESSORS_CONF);

    if (!rings)
        abort();
    rings->page_size = (size_t)sysconf(_SC_PAGESIZE);
    rings->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    /* ENODEV: a processor that is switched off. */
    for (int cpu = 0; cpu < cpus; cpu++) {
        if (add_ring(rings, attr, cpu) < 0 && errno != ENODEV) {
            sc_error_errno(err, "cannot open a perf event");
            perf_rings_close(rings);
            return NULL;
        }
    }
    return rings;
}

void perf_rings_close(struct perf_rings *rings)
{
    if (!rings)
        return;
    for (size_t i = 0; i < rings->count; i++) {
        munmap(rings->items[i].page, (1 + RING_PAGES) * rings->page_size);
        close(rings->items[i].fd);
    }
    close(rings->epoll_fd);
    free(rings->items);
    free(rings);
}

int perf_rings_fd(const struct perf_rings *rings)
{
    return rings->epoll_fd;
}

size_t perf_rings_count(const struct perf_rings *rings)
{
    return rings->count;
}

int perf_rings_cpu(const struct perf_rings *rings, size_t index)
{
    return rings->items[index].cpu;
}

int perf_rings_event(const struct perf_rings *rings, size_t index)
{
    return rings->items[index].fd;
}

/* Copies size bytes at position out of the ring, which may wrap around within them. */
static void copy_out(const struct perf_rings *rings, const struct cpu_ring *ring, uint64_t position,
                     void *to, size_t size)
{
    const uint8_t *base = (const uint8_t *)ring->page + rings->page_size;
    size_t room = RING_PAGES * rings->page_size;
    size_t at = position % room;
    size_t first = size < room - at ? size : room - at;

    memcpy(to, base + at, first);
    memcpy((uint8_t *)to + first, base, size - first);
}

/* All records between tail and head. */
static void read_ring(const struct perf_rings *rings, const struct cpu_ring *ring,
                      perf_record_fn callback, void *data)
{
    uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = ring->page->data_tail;
    union {
        struct perf_event_header header;
        uint64_t aligned[PERF_RECORD_ROOM / sizeof(uint64_t)];
    } record;

    while (tail + sizeof(record.header) <= head) {
        size_t size;

        copy_out(rings, ring, tail, &record.header, sizeof(record.header));
        size = record.header.size;
        if (size < sizeof(record.header) || size > head - tail)
            break; /* never: the kernel writes whole records */
        if (size > sizeof(record))
            size = sizeof(record);
        copy_out(rings, ring, tail, &record, size);
        tail += record.header.size;
        callback(&record.header, size, data);
    }
    __atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
}

void perf_rings_read(struct perf_rings *rings, perf_record_fn callback, void *data)
{
    for (size_t i = 0; i < rings->count; i++)
        read_ring(rings, &rings->items[i], callback, data);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Probes without BPF: perf events that take a sample of each caller, one a function and processor.
//
// All events of a processor write to one ring. They end with the daemon. A processor that is
// switched on later is not watched: the audit finds processes whose calls were missed.
#include "runtime/hold_sample.h"

#include "lib/cleanup.h"
#include "runtime/fd_closer.h"
#include "runtime/hold_P.h"
#include "runtime/perf_probe.h"
#include "runtime/perf_rings.h"
#include "runtime/probe_files.h"
#include "runtime/uprobe_link.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define SAMPLE_TYPE (PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME)

/* A process is reported, for a slot, no more often than that: it may call and call. */
#define PAUSE_NS 100000000ull

/* Places for processes that were reported; two that share one are only reported more often. */
#define RECENT_COUNT 1024

/* PERF_RECORD_SAMPLE with SAMPLE_TYPE. */
struct sample_record {
    struct perf_event_header header;
    uint64_t id;
    uint32_t pid, tid;
    uint64_t time;
};

/* A process that was reported. */
struct recent {
    uint32_t tgid, slot;
    uint64_t until;
};

struct sampler {
    struct perf_rings *rings;
    struct recent recent[RECENT_COUNT];
};

int sampler_open(struct hold *hold, struct sc_error **err)
{
    struct sampler *sampler = calloc(1, sizeof(*sampler));
    struct perf_event_attr attr;

    if (!sampler)
        abort();
    hold->sampler = sampler;
    if (perf_probe_type(err) < 0)
        return -1;
    /* It counts nothing, and has the ring that the probes of its processor write to. */
    memset(&attr, 0, sizeof(attr));
    attr.size = sizeof(attr);
    attr.type = PERF_TYPE_SOFTWARE;
    attr.config = PERF_COUNT_SW_DUMMY;
    attr.wakeup_events = 1;
    attr.use_clockid = 1; /* as the probes: one ring has one clock */
    attr.clockid = CLOCK_MONOTONIC;
    sampler->rings = perf_rings_open(&attr, err);
    return sampler->rings ? 0 : -1;
}

void sampler_close(struct sampler *sampler)
{
    if (!sampler)
        return;
    perf_rings_close(sampler->rings);
    free(sampler);
}

/* Probes a function on one processor, with samples to its ring. */
static int attach(const struct hold *hold, const struct hold_target *target, size_t index,
                  size_t ring, struct probe_fd *probe, struct sc_error **err)
{
    const struct perf_rings *rings = hold->sampler->rings;
    const struct perf_probe wanted = {
        .file_fd = target->fd,
        .offset = target->offsets[index],
        .cpu = perf_rings_cpu(rings, ring),
        .sample_type = SAMPLE_TYPE,
    };

    probe->cookie = target->cookies[index];
    probe->fd = perf_probe_open(&wanted, err);
    if (probe->fd < 0)
        return -1;
    if (ioctl(probe->fd, PERF_EVENT_IOC_ID, &probe->id) == 0 &&
        ioctl(probe->fd, PERF_EVENT_IOC_SET_OUTPUT, perf_rings_event(rings, ring)) == 0)
        return 0;
    sc_error_errno(err, "cannot read the samples of a uprobe");
    fd_closer_add(hold->closer, probe->fd, target->pin.slot);
    return -1;
}

/* Probes a function on all processors. */
static int attach_everywhere(struct hold *hold, const struct hold_target *target, size_t index,
                             struct probe_file *file, struct sc_error **err)
{
    for (size_t ring = 0; ring < perf_rings_count(hold->sampler->rings); ring++) {
        struct probe_fd probe;

        if (attach(hold, target, index, ring, &probe, err) < 0)
            return -1;
        probe_file_add(file, &probe);
    }
    return 0;
}

static int link_file(struct hold *hold, const struct hold_target *target, struct sc_error **err)
{
    struct probe_file file = {.pin = target->pin};

    uprobe_pages_read(target->fd, target->offsets, target->count);
    for (size_t i = 0; i < target->count; i++) {
        if (attach_everywhere(hold, target, i, &file, err) < 0) {
            probe_file_close(&file, hold->closer);
            return -1;
        }
    }
    probe_files_add(hold->files, &file);
    return 0;
}

/* The place of a process; the caller holds the lock. */
static struct recent *find_recent(struct sampler *sampler, const struct hold_event *event)
{
    uint32_t slot = hold_event_slot(event);
    struct recent *recent = &sampler->recent[(event->tgid * 31 + slot) % RECENT_COUNT];

    if (recent->tgid != event->tgid || recent->slot != slot)
        *recent = (struct recent){.tgid = event->tgid, .slot = slot};
    return recent;
}

void sampler_rest(struct hold *hold, const struct hold_event *event, uint64_t until)
{
    pthread_mutex_lock(&hold->lock);
    find_recent(hold->sampler, event)->until = until;
    pthread_mutex_unlock(&hold->lock);
}

/* True if the sample is to be told: of a probe that is there, and not of a process that was told
 * just now, which counts as told from here on. */
static bool is_news(struct hold *hold, uint64_t id, struct hold_event *event)
{
    struct recent *recent;
    uint64_t cookie;
    bool news;

    pthread_mutex_lock(&hold->lock);
    news = probe_files_cookie(hold->files, id, &cookie);
    if (news) {
        event->cookie = cookie;
        recent = find_recent(hold->sampler, event);
        news = event->time >= recent->until;
        recent->until = news ? event->time + PAUSE_NS : recent->until;
    }
    pthread_mutex_unlock(&hold->lock);
    return news;
}

/* What a round of reading needs. */
struct sample_reader {
    struct hold *hold;
    int count;
};

static void handle_sample(const struct perf_event_header *header, size_t size, void *data)
{
    const struct sample_record *record = (const struct sample_record *)header;
    struct sample_reader *reader = data;
    struct hold_event event = {0};

    if (header->type != PERF_RECORD_SAMPLE || size < sizeof(*record))
        return;
    event.pid = record->tid;
    event.tgid = record->pid;
    event.time = record->time;
    if (!is_news(reader->hold, record->id, &event))
        return;
    hold_take_event(reader->hold, &event);
    reader->count++;
}

static int events_read(struct hold *hold)
{
    struct sample_reader reader = {.hold = hold};

    perf_rings_read(hold->sampler->rings, handle_sample, &reader);
    return reader.count;
}

static int events_fd(const struct hold *hold)
{
    return perf_rings_fd(hold->sampler->rings);
}

const struct hold_backend hold_backend_sample = {
    .link = link_file,
    .is_linked = hold_file_is_probed,
    .unlink = hold_files_unlink,
    .events_fd = events_fd,
    .events_read = events_read,
};

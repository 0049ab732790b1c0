// SPDX-License-Identifier: GPL-2.0-or-later
// Probes on patched functions: which slot is whose, what is linked, and the events that come.
#include "runtime/hold.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/fd_closer.h"
#include "runtime/hold_P.h"
#include "runtime/hold_sample.h"
#include "runtime/perf_probe.h"
#include "runtime/probe_files.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const struct hold_backend *const backends[UPROBES_WAYS] = {
    [UPROBES_MULTI_HOLD] = &hold_backend_multi, [UPROBES_PERF_HOLD] = &hold_backend_links,
    [UPROBES_PERF_ASYNC] = &hold_backend_perf,  [UPROBES_PERF_PLAIN] = &hold_backend_perf,
    [UPROBES_SAMPLE] = &hold_backend_sample,
};

uint64_t hold_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t hold_cookie(uint32_t slot, size_t index)
{
    return (uint64_t)slot << 32 | index;
}

/* What goes with a way that works by a BPF program. */
static int open_bpf(struct hold *hold, const char *pin_dir, struct sc_error **err)
{
    hold->pin_dir = sc_format("%s/v%d", pin_dir, HOLD_ABI);
    if (sc_dir_make(hold->pin_dir, 0700, err) < 0 || hold_program_load(hold, err) < 0)
        return -1;
    hold_pins_check(hold);
    hold_maps_clear(hold);
    hold_alive(hold, 0);
    return 0;
}

struct hold *hold_open(const struct hold_settings *settings, struct sc_error **err)
{
    struct hold *hold = calloc(1, sizeof(*hold));
    int result;

    if (!hold)
        abort();
    pthread_mutex_init(&hold->lock, NULL);
    hold->way = settings->way;
    hold->signal = settings->signal && uprobes_bpf(settings->way);
    hold->backend = backends[settings->way];
    hold->limit_ns = settings->limit_ns;
    hold->closer = fd_closer_new();
    hold->files = calloc(1, sizeof(*hold->files));
    if (!hold->files)
        abort();
    hold_program_unload(hold); /* nothing is loaded: no descriptor is valid */
    perf_probe_raise_limit();  /* also to take over the pins of a daemon with another way */
    result =
        uprobes_bpf(hold->way) ? open_bpf(hold, settings->pin_dir, err) : sampler_open(hold, err);
    if (result == 0)
        return hold;
    hold_close(hold);
    return NULL;
}

void hold_close(struct hold *hold)
{
    if (!hold)
        return;
    probe_files_clear(hold->files, hold->closer);
    fd_closer_free(hold->closer);
    sampler_close(hold->sampler);
    hold_program_unload(hold);
    pthread_mutex_destroy(&hold->lock);
    free(hold->files);
    free(hold->pin_dir);
    free(hold);
}

enum uprobes_way hold_way(const struct hold *hold)
{
    return hold->way;
}

bool hold_waits(const struct hold *hold)
{
    return uprobes_holds(hold->way);
}

const char *hold_warning(const struct hold *hold)
{
    return uprobes_warning(hold->way, hold->signal);
}

uint64_t hold_limit(const struct hold *hold)
{
    return hold->limit_ns;
}

void hold_set_limit(struct hold *hold, uint64_t ns)
{
    hold->limit_ns = ns;
}

/* Says whose the slot is, for threads that link files on their own. uuid "": nobody's. */
static void set_owner(struct hold *hold, uint32_t slot, const char *uuid)
{
    pthread_mutex_lock(&hold->lock);
    snprintf(hold->owners[slot], sizeof(hold->owners[slot]), "%s", uuid);
    pthread_mutex_unlock(&hold->lock);
}

int hold_slot_fill(struct hold *hold, uint32_t slot, const char *uuid,
                   const struct hold_function *functions, size_t count, struct sc_error **err)
{
    if (slot >= HOLD_SLOTS_MAX || count >= HOLD_SITES_MAX)
        return sc_error_set(err, SC_FAILED, "too many functions are patched at once");
    hold_verdicts_drop(hold, slot);
    if (hold_slot_enable(hold, slot, false, err) < 0 ||
        hold_sites_set(hold, slot, functions, count, err) < 0)
        return -1;
    set_owner(hold, slot, uuid);
    return 0;
}

/* Attaches what is not linked yet; the caller holds the lock. */
static int link_target(struct hold *hold, struct hold_target *target, struct sc_error **err)
{
    struct stat st;

    if (fstat(target->fd, &st) < 0)
        return sc_error_errno(err, "cannot stat the target");
    target->pin.dev = st.st_dev;
    target->pin.ino = st.st_ino;
    if (hold->backend->is_linked(hold, &target->pin))
        return 0;
    return hold->backend->link(hold, target, err);
}

int hold_link(struct hold *hold, uint32_t slot, const char *uuid,
              const struct hold_function *functions, size_t count, int fd, struct sc_error **err)
{
    cleanup_free uint64_t *offsets = calloc(count, sizeof(*offsets));
    cleanup_free uint64_t *cookies = calloc(count, sizeof(*cookies));
    struct hold_target target = {
        .pin.slot = slot, .fd = fd, .offsets = offsets, .cookies = cookies, .count = count};
    int result = 0;

    if (!offsets || !cookies)
        abort();
    snprintf(target.pin.uuid, sizeof(target.pin.uuid), "%s", uuid);
    for (size_t i = 0; i < count; i++) {
        offsets[i] = functions[i].offset;
        cookies[i] = hold_cookie(slot, i);
    }
    pthread_mutex_lock(&hold->lock);
    if (strcmp(hold->owners[slot], uuid) == 0)
        result = link_target(hold, &target, err);
    pthread_mutex_unlock(&hold->lock);
    return result;
}

bool hold_linked(struct hold *hold, uint32_t slot, uint64_t dev, uint64_t ino)
{
    const struct hold_pin pin = {.slot = slot, .dev = dev, .ino = ino};
    bool linked;

    pthread_mutex_lock(&hold->lock);
    linked = hold->backend->is_linked(hold, &pin);
    pthread_mutex_unlock(&hold->lock);
    return linked;
}

void hold_slot_clear(struct hold *hold, uint32_t slot, size_t count)
{
    hold_slot_enable(hold, slot, false, NULL);
    pthread_mutex_lock(&hold->lock);
    if (slot < HOLD_SLOTS_MAX)
        hold->owners[slot][0] = '\0';
    hold->backend->unlink(hold, slot);
    pthread_mutex_unlock(&hold->lock);
    hold_sites_clear(hold, slot, count);
}

bool hold_slot_busy(struct hold *hold, uint32_t slot)
{
    return fd_closer_busy(hold->closer, slot);
}

int hold_events_fd(const struct hold *hold)
{
    return hold->backend->events_fd(hold);
}

int hold_events_read(struct hold *hold, hold_event_fn callback, void *data)
{
    hold->callback = callback;
    hold->callback_data = data;
    return hold->backend->events_read(hold);
}

void hold_take_event(struct hold *hold, const struct hold_event *event)
{
    hold->callback(event, hold->callback_data);
}

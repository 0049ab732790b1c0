// SPDX-License-Identifier: GPL-2.0-or-later
// The BPF side of the daemon: loads the program, pins its maps, fills them.
#include "runtime/hold.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/bpf/hold.skel.h"
#include "runtime/hold_P.h"
#include "runtime/uprobe_link.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <time.h>

uint64_t hold_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* libbpf's own messages repeat what our errors say; the verifier's log is kept for -v. */
static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
    (void)level;
    (void)format;
    (void)args;
    return 0;
}

/* Sets where each map is pinned; maps that are there are taken over when it is loaded. */
static int set_pin_paths(struct hold *hold, struct sc_error **err)
{
    struct bpf_map *map;

    bpf_object__for_each_map(map, hold->skeleton->obj)
    {
        cleanup_free char *path = sc_format("%s/map_%s", hold->pin_dir, bpf_map__name(map));

        if (!bpf_map__is_internal(map) && bpf_map__set_pin_path(map, path) < 0)
            return sc_error_errno(err, "cannot set the pin path %s", path);
    }
    return 0;
}

/* Opens, relocates and loads the program; maps that are pinned are taken over. */
static int load_program(struct hold *hold, struct sc_error **err)
{
    hold->skeleton = hold_bpf__open();
    if (!hold->skeleton)
        return sc_error_errno(err, "cannot open the BPF object");
    if (set_pin_paths(hold, err) < 0)
        return -1;
    bpf_program__set_expected_attach_type(hold->skeleton->progs.hold_caller,
                                          (enum bpf_attach_type)UPROBE_MULTI_ATTACH_TYPE);
    if (hold_bpf__load(hold->skeleton)) {
        sc_error_errno(err, "the kernel does not take the BPF program");
        hold_bpf__destroy(hold->skeleton);
        hold->skeleton = NULL;
        return -1;
    }
    return 0;
}

/*
 * Empties what an earlier daemon left in the hashes: exclusions of pids that are nobody's now, and
 * functions, which are described again for each patch that is made active again.
 */
static void clear_maps(struct hold *hold)
{
    const int fds[] = {bpf_map__fd(hold->skeleton->maps.excluded),
                       bpf_map__fd(hold->skeleton->maps.sites)};
    uint64_t key = 0; /* the keys are of 4 and 8 bytes */

    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        while (bpf_map_get_next_key(fds[i], NULL, &key) == 0)
            bpf_map_delete_elem(fds[i], &key);
}

struct hold *hold_open(const char *pin_dir, uint64_t limit_ns, struct sc_error **err)
{
    struct hold *hold = calloc(1, sizeof(*hold));

    if (!hold)
        abort();
    libbpf_set_print(print_nothing);
    pthread_mutex_init(&hold->lock, NULL);
    hold->limit_ns = limit_ns;
    hold->pin_dir = sc_format("%s/v%d", pin_dir, HOLD_ABI);
    if (sc_dir_make(hold->pin_dir, 0700, err) < 0)
        goto failed;
    if (load_program(hold, NULL) < 0) {
        /* Perhaps the pinned maps are of another layout: start afresh. */
        hold_pins_remove(hold);
        if (load_program(hold, err) < 0)
            goto failed;
    }
    hold_pins_check(hold);
    clear_maps(hold);
    hold_alive(hold, 0);
    return hold;
failed:
    hold_close(hold);
    return NULL;
}

void hold_close(struct hold *hold)
{
    if (!hold)
        return;
    if (hold->ring)
        ring_buffer__free(hold->ring);
    hold_bpf__destroy(hold->skeleton);
    pthread_mutex_destroy(&hold->lock);
    free(hold->pin_dir);
    free(hold);
}

uint64_t hold_limit(const struct hold *hold)
{
    return hold->limit_ns;
}

void hold_set_limit(struct hold *hold, uint64_t ns)
{
    hold->limit_ns = ns;
}

int hold_release_fd(const struct hold *hold)
{
    return bpf_map__fd(hold->skeleton->maps.release);
}

int hold_exclude(struct hold *hold, pid_t tgid, struct sc_error **err)
{
    uint32_t key = (uint32_t)tgid;
    uint8_t one = 1;

    if (bpf_map_update_elem(bpf_map__fd(hold->skeleton->maps.excluded), &key, &one, BPF_ANY) < 0)
        return sc_error_errno(err, "cannot exclude process %d from holds", tgid);
    return 0;
}

void hold_include(struct hold *hold, pid_t tgid)
{
    uint32_t key = (uint32_t)tgid;

    bpf_map_delete_elem(bpf_map__fd(hold->skeleton->maps.excluded), &key);
}

void hold_alive(struct hold *hold, uint64_t ns)
{
    struct hold_control control = {.hold_limit = hold->limit_ns};
    uint32_t key = 0;

    control.alive_until = ns ? hold_clock() + ns : 0;
    bpf_map_update_elem(bpf_map__fd(hold->skeleton->maps.control), &key, &control, BPF_ANY);
}

void hold_skip_add(struct hold *hold, const struct hold_skip *skip)
{
    uint8_t one = 1;

    bpf_map_update_elem(bpf_map__fd(hold->skeleton->maps.skips), skip, &one, BPF_ANY);
}

static bool has_skip(const struct hold_skip *skips, size_t count, const struct hold_skip *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(&skips[i], wanted, sizeof(*wanted)) == 0)
            return true;
    return false;
}

void hold_skip_set(struct hold *hold, const struct hold_skip *skips, size_t count)
{
    int fd = bpf_map__fd(hold->skeleton->maps.skips);
    struct hold_skip key, next;
    bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;

    for (size_t i = 0; i < count; i++)
        hold_skip_add(hold, &skips[i]);
    while (more) {
        key = next;
        more = bpf_map_get_next_key(fd, &key, &next) == 0;
        if (!has_skip(skips, count, &key))
            bpf_map_delete_elem(fd, &key);
    }
}

/* The cookie of a function: which slot, and which of its functions. */
static uint64_t make_cookie(uint32_t slot, size_t index)
{
    return (uint64_t)slot << 32 | index;
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
    int fd = bpf_map__fd(hold->skeleton->maps.sites);

    if (slot >= HOLD_SLOTS_MAX || count >= HOLD_SITES_MAX)
        return sc_error_set(err, SC_FAILED, "too many functions are patched at once");
    if (hold_slot_enable(hold, slot, false, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct hold_site site = functions[i].site;
        uint64_t cookie = make_cookie(slot, i);

        site.slot = slot;
        if (bpf_map_update_elem(fd, &cookie, &site, BPF_ANY) < 0)
            return sc_error_errno(err, "cannot describe a function to the BPF program");
    }
    set_owner(hold, slot, uuid);
    return 0;
}

int hold_slot_enable(struct hold *hold, uint32_t slot, bool enabled, struct sc_error **err)
{
    struct hold_slot value = {.enabled = enabled};

    if (bpf_map_update_elem(bpf_map__fd(hold->skeleton->maps.slots), &slot, &value, BPF_ANY) < 0)
        return sc_error_errno(err, "cannot switch the holding of callers");
    return 0;
}

int hold_link(struct hold *hold, uint32_t slot, const char *uuid,
              const struct hold_function *functions, size_t count, int fd, struct sc_error **err)
{
    cleanup_free uint64_t *offsets = calloc(count, sizeof(*offsets));
    cleanup_free uint64_t *cookies = calloc(count, sizeof(*cookies));
    int result = 0;

    if (!offsets || !cookies)
        abort();
    for (size_t i = 0; i < count; i++) {
        offsets[i] = functions[i].offset;
        cookies[i] = make_cookie(slot, i);
    }
    pthread_mutex_lock(&hold->lock);
    if (strcmp(hold->owners[slot], uuid) == 0)
        result = hold_pin_link(hold, slot, uuid, offsets, cookies, count, fd, err);
    pthread_mutex_unlock(&hold->lock);
    return result;
}

void hold_slot_clear(struct hold *hold, uint32_t slot, size_t count)
{
    int fd = bpf_map__fd(hold->skeleton->maps.sites);

    hold_slot_enable(hold, slot, false, NULL);
    pthread_mutex_lock(&hold->lock);
    if (slot < HOLD_SLOTS_MAX)
        hold->owners[slot][0] = '\0';
    hold_pins_remove_slot(hold, slot);
    pthread_mutex_unlock(&hold->lock);
    for (size_t i = 0; i < count; i++) {
        uint64_t cookie = make_cookie(slot, i);

        bpf_map_delete_elem(fd, &cookie);
    }
}

void hold_verdict_set(struct hold *hold, const struct hold_event *event, uint64_t until)
{
    struct hold_verdict verdict = {.start = event->start, .exec = event->exec, .until = until};

    bpf_map_update_elem(bpf_map__fd(hold->skeleton->maps.verdicts), &event->tgid, &verdict,
                        BPF_ANY);
}

void hold_verdict_clear(struct hold *hold, pid_t tgid)
{
    uint32_t key = (uint32_t)tgid;

    bpf_map_delete_elem(bpf_map__fd(hold->skeleton->maps.verdicts), &key);
}

void hold_release(struct hold *hold, pid_t tgid)
{
    uint32_t key = (uint32_t)tgid;
    uint64_t now = hold_clock();

    bpf_map_update_elem(hold_release_fd(hold), &key, &now, BPF_ANY);
}

/* What ring_buffer__poll calls; checks the size of what came. */
static int handle_record(void *data, void *record, size_t size)
{
    struct hold *hold = data;
    struct hold_event event;

    if (size < sizeof(event))
        return 0;
    memcpy(&event, record, sizeof(event));
    hold->callback(&event, hold->callback_data);
    return 0;
}

int hold_events_fd(const struct hold *hold)
{
    return bpf_map__fd(hold->skeleton->maps.events);
}

int hold_events_read(struct hold *hold, hold_event_fn callback, void *data)
{
    if (!hold->ring)
        hold->ring = ring_buffer__new(hold_events_fd(hold), handle_record, hold, NULL);
    if (!hold->ring)
        return -1;
    hold->callback = callback;
    hold->callback_data = data;
    return ring_buffer__consume(hold->ring);
}

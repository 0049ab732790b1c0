// SPDX-License-Identifier: GPL-2.0-or-later
// What the daemon tells the BPF program, through its maps. Without a program there is nobody to
// tell: then every setting is a success.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/hold_P.h"
#include "runtime/hold_sample.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

/* How long a signal that the program has sent may be under way. */
#define STOP_WAIT_NS 20000000

/* 0, or -1 with errno set. */
static int map_set(int fd, const void *key, const void *value)
{
    return fd < 0 ? 0 : bpf_map_update_elem(fd, key, value, BPF_ANY);
}

static void map_remove(int fd, const void *key)
{
    if (fd >= 0)
        bpf_map_delete_elem(fd, key);
}

int hold_release_fd(const struct hold *hold)
{
    return hold->maps.release;
}

int hold_cuts_fd(const struct hold *hold)
{
    return hold->maps.cuts;
}

int hold_exclude(struct hold *hold, pid_t tgid, struct sc_error **err)
{
    uint32_t key = (uint32_t)tgid;
    uint8_t one = 1;

    if (map_set(hold->maps.excluded, &key, &one) < 0)
        return sc_error_errno(err, "cannot exclude process %d from holds", tgid);
    return 0;
}

void hold_include(struct hold *hold, pid_t tgid)
{
    uint32_t key = (uint32_t)tgid;

    map_remove(hold->maps.excluded, &key);
}

void hold_alive(struct hold *hold, uint64_t ns)
{
    struct hold_control control = {.hold_limit = hold->limit_ns};
    uint32_t key = 0;

    control.alive_until = ns ? hold_clock() + ns : 0;
    map_set(hold->maps.control, &key, &control);
}

void hold_skip_add(struct hold *hold, const struct hold_skip *skip)
{
    uint8_t one = 1;

    map_set(hold->maps.skips, skip, &one);
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
    int fd = hold->maps.skips;
    struct hold_skip key, next;
    bool more = fd >= 0 && bpf_map_get_next_key(fd, NULL, &next) == 0;

    for (size_t i = 0; i < count; i++)
        hold_skip_add(hold, &skips[i]);
    while (more) {
        key = next;
        more = bpf_map_get_next_key(fd, &key, &next) == 0;
        if (!has_skip(skips, count, &key))
            map_remove(fd, &key);
    }
}

int hold_slot_enable(struct hold *hold, uint32_t slot, bool enabled, struct sc_error **err)
{
    struct hold_slot value = {.enabled = enabled};

    if (map_set(hold->maps.slots, &slot, &value) < 0)
        return sc_error_errno(err, "cannot switch the holding of callers");
    return 0;
}

int hold_site_set(struct hold *hold, uint32_t slot, size_t index,
                  const struct hold_function *function, struct sc_error **err)
{
    uint64_t cookie = hold_cookie(slot, index);
    struct hold_site site;

    if (!function) {
        map_remove(hold->maps.sites, &cookie);
        return 0;
    }
    site = function->site;
    site.slot = slot;
    if (map_set(hold->maps.sites, &cookie, &site) < 0)
        return sc_error_errno(err, "cannot describe a function to the BPF program");
    return 0;
}

int hold_sites_set(struct hold *hold, uint32_t slot, const struct hold_function *functions,
                   size_t count, struct sc_error **err)
{
    for (size_t i = 0; i < count; i++)
        if (hold_site_set(hold, slot, i, &functions[i], err) < 0)
            return -1;
    return 0;
}

void hold_sites_clear(struct hold *hold, uint32_t slot, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t cookie = hold_cookie(slot, i);

        map_remove(hold->maps.sites, &cookie);
    }
}

/* Forgets what was said of processes for a slot: it is another patch's from now on, or nobody's. */
void hold_verdicts_drop(struct hold *hold, uint32_t slot)
{
    int fd = hold->maps.verdicts;
    struct hold_key key, next;
    bool more = fd >= 0 && bpf_map_get_next_key(fd, NULL, &next) == 0;

    while (more) {
        key = next;
        more = bpf_map_get_next_key(fd, &key, &next) == 0;
        if (key.slot == slot)
            map_remove(fd, &key);
    }
}

void hold_maps_clear(struct hold *hold)
{
    const int fds[] = {hold->maps.excluded, hold->maps.sites, hold->maps.verdicts};
    uint64_t key = 0; /* the keys are of 4 and 8 bytes */

    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        while (fds[i] >= 0 && bpf_map_get_next_key(fds[i], NULL, &key) == 0)
            map_remove(fds[i], &key);
}

uint32_t hold_event_slot(const struct hold_event *event)
{
    return (uint32_t)(event->cookie >> 32);
}

void hold_verdict_set(struct hold *hold, const struct hold_event *event, uint64_t until)
{
    struct hold_verdict verdict = {.start = event->start, .exec = event->exec, .until = until};
    struct hold_key key = {.tgid = event->tgid, .slot = hold_event_slot(event)};

    if (hold->sampler)
        sampler_rest(hold, event, until);
    map_set(hold->maps.verdicts, &key, &verdict);
}

void hold_verdict_clear(struct hold *hold, pid_t tgid, uint32_t slot)
{
    struct hold_key key = {.tgid = (uint32_t)tgid, .slot = slot};

    map_remove(hold->maps.verdicts, &key);
    key.slot = HOLD_SLOT_ANY;
    map_remove(hold->maps.verdicts, &key);
}

void hold_release(struct hold *hold, pid_t tgid, uint32_t slot)
{
    struct hold_key key = {.tgid = (uint32_t)tgid, .slot = slot};
    uint64_t now = hold_clock();

    map_set(hold->maps.release, &key, &now);
}

/* The letter behind the name in /proc/PID/stat, proc(5); '\0': it is gone. */
static char process_letter(pid_t pid)
{
    cleanup_free char *path = sc_format("/proc/%d/stat", pid);
    cleanup_file FILE *file = fopen(path, "re");
    char text[128];
    size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    const char *after;

    text[size] = '\0';
    after = strrchr(text, ')');
    return after && after[1] ? after[2] : '\0';
}

/* The kernel may send the signal a moment later than the event: a SIGCONT before it is lost. */
static void await_stop(pid_t pid)
{
    const struct timespec moment = {0, STOP_WAIT_NS / 100};

    for (int i = 0; i < 100 && process_letter(pid) != 'T'; i++)
        nanosleep(&moment, NULL);
}

void hold_continue(struct hold *hold, pid_t tgid)
{
    uint32_t key = (uint32_t)tgid;

    if (!hold->signal)
        return;
    await_stop(tgid);
    map_remove(hold->maps.stopped, &key);
    kill(tgid, SIGCONT);
}

void hold_stopped_resume(const char *pin_dir, uint64_t min_ns)
{
    cleanup_free char *path = sc_format("%s/v%d/map_stopped", pin_dir, HOLD_ABI);
    cleanup_close int fd = bpf_obj_get(path);
    uint32_t key = 0, next;
    uint64_t since;
    bool more = fd >= 0 && bpf_map_get_next_key(fd, NULL, &next) == 0;

    while (more) {
        key = next;
        more = bpf_map_get_next_key(fd, &key, &next) == 0;
        if (bpf_map_lookup_elem(fd, &key, &since) == 0 && since + min_ns <= hold_clock()) {
            map_remove(fd, &key);
            kill((pid_t)key, SIGCONT);
        }
    }
}

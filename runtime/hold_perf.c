// SPDX-License-Identifier: GPL-2.0-or-later
// Probes by perf events, one for each function, with the BPF program on each.
//
// Where callers are held, the links between events and program are pinned, so that a daemon that
// ends leaves them for the next. Where nobody is held that would be of no use: then the probes end
// with the daemon, and the next one makes them again before its pass over the processes.
#include "lib/cleanup.h"
#include "runtime/fd_closer.h"
#include "runtime/hold_P.h"
#include "runtime/perf_probe.h"
#include "runtime/probe_files.h"
#include "runtime/uprobe_link.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>

/* Puts the program on the event, with a cookie. A descriptor that keeps both, or -1 (Linux 5.15).
 */
static int create_link(const struct hold *hold, int event, uint64_t cookie, struct sc_error **err)
{
    LIBBPF_OPTS(bpf_link_create_opts, options, .perf_event.bpf_cookie = cookie);
    int link = bpf_link_create(hold->program, event, BPF_PERF_EVENT, &options);

    return link < 0 ? sc_error_errno(err, "cannot link a BPF program to a uprobe") : link;
}

/* Puts the program on the event, which keeps it from then on. Takes the event's descriptor over. */
static int set_program(const struct hold *hold, int event, struct sc_error **err)
{
    if (ioctl(event, PERF_EVENT_IOC_SET_BPF, hold->program) == 0)
        return event;
    sc_error_errno(err, "cannot set the BPF program of a uprobe");
    close(event);
    return -1;
}

/* Probes one function. Returns the descriptor that keeps the probe, or -1 with err set. */
static int attach(const struct hold *hold, const struct hold_target *target, size_t index,
                  struct sc_error **err)
{
    const struct perf_probe probe = {.file_fd = target->fd, .offset = target->offsets[index]};
    int event = perf_probe_open(&probe, err);
    int link;

    if (event < 0 || hold->way == UPROBES_PERF_PLAIN)
        return event < 0 ? -1 : set_program(hold, event, err);
    link = create_link(hold, event, target->cookies[index], err);
    close(event); /* the link keeps it; if there is none, this takes its 0.1 s */
    return link;
}

/* Probes all functions, or none. The result's descriptors are in file. */
static int attach_all(struct hold *hold, const struct hold_target *target, struct probe_file *file,
                      struct sc_error **err)
{
    file->pin = target->pin;
    uprobe_pages_read(target->fd, target->offsets, target->count);
    for (size_t i = 0; i < target->count; i++) {
        struct probe_fd probe = {.cookie = target->cookies[i]};

        probe.fd = attach(hold, target, i, err);
        if (probe.fd < 0) {
            probe_file_close(file, hold->closer);
            return -1;
        }
        probe_file_add(file, &probe);
    }
    return 0;
}

/* ---- links that are pinned ---- */

static int link_pinned(struct hold *hold, const struct hold_target *target, struct sc_error **err)
{
    struct probe_file file = {0};
    cleanup_free int *links = calloc(target->count, sizeof(*links));
    int result;

    if (!links)
        abort();
    if (attach_all(hold, target, &file, err) < 0)
        return -1;
    for (size_t i = 0; i < file.count; i++)
        links[i] = file.probes[i].fd;
    result = hold_pin_links(hold, &file.pin, links, file.count, err);
    /* Quick where a pin keeps the link. */
    probe_file_close(&file, hold->closer);
    return result;
}

const struct hold_backend hold_backend_links = {
    .link = link_pinned,
    .is_linked = hold_pin_exists,
    .unlink = hold_pins_remove_slot,
    .events_fd = hold_ring_fd,
    .events_read = hold_ring_read,
    .link_type = BPF_LINK_TYPE_PERF_EVENT,
};

/* ---- probes that end with the daemon ---- */

static int link_file(struct hold *hold, const struct hold_target *target, struct sc_error **err)
{
    struct probe_file file = {0};

    if (attach_all(hold, target, &file, err) < 0)
        return -1;
    probe_files_add(hold->files, &file);
    return 0;
}

bool hold_file_is_probed(struct hold *hold, const struct hold_pin *pin)
{
    return probe_files_has(hold->files, pin);
}

void hold_files_unlink(struct hold *hold, uint32_t slot)
{
    probe_files_remove(hold->files, slot, hold->closer);
}

const struct hold_backend hold_backend_perf = {
    .link = link_file,
    .is_linked = hold_file_is_probed,
    .unlink = hold_files_unlink,
    .events_fd = hold_ring_fd,
    .events_read = hold_ring_read,
};

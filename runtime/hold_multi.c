// SPDX-License-Identifier: GPL-2.0-or-later
// Probes by uprobe_multi links: one pinned link for all functions of a file (Linux 6.6).
#include "lib/cleanup.h"
#include "runtime/hold_P.h"
#include "runtime/uprobe_link.h"

static int link_file(struct hold *hold, const struct hold_target *target, struct sc_error **err)
{
    cleanup_close int link = uprobe_link_create(hold->program, target->fd, target->offsets,
                                                target->cookies, target->count, err);

    return link < 0 ? -1 : hold_pin_link(hold, &target->pin, link, err);
}

const struct hold_backend hold_backend_multi = {
    .link = link_file,
    .is_linked = hold_pin_exists,
    .unlink = hold_pins_remove_slot,
    .events_fd = hold_ring_fd,
    .events_read = hold_ring_read,
    .link_type = UPROBE_MULTI_LINK_TYPE,
};

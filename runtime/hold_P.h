/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to hold.c (program and maps) and hold_pin.c (what is pinned). */
#ifndef SYSCARE_RUNTIME_HOLD_P_H
#define SYSCARE_RUNTIME_HOLD_P_H

#include "runtime/hold.h"

#include <bpf/libbpf.h>
#include <pthread.h>

struct hold_bpf;

struct hold {
    struct hold_bpf *skeleton;
    char *pin_dir;                   /* <pin dir>/v<ABI> */
    uint64_t limit_ns;               /* longest hold */
    char owners[HOLD_SLOTS_MAX][37]; /* uuid of the patch object that has the slot, or "" */
    pthread_mutex_t lock;            /* of the links below pin_dir */
    struct ring_buffer *ring;        /* made by the first hold_events_read */
    hold_event_fn callback;          /* of the hold_events_read that runs */
    void *callback_data;
};

/* Makes and pins a link, unless the file has one. The caller holds the lock. */
int hold_pin_link(struct hold *hold, uint32_t slot, const char *uuid, const uint64_t *offsets,
                  const uint64_t *cookies, size_t count, int fd, struct sc_error **err);

/* Removes the links of a slot. The caller holds the lock. */
void hold_pins_remove_slot(struct hold *hold, uint32_t slot);

/* Removes everything that is pinned. */
void hold_pins_remove(struct hold *hold);

/* Removes links whose program is not the one that is loaded now (another version of it). */
void hold_pins_check(struct hold *hold);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to hold.c and what it is made of: the BPF program (hold_program.c), its maps
 * (hold_maps.c), and how probes are attached and events come: one hold_backend for each way.
 */
#ifndef SYSCARE_RUNTIME_HOLD_P_H
#define SYSCARE_RUNTIME_HOLD_P_H

#include "runtime/hold.h"

#include <bpf/libbpf.h>
#include <pthread.h>

struct fd_closer;
struct probe_files;
struct sampler;

/* A file, and its functions that are to be probed. */
struct hold_target {
    struct hold_pin pin;
    int fd;                  /* the file, open for reading */
    const uint64_t *offsets; /* of the functions */
    const uint64_t *cookies; /* as in hold_event */
    size_t count;
};

/* One way to attach probes and to get their events. The caller holds the lock for the first three.
 */
struct hold_backend {
    /* Probes all functions of the target, or none. It is not linked yet. */
    int (*link)(struct hold *hold, const struct hold_target *target, struct sc_error **err);
    bool (*is_linked)(struct hold *hold, const struct hold_pin *pin);
    /* Takes the probes of a slot away, perhaps some time after it has returned. */
    void (*unlink)(struct hold *hold, uint32_t slot);
    /* As hold_events_fd and hold_events_read, which calls hold_take_event. */
    int (*events_fd)(const struct hold *hold);
    int (*events_read)(struct hold *hold);
    /* enum bpf_link_type of the links, which are pinned; 0: none are, they end with the daemon. */
    uint32_t link_type;
};

extern const struct hold_backend hold_backend_multi;  /* hold_multi.c */
extern const struct hold_backend hold_backend_links;  /* hold_perf.c: pinned */
extern const struct hold_backend hold_backend_perf;   /* hold_perf.c */
extern const struct hold_backend hold_backend_sample; /* hold_sample.c */

/* Descriptors of the maps; -1 without BPF. */
struct hold_maps {
    int control, slots, sites, excluded, skips, verdicts, release, cuts, stopped, events;
};

struct hold {
    enum uprobes_way way;
    bool signal; /* callers are stopped by SIGSTOP */
    const struct hold_backend *backend;
    struct bpf_object *object; /* NULL without BPF, as the next two */
    int program;               /* its descriptor, owned by object */
    struct ring_buffer *ring;  /* made by the first hold_ring_read */
    struct hold_maps maps;
    char *pin_dir;                   /* <pin dir>/v<ABI>; NULL without BPF */
    uint64_t limit_ns;               /* longest hold */
    char owners[HOLD_SLOTS_MAX][37]; /* uuid of the patch object that has the slot, or "" */
    pthread_mutex_t lock;            /* of owners and links */
    struct probe_files *files;       /* what is probed by descriptors of this process */
    struct fd_closer *closer;        /* where closing a descriptor takes long */
    struct sampler *sampler;         /* of the way `sample` */
    hold_event_fn callback;          /* of the hold_events_read that runs */
    void *callback_data;
};

/* ---- the program (hold_program.c) ---- */

/* Loads the program that goes with hold->way and pins its maps, or takes over those pinned. */
int hold_program_load(struct hold *hold, struct sc_error **err);
void hold_program_unload(struct hold *hold);

/* The ring buffer, for backends. */
int hold_ring_fd(const struct hold *hold);
int hold_ring_read(struct hold *hold);

/* Hands an event to whoever reads them. */
void hold_take_event(struct hold *hold, const struct hold_event *event);

/* ---- maps (hold_maps.c) ---- */

/* What hold_event tells of a function: which slot, and which of its functions. */
uint64_t hold_cookie(uint32_t slot, size_t index);

/* Describes the functions of a slot to the program; takes that back. */
int hold_sites_set(struct hold *hold, uint32_t slot, const struct hold_function *functions,
                   size_t count, struct sc_error **err);
void hold_sites_clear(struct hold *hold, uint32_t slot, size_t count);

void hold_verdicts_drop(struct hold *hold, uint32_t slot);

/*
 * Empties what an earlier daemon left in the hashes: exclusions of pids that are nobody's now,
 * verdicts on processes whose problems nobody remembers, and functions, which are described again
 * for each patch that is made active again.
 */
void hold_maps_clear(struct hold *hold);

/* ---- probes that are descriptors of this process (hold_perf.c) ---- */

bool hold_file_is_probed(struct hold *hold, const struct hold_pin *pin);
void hold_files_unlink(struct hold *hold, uint32_t slot);

/* ---- pins (hold_pin.c): a link, or a directory of links, for each file ---- */

bool hold_pin_exists(struct hold *hold, const struct hold_pin *pin);

/*
 * Pins the only link of a file; or all of them as one, so that the next daemon finds all or none.
 * The caller keeps the descriptors. 0, or -1 with err set.
 */
int hold_pin_link(struct hold *hold, const struct hold_pin *pin, int link, struct sc_error **err);
int hold_pin_links(struct hold *hold, const struct hold_pin *pin, const int *links, size_t count,
                   struct sc_error **err);

/* Removes the links of a slot. The caller holds the lock. */
void hold_pins_remove_slot(struct hold *hold, uint32_t slot);

/* Removes everything that is pinned. */
void hold_pins_remove(struct hold *hold);

/* Removes links that this daemon could not have made: of another program, or in another way. */
void hold_pins_check(struct hold *hold);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probes on patched functions: how first callers in processes started later are noticed, and held
 * where the kernel can. Where it can, by a BPF program, its maps, and its links to files, all
 * pinned so that they outlive the daemon; see uprobes.h for the other ways.
 *
 * A slot stands for one active patch object. Its links are made while it is disabled (callers pass
 * freely), and enabled after the eager pass. Functions of different slots may be called from
 * different threads; one slot is changed by one thread at a time.
 */
#ifndef SYSCARE_RUNTIME_HOLD_H
#define SYSCARE_RUNTIME_HOLD_H

#include "lib/error.h"
#include "runtime/bpf/hold.h"
#include "runtime/uprobes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hold; /* opaque */

/* A function to be probed. */
struct hold_function {
    uint64_t offset;       /* file offset of its first instruction */
    struct hold_site site; /* slot is filled in by hold_slot_fill */
};

/*
 * A link found pinned by an earlier daemon. name is owned by the list.
 */
struct hold_pin {
    uint32_t slot;
    char uuid[37]; /* of the patch object */
    uint64_t dev, ino;
};

struct hold_settings {
    enum uprobes_way way; /* not UPROBES_AUTO */
    const char *pin_dir;  /* a directory on a bpffs (made if missing); NULL if way needs no BPF */
    uint64_t limit_ns;    /* the longest that a caller is held */
    bool signal;          /* where callers cannot be held by BPF, it stops them by SIGSTOP */
};

/*
 * Loads the program and pins its maps below pin_dir. Pinned maps of an earlier daemon are taken
 * over. Links of another build of the program, and links made in another way, are removed. NULL
 * with err set, also where the kernel does not know the way.
 */
struct hold *hold_open(const struct hold_settings *settings, struct sc_error **err);

/* Closes the descriptors; what is pinned stays. NULL is allowed. */
void hold_close(struct hold *hold);

/* Removes all pins and closes. For the end of a daemon with nothing active. NULL is allowed. */
void hold_discard(struct hold *hold);

/*
 * Removes what daemons with another layout of the maps (HOLD_ABI), older or newer, pinned below
 * pin_dir: nobody would ever answer the callers that it holds. hold NULL: what any daemon pinned.
 */
void hold_pins_remove_others(const char *pin_dir, const struct hold *hold);

/* How it works. */
enum uprobes_way hold_way(const struct hold *hold);

/* True if callers wait until they are let go. */
bool hold_waits(const struct hold *hold);

/* What is missing for processes started later, for users; NULL: nothing. */
const char *hold_warning(const struct hold *hold);

/* The longest that a caller is held, in ns; set before the threads that give the heartbeat. */
uint64_t hold_limit(const struct hold *hold);
void hold_set_limit(struct hold *hold, uint64_t ns);

/* Descriptors of the maps `release` and `cuts`, for INJECT_INIT; -1: nobody is held. Owned by hold.
 */
int hold_release_fd(const struct hold *hold);
int hold_cuts_fd(const struct hold *hold);

/* Keeps the process (or stops to keep it) from ever being held: the daemon and its injectors. */
int hold_exclude(struct hold *hold, pid_t tgid, struct sc_error **err);
void hold_include(struct hold *hold, pid_t tgid);

/* Callers are held until now + ns has passed; 0 ends holding at once. Async-signal-safe. */
void hold_alive(struct hold *hold, uint64_t ns);

/* Processes that are left alone: exactly these; or this one more. */
void hold_skip_set(struct hold *hold, const struct hold_skip *skips, size_t count);
void hold_skip_add(struct hold *hold, const struct hold_skip *skip);

/*
 * Gives the slot to the patch object uuid and describes its functions to the program, disabled.
 * count is at most 65535. 0, or -1 with err set.
 */
int hold_slot_fill(struct hold *hold, uint32_t slot, const char *uuid,
                   const struct hold_function *functions, size_t count, struct sc_error **err);

/*
 * Describes one function of the slot, or, with function NULL, takes its description away: then its
 * callers pass. 0, or -1 with err set.
 */
int hold_site_set(struct hold *hold, uint32_t slot, size_t index,
                  const struct hold_function *function, struct sc_error **err);

/* Switches the holding of callers on or off. */
int hold_slot_enable(struct hold *hold, uint32_t slot, bool enabled, struct sc_error **err);

/*
 * Attaches the functions of a slot to the file open as fd and pins the link under uuid and the
 * file's dev:inode. A file that is linked already is success. Nothing is done when the slot is not
 * uuid's any more: it was cleared by another thread meanwhile.
 */
int hold_link(struct hold *hold, uint32_t slot, const char *uuid,
              const struct hold_function *functions, size_t count, int fd, struct sc_error **err);

/* True if the file with that dev:inode is linked for the slot. */
bool hold_linked(struct hold *hold, uint32_t slot, uint64_t dev, uint64_t ino);

/*
 * Takes the links of a slot away, then its sites; no event comes for it any more. Where the kernel
 * takes its time, threads may still trap for a while: the slot is busy until the last probe is
 * gone, and must not be given to another patch.
 */
void hold_slot_clear(struct hold *hold, uint32_t slot, size_t count);
bool hold_slot_busy(struct hold *hold, uint32_t slot);

/* The pinned links there are. *pins is malloc'd. Returns their number, or -1 with err set. */
int hold_pins(struct hold *hold, struct hold_pin **pins, struct sc_error **err);

/* The slot that the event is about. */
uint32_t hold_event_slot(const struct hold_event *event);

/*
 * No hold of this process (as the event describes it), for the slot of the event, before until
 * (CLOCK_MONOTONIC ns).
 */
void hold_verdict_set(struct hold *hold, const struct hold_event *event, uint64_t until);
/* Forgets what was said about the process, for the slot and in general. */
void hold_verdict_clear(struct hold *hold, pid_t tgid, uint32_t slot);

/* Lets all threads of the process go that are held now for the slot. */
void hold_release(struct hold *hold, pid_t tgid, uint32_t slot);

/* Lets the process go on where the program has stopped it by SIGSTOP; once for each event. */
void hold_continue(struct hold *hold, pid_t tgid);

/*
 * Lets all go on that the programs of a daemon with pins below pin_dir have stopped min_ns ago, or
 * earlier, and that nobody has let go on since.
 */
void hold_stopped_resume(const char *pin_dir, uint64_t min_ns);

/* Readable when there are events. Owned by hold. */
int hold_events_fd(const struct hold *hold);

/* Hands each waiting event to callback; one thread only. Returns their number. */
typedef void (*hold_event_fn)(const struct hold_event *event, void *data);
int hold_events_read(struct hold *hold, hold_event_fn callback, void *data);

/* CLOCK_MONOTONIC in nanoseconds, the program's clock. */
uint64_t hold_clock(void);

#endif

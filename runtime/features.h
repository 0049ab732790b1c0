/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this kernel can do, found out by trying, never by its version. */
#ifndef SYSCARE_RUNTIME_FEATURES_H
#define SYSCARE_RUNTIME_FEATURES_H

#include "runtime/hold.h"
#include "runtime/log.h"

#include <stdbool.h>

/* true: tried, and it worked. */
struct features {
    bool btf;             /* types of the kernel: the BPF program is relocated by them */
    bool ring_buffer;     /* events from the BPF program */
    bool sleepable;       /* BPF programs that may wait */
    bool cookies;         /* a value for each probe */
    bool uprobe_multi;    /* one link for all functions of a file */
    bool perf_uprobes;    /* probes as perf events, one a function */
    bool pidfd_getfd;     /* the way of a patch file into a process */
    bool suspend_seccomp; /* system calls can be injected into sandboxed processes */
    bool nop_probes;      /* a probe on a 5-byte nop does no harm to children that are forked */
};

/*
 * Tries all but the hold; safe without any preparation.
 */
void features_probe(struct features *features);

/* The name of a feature that the way needs and that the kernel does not have; NULL: none. */
const char *features_missing(const struct features *features, enum uprobes_way way);

/*
 * Opens the first way that settings allow (its way may be UPROBES_AUTO) and that works when it is
 * tried out: a child of ours calls a function of this program, is noticed, and fetched while it is
 * held. Slot HOLD_SLOTS_MAX - 1 is used for that. What does not work, and why, is logged. NULL with
 * err set: nothing that is allowed works here.
 */
struct hold *features_open_hold(const struct features *features,
                                const struct hold_settings *settings, const struct log *log,
                                struct sc_error **err);

/* Logs each feature and, for those missing, what it means. */
void features_log(const struct features *features, const struct log *log);

#endif

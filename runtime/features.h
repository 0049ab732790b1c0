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
    bool pidfd_getfd;     /* the way of a patch file into a process */
    bool suspend_seccomp; /* system calls can be injected into sandboxed processes */
    bool nop_probes;      /* a probe on a 5-byte nop does no harm to children that are forked */
    bool hold;            /* a held thread was fetched by a tracer within the limit */
};

/*
 * Tries all but the hold; safe without any preparation.
 */
void features_probe(struct features *features);

/*
 * Holds a child of ours in a function of this program and fetches it. hold is open; slot
 * HOLD_SLOTS_MAX - 1 is used for it. Sets features->hold. 0, or -1 with err set: why not.
 */
int features_probe_hold(struct features *features, struct hold *hold, struct sc_error **err);

/* Logs each feature and, for those missing, what it means. */
void features_log(const struct features *features, const struct log *log);

/* True if processes started later get their patch at the first call. */
bool features_lazy(const struct features *features);

#endif

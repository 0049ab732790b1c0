/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways in which first callers can be noticed, from the best to what every kernel can. */
#ifndef SYSCARE_RUNTIME_UPROBES_H
#define SYSCARE_RUNTIME_UPROBES_H

#include <stdbool.h>

enum uprobes_way {
    UPROBES_MULTI_HOLD, /* one pinned link for all functions of a file; BPF holds the caller */
    UPROBES_PERF_HOLD,  /* one pinned link for each function; BPF holds the caller */
    UPROBES_PERF_ASYNC, /* BPF that cannot wait reports the caller */
    UPROBES_PERF_PLAIN, /* the same where a probe cannot carry a cookie: the process is reported */
    UPROBES_SAMPLE,     /* no BPF: the caller is sampled by perf */
    UPROBES_WAYS,       /* how many there are */
    UPROBES_AUTO = UPROBES_WAYS, /* the first of them that works */
};

/* As in the configuration, e.g. "perf-hold". */
const char *uprobes_name(enum uprobes_way way);

/* True if callers wait until their process is switched, so that no first call runs old code. */
bool uprobes_holds(enum uprobes_way way);

/* True if the way works by a BPF program. */
bool uprobes_bpf(enum uprobes_way way);

/* True if a daemon that was told to use wanted may use way. */
bool uprobes_allowed(enum uprobes_way wanted, enum uprobes_way way);

/*
 * What processes that start later have to expect of a way that does not hold, for users; signal:
 * they are stopped by SIGSTOP instead. NULL where nothing is missing.
 */
const char *uprobes_warning(enum uprobes_way way, bool signal);

#endif

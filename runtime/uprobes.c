// SPDX-License-Identifier: GPL-2.0-or-later
// The ways in which first callers can be noticed: their names, and what they can.
#include "runtime/uprobes.h"

#include <stddef.h>

static const struct {
    const char *name;
    bool holds, bpf;
} ways[] = {
    [UPROBES_MULTI_HOLD] = {"multi-hold", true, true},
    [UPROBES_PERF_HOLD] = {"perf-hold", true, true},
    [UPROBES_PERF_ASYNC] = {"perf-async", false, true},
    [UPROBES_PERF_PLAIN] = {"perf-plain", false, true},
    [UPROBES_SAMPLE] = {"sample", false, false},
    [UPROBES_AUTO] = {"auto", false, false},
};

const char *uprobes_name(enum uprobes_way way)
{
    return ways[way].name;
}

bool uprobes_holds(enum uprobes_way way)
{
    return ways[way].holds;
}

bool uprobes_bpf(enum uprobes_way way)
{
    return ways[way].bpf;
}

bool uprobes_allowed(enum uprobes_way wanted, enum uprobes_way way)
{
    return wanted == UPROBES_AUTO || wanted == way ||
           (wanted == UPROBES_PERF_ASYNC && way == UPROBES_PERF_PLAIN);
}

const char *uprobes_warning(enum uprobes_way way, bool signal)
{
    if (uprobes_holds(way))
        return NULL;
    if (signal && uprobes_bpf(way))
        return "first callers in processes started later are stopped by SIGSTOP, which their"
               " parents see, until the process is switched";
    return "first calls in processes started later may run old code: nothing holds them until the"
           " process is switched, some milliseconds later";
}

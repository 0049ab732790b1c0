/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `syscare -v status` says of one process. Everything is read from /proc at that moment, by
 * the asking thread itself: no process is stopped, and no other work of the daemon is waited for.
 */
#ifndef SYSCARE_RUNTIME_PROCESS_REPORT_H
#define SYSCARE_RUNTIME_PROCESS_REPORT_H

#include "runtime/live_patch.h"
#include "runtime/patch_object.h"
#include "runtime/switcher.h"

struct process_report {
    char comm[16];
    const char *state; /* a word of doc/formats.md, "Requests": static */
    char *reason;      /* owned; NULL where there is nothing to explain */
};

/*
 * Describes the patch in the process. problem is what the last try to switch it met, or NULL.
 * False: the process ended, or does not map the target any more. Clear the report if true.
 */
bool process_report_make(struct switcher *switcher, const struct live_patch *live,
                         const struct patch_object *object, const struct scan_process *process,
                         const struct problem *problem, struct process_report *report);

void process_report_clear(struct process_report *report);

#endif

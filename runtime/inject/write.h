/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes the code of a stopped process: all functions of a patch, or none. */
#ifndef SYSCARE_INJECT_WRITE_H
#define SYSCARE_INJECT_WRITE_H

#include "runtime/inject/injector.h"

/*
 * Writes jumps (apply) or the old bytes (revert) wherever job->state says that it is needed, with
 * the original first instruction in front, so that no breakpoint of a uprobe is left in the way.
 * What was written is read back. Adds to reply->functions. 0; -1 with the reply set, and then the
 * bytes that were there before stand there again.
 */
int sites_write(struct job *job, bool apply);

/*
 * Puts the old code back where a uprobe of another tool has broken our jump at an entry, and counts
 * that in reply->mended. The sites are PROCESS_SITE_ORIGINAL then. 0, or -1 with the reply set.
 */
int sites_mend(struct job *job);

/* True if site i of the instance has to be changed. */
bool site_changes(const struct process_instance *instance, size_t i, bool apply);

#endif

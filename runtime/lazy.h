/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads that answer held callers, apart from everything else that the daemon does: one reads
 * the events and gives the heartbeat, a few with an injector each do the work. So a hold is
 * answered within milliseconds, whatever clients and passes are busy with.
 */
#ifndef SYSCARE_RUNTIME_LAZY_H
#define SYSCARE_RUNTIME_LAZY_H

#include "runtime/switcher.h"

struct lazy; /* opaque */

/* Starts the threads; never NULL. All arguments must outlive it. */
struct lazy *lazy_start(struct hold *hold, struct switcher *switcher, const struct options *options,
                        const struct log *log);

/* Ends the heartbeat and the threads. NULL is allowed. */
void lazy_stop(struct lazy *lazy);

#endif

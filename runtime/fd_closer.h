/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Closes descriptors in a thread of its own. The kernel takes about 0.1 s for each perf uprobe that
 * is closed (it waits for RCU grace periods), whatever is done at the same time.
 */
#ifndef SYSCARE_RUNTIME_FD_CLOSER_H
#define SYSCARE_RUNTIME_FD_CLOSER_H

#include <stdbool.h>
#include <stdint.h>

struct fd_closer; /* opaque */

/* Starts no thread yet; never NULL. */
struct fd_closer *fd_closer_new(void);

/* Waits until all is closed. NULL is allowed. */
void fd_closer_free(struct fd_closer *closer);

/* Takes the descriptor over. tag is any number, for fd_closer_busy. */
void fd_closer_add(struct fd_closer *closer, int fd, uint32_t tag);

/* True if a descriptor with that tag is not closed yet. */
bool fd_closer_busy(struct fd_closer *closer, uint32_t tag);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control thread: the only one that changes what is applied. It serves requests in the order
 * in which they came, and between them retries and audits.
 */
#ifndef SYSCARE_RUNTIME_CONTROL_H
#define SYSCARE_RUNTIME_CONTROL_H

#include "runtime/daemon.h"
#include "runtime/peer.h"

struct control; /* opaque */

/* Starts the thread on a daemon that was started; never NULL. */
struct control *control_start(struct daemon *daemon);

/* Ends the thread after the request that it serves. NULL is allowed. */
void control_stop(struct control *control);

/* Hands over one line. client is whatever the caller wants back with the answer. */
void control_submit(struct control *control, uint64_t client, enum peer_right right,
                    const char *text, size_t size);

/* An answer that is ready: the line to send, owned by the caller; NULL when there is none. */
char *control_take(struct control *control, uint64_t *client);

/* Readable when there may be answers. Owned by control. */
int control_fd(const struct control *control);

#endif

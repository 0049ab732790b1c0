/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket of the daemon. One thread talks to all clients without ever waiting for one of them;
 * requests are handed to the control thread (control.h), one after the other.
 */
#ifndef SYSCARE_RUNTIME_SERVER_H
#define SYSCARE_RUNTIME_SERVER_H

#include "lib/error.h"
#include "runtime/control.h"
#include "runtime/log.h"

struct server; /* opaque */

/*
 * Listens on a new socket at path (mode 0600, or 0660 for query_group, which is "" for none; one
 * that nobody answers on is replaced). NULL with err set, e.g. when another daemon answers there.
 */
struct server *server_open(const char *path, const char *query_group, struct control *control,
                           const struct log *log, struct sc_error **err);

/* True if a daemon answers on the socket at path. */
bool server_is_there(const char *path);

/* Serves until SIGTERM or SIGINT, which the caller has blocked in all threads. */
int server_run(struct server *server, struct sc_error **err);

/* Closes and removes the socket. NULL is allowed. */
void server_close(struct server *server);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection to kvd, and the answers to its requests. */
#ifndef KVD_SESSION_H
#define KVD_SESSION_H

#include "kv.h"

#include <stdbool.h>
#include <stdio.h>

/* line is used again for each request, and so still holds what came before. */
struct session {
    struct kv_store *store;
    const char *password;
    FILE *stream;
    bool allowed; /* has given the password */
    char line[KV_LINE_MAX];
    char reply[KV_REPLY_MAX];
};

/* Answers the used bytes in session->line, in session->reply. Returns the size of the reply. */
size_t session_answer(struct session *session, size_t used);

#endif

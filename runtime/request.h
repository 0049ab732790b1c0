/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What clients ask, checked, and what they are answered. See doc/formats.md, "Runtime". */
#ifndef SYSCARE_RUNTIME_REQUEST_H
#define SYSCARE_RUNTIME_REQUEST_H

#include "lib/error.h"
#include "lib/string_list.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#define REQUEST_VERSION 1
#define REQUEST_MAX 65536    /* bytes of a line */
#define REQUEST_IDS_MAX 1000 /* IDs in one request */
#define REQUEST_ID_MAX 1024  /* bytes of an ID */

struct request {
    char *command;
    struct string_list ids;
    bool force; /* no check for conflicts with other patches */
    bool dry_run, keep_going, accepted, verbose;
    unsigned timeout_s; /* for the whole command, 1..3600 */
};

/*
 * Reads one request. Unknown members, wrong types and sizes are errors (SC_USAGE). 0, or -1 with
 * err set. Free with request_clear in both cases.
 */
int request_parse(const char *text, size_t size, struct request *request, struct sc_error **err);
void request_clear(struct request *request);

/* An answer in the making. */
struct answer {
    enum sc_status status;
    struct string_list messages; /* for stdout */
    struct string_list errors;   /* for stderr */
    struct json_object *data;    /* what --json shows, and list, info, … are made of */
};

void answer_init(struct answer *answer);
void answer_clear(struct answer *answer);

/* Takes the error: its status (unless a worse one is set) and message. */
void answer_error(struct answer *answer, const struct sc_error *err);

/* The line that goes over the socket, with its newline; the caller frees it. */
char *answer_line(struct answer *answer);

#endif

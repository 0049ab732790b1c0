/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where things are in a capture directory (doc/formats.md, "Capture directory"), and writing to it.
 */
#ifndef SYSCARE_LAYOUT_H
#define SYSCARE_LAYOUT_H

#include "lib/error.h"

#include <json-c/json.h>
#include <stddef.h>

#define CAPTURE_ID_SIZE 33 /* 32 hexadecimal digits and a NUL */

/* Names of the files and directories of a capture. */
#define CAPTURE_SHIMS "shims"
#define CAPTURE_TOOLS "tools"
#define CAPTURE_UNITS "tu"
#define CAPTURE_MAPS "maps"
#define CAPTURE_OUTPUTS "outputs"
#define CAPTURE_LINKS "links.jsonl"
#define CAPTURE_COMPILES "compiles.jsonl"
#define CAPTURE_ASSEMBLES "assembles.jsonl"
#define CAPTURE_UNCAPTURED "uncaptured.jsonl"

/* Environment of a link replay: the directory in which the as shim keeps what it assembles. */
#define CAPTURE_ENV_LTRANS "SYSCARE_REPLAY_LTRANS"

/*
 * The id of count strings: the first 16 bytes of the SHA-256 of them, each with its NUL, in hex.
 * NULL strings count as empty.
 */
void capture_id(const char *const *strings, size_t count, char id[CAPTURE_ID_SIZE]);

/* True if text is an id as capture_id or the plugin makes them, so that it can be part of a path.
 */
int capture_id_valid(const char *text);

/*
 * Writes the record of a unit to tu/<id>.json of the capture, atomically but without fsync: links
 * of configure scripts must cost nothing, and a capture cut short by a power failure is worthless
 * anyway. An equal file is left alone. 0, or -1 with err set (the id is not one, cannot write).
 */
int capture_unit_write(const char *capture, struct json_object *record, struct sc_error **err);

/* The working directory, malloc'd; "" when it has none. */
char *capture_cwd(void);

/* Strings as a JSON array; the vector ends with NULL. The caller owns the result. */
struct json_object *capture_json_strings(char *const *strings);

/* An object of those of the named variables that are set. names ends with NULL. */
struct json_object *capture_json_environment(const char *const *names);

/* Appends to uncaptured.jsonl why a run of a tool is not in the capture. Failure is silent. */
void capture_log_uncaptured(const char *capture, const char *tool, char *const *argv,
                            const char *reason);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON files and the checked reading of their members; json-c does the parsing. */
#ifndef SYSCARE_JSON_UTIL_H
#define SYSCARE_JSON_UTIL_H

#include "lib/error.h"

#include <json-c/json.h>
#include <stdint.h>

/* The largest JSON file that is read: nothing of ours comes near it. */
#define SC_JSON_MAX (256u << 20)

/* Parses a file of one JSON value; the caller owns the result. NULL with err set on failure. */
struct json_object *sc_json_read(const char *path, struct sc_error **err);

/* Parses size bytes of text as exactly one JSON value, nothing after it. NULL with err set. */
struct json_object *sc_json_parse(const char *text, size_t size, struct sc_error **err);

/* Replaces path atomically by the value, indented, with a final newline. */
int sc_json_write(const char *path, struct json_object *value, struct sc_error **err);

/* Appends one line to path in a single write(2) with O_APPEND, so that processes may share it. */
int sc_json_append(const char *path, struct json_object *value, struct sc_error **err);

/*
 * Members of an object. The string and the object stay owned by the object. A missing member or
 * one of the wrong type is an error that names it; *_optional gives the default instead when it
 * is missing or null.
 */
const char *sc_json_string(struct json_object *object, const char *name, struct sc_error **err);
const char *sc_json_string_optional(struct json_object *object, const char *name,
                                    const char *value);
struct json_object *sc_json_array(struct json_object *object, const char *name,
                                  struct sc_error **err);
struct json_object *sc_json_object(struct json_object *object, const char *name,
                                   struct sc_error **err);
int sc_json_u64(struct json_object *object, const char *name, uint64_t *value,
                struct sc_error **err);

/* Adds members; value may be NULL, which adds null. */
void sc_json_add_string(struct json_object *object, const char *name, const char *value);
void sc_json_add_u64(struct json_object *object, const char *name, uint64_t value);

#endif

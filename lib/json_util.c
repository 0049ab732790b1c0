// SPDX-License-Identifier: GPL-2.0-or-later
// JSON files and the checked reading of their members.
#include "lib/json_util.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

struct json_object *sc_json_parse(const char *text, size_t size, struct sc_error **err)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *value = NULL;
    enum json_tokener_error how;

    if (!tokener || size > INT_MAX) {
        sc_error_set(err, SC_FAILED, "JSON text too large");
        json_tokener_free(tokener);
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    value = json_tokener_parse_ex(tokener, text, (int)size);
    how = json_tokener_get_error(tokener);
    if (how == json_tokener_continue && size) /* a bare number ends only with the text */
        value = json_tokener_parse_ex(tokener, "", 1), how = json_tokener_get_error(tokener);
    if (how == json_tokener_success) {
        size_t rest = json_tokener_get_parse_end(tokener);

        rest += strspn(text + rest, " \t\r\n");
        if (rest < size) {
            json_object_put(steal_pointer(&value));
            sc_error_set(err, SC_FAILED, "text after the JSON value at byte %zu", rest);
        } else if (!value) {
            sc_error_set(err, SC_FAILED, "the JSON value is null");
        }
    } else {
        sc_error_set(err, SC_FAILED, "not JSON: %s", json_tokener_error_desc(how));
    }
    json_tokener_free(tokener);
    return value;
}

struct json_object *sc_json_read(const char *path, struct sc_error **err)
{
    cleanup_free char *text = NULL;
    struct json_object *value;
    size_t size;

    if (sc_file_read(path, SC_JSON_MAX, &text, &size, err) < 0)
        return NULL;
    value = sc_json_parse(text, size, err);
    if (!value)
        sc_error_wrap(err, "%s", path);
    return value;
}

int sc_json_write(const char *path, struct json_object *value, struct sc_error **err)
{
    cleanup_free char *text =
        sc_format("%s\n", json_object_to_json_string_ext(
                              value, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));

    return sc_file_replace(path, text, strlen(text), 0644, err);
}

int sc_json_append(const char *path, struct json_object *value, struct sc_error **err)
{
    cleanup_free char *line =
        sc_format("%s\n", json_object_to_json_string_ext(
                              value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    if (fd < 0 || sc_write_all(fd, line, strlen(line)) < 0)
        return sc_error_errno(err, "cannot append to %s", path);
    return 0;
}

/* The member, if it is there and of the type; else NULL with err set. */
static struct json_object *member(struct json_object *object, const char *name, enum json_type type,
                                  struct sc_error **err)
{
    struct json_object *value = NULL;

    if (!json_object_is_type(object, json_type_object) ||
        !json_object_object_get_ex(object, name, &value)) {
        sc_error_set(err, SC_FAILED, "JSON member '%s' is missing", name);
        return NULL;
    }
    if (!json_object_is_type(value, type)) {
        sc_error_set(err, SC_FAILED, "JSON member '%s' is not of type %s", name,
                     json_type_to_name(type));
        return NULL;
    }
    return value;
}

const char *sc_json_string(struct json_object *object, const char *name, struct sc_error **err)
{
    struct json_object *value = member(object, name, json_type_string, err);

    return value ? json_object_get_string(value) : NULL;
}

const char *sc_json_string_optional(struct json_object *object, const char *name, const char *value)
{
    struct json_object *found = member(object, name, json_type_string, NULL);

    return found ? json_object_get_string(found) : value;
}

struct json_object *sc_json_array(struct json_object *object, const char *name,
                                  struct sc_error **err)
{
    return member(object, name, json_type_array, err);
}

struct json_object *sc_json_object(struct json_object *object, const char *name,
                                   struct sc_error **err)
{
    return member(object, name, json_type_object, err);
}

int sc_json_u64(struct json_object *object, const char *name, uint64_t *value,
                struct sc_error **err)
{
    struct json_object *found = member(object, name, json_type_int, err);

    if (!found)
        return -1;
    errno = 0;
    *value = json_object_get_uint64(found);
    if (errno)
        return sc_error_set(err, SC_FAILED, "JSON member '%s' is out of range", name);
    return 0;
}

void sc_json_add_string(struct json_object *object, const char *name, const char *value)
{
    json_object_object_add(object, name, value ? json_object_new_string(value) : NULL);
}

void sc_json_add_u64(struct json_object *object, const char *name, uint64_t value)
{
    json_object_object_add(object, name, json_object_new_uint64(value));
}

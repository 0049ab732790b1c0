// SPDX-License-Identifier: GPL-2.0-or-later
// Where things are in a capture directory, and writing to it.
#include "wrappers/layout.h"

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json_util.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

void capture_id(const char *const *strings, size_t count, char id[CAPTURE_ID_SIZE])
{
    struct sc_digest *digest = sc_digest_new();
    uint8_t hash[SC_DIGEST_SIZE];

    if (!digest)
        abort();
    for (size_t i = 0; i < count; i++)
        sc_digest_add(digest, strings[i] ? strings[i] : "",
                      strlen(strings[i] ? strings[i] : "") + 1);
    sc_digest_finish(digest, hash);
    sc_hex_encode(hash, CAPTURE_ID_SIZE / 2, id);
}

int capture_id_valid(const char *text)
{
    return strlen(text) == CAPTURE_ID_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == CAPTURE_ID_SIZE - 1;
}

/* True if the file at path holds exactly this text. */
static bool file_equals(const char *path, const char *text)
{
    cleanup_free char *old = NULL;
    size_t size;

    return sc_file_exists(path) && sc_file_read(path, SC_JSON_MAX, &old, &size, NULL) == 0 &&
           size == strlen(text) && memcmp(old, text, size) == 0;
}

/* Replaces path by text through a temporary file beside it. */
static int file_write(const char *path, const char *text, struct sc_error **err)
{
    cleanup_free char *temporary = sc_format("%s.XXXXXX", path);
    cleanup_close int fd = mkostemp(temporary, O_CLOEXEC);

    if (fd < 0)
        return sc_error_errno(err, "cannot create a file beside %s", path);
    if (fchmod(fd, 0644) < 0 || sc_write_all(fd, text, strlen(text)) < 0 ||
        rename(temporary, path) < 0) {
        sc_error_errno(err, "cannot write %s", path);
        unlink(temporary);
        return -1;
    }
    return 0;
}

int capture_unit_write(const char *capture, struct json_object *record, struct sc_error **err)
{
    const char *id = sc_json_string(record, "id", err);
    cleanup_free char *path = NULL;
    cleanup_free char *text = NULL;

    if (!id)
        return -1;
    if (!capture_id_valid(id))
        return sc_error_set(err, SC_FAILED, "'%s' is not the id of a unit", id);
    path = sc_format("%s/" CAPTURE_UNITS "/%s.json", capture, id);
    text = sc_format("%s\n", json_object_to_json_string_ext(
                                 record, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    return file_equals(path, text) ? 0 : file_write(path, text, err);
}

char *capture_cwd(void)
{
    char *cwd = getcwd(NULL, 0);

    return cwd ? cwd : sc_format("%s", "");
}

struct json_object *capture_json_strings(char *const *strings)
{
    struct json_object *array = json_object_new_array();

    for (; *strings; strings++)
        json_object_array_add(array, json_object_new_string(*strings));
    return array;
}

struct json_object *capture_json_environment(const char *const *names)
{
    struct json_object *object = json_object_new_object();

    for (; *names; names++)
        if (getenv(*names))
            sc_json_add_string(object, *names, getenv(*names));
    return object;
}

void capture_log_uncaptured(const char *capture, const char *tool, char *const *argv,
                            const char *reason)
{
    cleanup_json struct json_object *line = json_object_new_object();
    cleanup_free char *path = sc_format("%s/" CAPTURE_UNCAPTURED, capture);
    cleanup_free char *cwd = capture_cwd();

    sc_json_add_u64(line, "version", 1);
    sc_json_add_string(line, "tool", tool);
    sc_json_add_string(line, "cwd", cwd);
    json_object_object_add(line, "argv", capture_json_strings(argv));
    sc_json_add_string(line, "reason", reason);
    sc_json_append(path, line, NULL);
}

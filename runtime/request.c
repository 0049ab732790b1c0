// SPDX-License-Identifier: GPL-2.0-or-later
// What clients ask, checked, and what they are answered.
#include "runtime/request.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"

#include <ctype.h>
#include <string.h>

#define TIMEOUT_DEFAULT_S 60
#define TIMEOUT_MAX_S 3600
#define COMMAND_MAX 32

/* Text that may go to a terminal and a log. */
static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (iscntrl((unsigned char)*text))
            return false;
    return true;
}

/* A string member without a NUL inside, at most max bytes. NULL with err set. */
static const char *get_text(struct json_object *value, size_t max, struct sc_error **err)
{
    const char *text =
        json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;

    if (!text || (size_t)json_object_get_string_len(value) > max ||
        strlen(text) != (size_t)json_object_get_string_len(value) || !*text ||
        !is_printable(text)) {
        sc_error_set(err, SC_USAGE, "a text of 1 to %zu printable characters is expected", max);
        return NULL;
    }
    return text;
}

static int read_command(struct request *request, struct json_object *value, struct sc_error **err)
{
    const char *text = get_text(value, COMMAND_MAX, err);

    if (!text)
        return -1;
    request->command = sc_format("%s", text);
    return 0;
}

static int read_ids(struct request *request, struct json_object *value, struct sc_error **err)
{
    size_t count;

    if (!json_object_is_type(value, json_type_array))
        return sc_error_set(err, SC_USAGE, "a list is expected");
    count = json_object_array_length(value);
    if (count > REQUEST_IDS_MAX)
        return sc_error_set(err, SC_USAGE, "more than %d patches in one call", REQUEST_IDS_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *id = get_text(json_object_array_get_idx(value, i), REQUEST_ID_MAX, err);

        if (!id)
            return -1;
        string_list_add(&request->ids, id);
    }
    return 0;
}

static int read_number(unsigned *number, struct json_object *value, int64_t max,
                       struct sc_error **err)
{
    int64_t given = json_object_get_int64(value);

    if (!json_object_is_type(value, json_type_int) || given < 1 || given > max)
        return sc_error_set(err, SC_USAGE, "a number from 1 to %lld is expected", (long long)max);
    *number = (unsigned)given;
    return 0;
}

static int read_flag(bool *flag, struct json_object *value, struct sc_error **err)
{
    if (!json_object_is_type(value, json_type_boolean))
        return sc_error_set(err, SC_USAGE, "true or false is expected");
    *flag = json_object_get_boolean(value);
    return 0;
}

/* Unknown members are refused: a misspelt "dry_run" must not become a change. */
static int read_member(struct request *request, const char *name, struct json_object *value,
                       struct sc_error **err)
{
    unsigned version = 0;

    if (strcmp(name, "version") == 0)
        return read_number(&version, value, REQUEST_VERSION, err);
    if (strcmp(name, "command") == 0 && !request->command)
        return read_command(request, value, err);
    if (strcmp(name, "ids") == 0)
        return read_ids(request, value, err);
    if (strcmp(name, "timeout") == 0)
        return read_number(&request->timeout_s, value, TIMEOUT_MAX_S, err);
    if (strcmp(name, "force") == 0)
        return read_flag(&request->force, value, err);
    if (strcmp(name, "dry_run") == 0)
        return read_flag(&request->dry_run, value, err);
    if (strcmp(name, "keep_going") == 0)
        return read_flag(&request->keep_going, value, err);
    if (strcmp(name, "accepted") == 0)
        return read_flag(&request->accepted, value, err);
    if (strcmp(name, "verbose") == 0)
        return read_flag(&request->verbose, value, err);
    return sc_error_set(err, SC_USAGE, "not known here");
}

int request_parse(const char *text, size_t size, struct request *request, struct sc_error **err)
{
    cleanup_json struct json_object *object = NULL;

    memset(request, 0, sizeof(*request));
    request->timeout_s = TIMEOUT_DEFAULT_S;
    if (size > REQUEST_MAX)
        return sc_error_set(err, SC_USAGE, "bad request: larger than %d bytes", REQUEST_MAX);
    object = sc_json_parse(text, size, err);
    if (!object || !json_object_is_type(object, json_type_object)) {
        return sc_error_set(err, SC_USAGE, "bad request: not a JSON object");
    }
    json_object_object_foreach(object, name, value)
    {
        if (read_member(request, name, value, err) < 0)
            return sc_error_wrap(err, "bad request: %.64s", is_printable(name) ? name : "?");
    }
    if (!request->command)
        return sc_error_set(err, SC_USAGE, "bad request: no command");
    return 0;
}

void request_clear(struct request *request)
{
    free(request->command);
    string_list_clear(&request->ids);
    memset(request, 0, sizeof(*request));
}

void answer_init(struct answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->data = json_object_new_object();
}

void answer_clear(struct answer *answer)
{
    string_list_clear(&answer->messages);
    string_list_clear(&answer->errors);
    json_object_put(answer->data);
    answer->data = NULL;
}

void answer_error(struct answer *answer, const struct sc_error *err)
{
    if (answer->status == SC_OK || answer->status == SC_PARTIAL)
        answer->status = sc_error_status(err);
    string_list_add(&answer->errors, err ? err->message : "failed");
}

static struct json_object *list_of(const struct string_list *texts)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < texts->count; i++)
        json_object_array_add(list, json_object_new_string(texts->items[i]));
    return list;
}

char *answer_line(struct answer *answer)
{
    cleanup_json struct json_object *object = json_object_new_object();

    json_object_object_add(object, "done", json_object_new_boolean(true));
    sc_json_add_u64(object, "status", answer->status);
    json_object_object_add(object, "messages", list_of(&answer->messages));
    json_object_object_add(object, "errors", list_of(&answer->errors));
    json_object_object_add(object, "data", json_object_get(answer->data));
    return sc_format("%s\n", json_object_to_json_string_ext(
                                 object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

// SPDX-License-Identifier: GPL-2.0-or-later
// What the user asked for, kept across restarts and boots: reads and writes the file `state`.
#include "runtime/state_file.h"

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json_util.h"

#include <errno.h>
#include <string.h>

#define ENTRIES_MAX 100000

struct state *state_new(void)
{
    struct state *state = calloc(1, sizeof(*state));

    if (!state)
        abort();
    return state;
}

void state_free(struct state *state)
{
    if (!state)
        return;
    free(state->entries);
    free(state->saved);
    free(state->changes);
    free(state);
}

void state_cleanup(struct state **state)
{
    state_free(*state);
}

static void add_entry(struct state_entry **list, size_t *count, const char *uuid,
                      enum patch_status status, uint64_t order)
{
    *list = reallocarray(*list, *count + 1, sizeof(**list));
    if (!*list)
        abort();
    snprintf((*list)[*count].uuid, SC_UUID_SIZE, "%s", uuid);
    (*list)[*count].status = status;
    (*list)[*count].order = order;
    (*count)++;
}

void state_add_entry(struct state *state, const char *uuid, enum patch_status status,
                     uint64_t order)
{
    add_entry(&state->entries, &state->entry_count, uuid, status, order);
}

void state_add_saved(struct state *state, const char *uuid, enum patch_status status,
                     uint64_t order)
{
    state->has_saved = true;
    add_entry(&state->saved, &state->saved_count, uuid, status, order);
}

void state_add_change(struct state *state, const char *uuid, enum patch_status from,
                      enum patch_status to)
{
    struct state_change *change;

    state->changes = reallocarray(state->changes, state->change_count + 1, sizeof(*state->changes));
    if (!state->changes)
        abort();
    change = &state->changes[state->change_count++];
    snprintf(change->uuid, SC_UUID_SIZE, "%s", uuid);
    change->from = from;
    change->to = to;
}

const struct state_entry *state_find(const struct state_entry *entries, size_t count,
                                     const char *uuid)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(entries[i].uuid, uuid) == 0)
            return &entries[i];
    return NULL;
}

void state_boot_id(char boot_id[SC_UUID_SIZE])
{
    cleanup_file FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

    if (!file || fscanf(file, "%36s", boot_id) != 1)
        boot_id[0] = '\0';
}

/* Reads the member `name` as a uuid into uuid. */
static int read_uuid(struct json_object *object, char *uuid, struct sc_error **err)
{
    const char *text = sc_json_string(object, "uuid", err);

    if (!text)
        return -1;
    if (!patch_uuid_valid(text))
        return sc_error_set(err, SC_REFUSED, "%s is not a uuid", text);
    snprintf(uuid, SC_UUID_SIZE, "%s", text);
    return 0;
}

static int read_status(struct json_object *object, const char *name, enum patch_status *status,
                       struct sc_error **err)
{
    const char *text = sc_json_string(object, name, err);

    if (!text)
        return -1;
    if (patch_status_parse(text, status) < 0)
        return sc_error_set(err, SC_REFUSED, "%s is not a status", text);
    return 0;
}

/* Appends one entry of a list of the file to the state. */
typedef int (*read_item)(struct state *state, struct json_object *item, struct sc_error **err);

/* Appends every entry of a list; a mistake is told with its index. */
static int read_list(struct state *state, struct json_object *list, read_item read,
                     struct sc_error **err)
{
    size_t count = json_object_array_length(list);

    if (count > ENTRIES_MAX)
        return sc_error_set(err, SC_REFUSED, "too many entries");
    for (size_t i = 0; i < count; i++)
        if (read(state, json_object_array_get_idx(list, i), err) < 0)
            return sc_error_wrap(err, "entry %zu", i);
    return 0;
}

static int read_entry_values(struct json_object *item, struct state_entry *entry,
                             struct sc_error **err)
{
    if (!json_object_is_type(item, json_type_object))
        return sc_error_set(err, SC_REFUSED, "not an object");
    if (read_uuid(item, entry->uuid, err) < 0 ||
        read_status(item, "status", &entry->status, err) < 0 ||
        sc_json_u64(item, "order", &entry->order, err) < 0)
        return -1;
    return 0;
}

static int read_entry(struct state *state, struct json_object *item, struct sc_error **err)
{
    struct state_entry entry;

    if (read_entry_values(item, &entry, err) < 0)
        return -1;
    state_add_entry(state, entry.uuid, entry.status, entry.order);
    return 0;
}

static int read_saved(struct state *state, struct json_object *item, struct sc_error **err)
{
    struct state_entry entry;

    if (read_entry_values(item, &entry, err) < 0)
        return -1;
    state_add_saved(state, entry.uuid, entry.status, entry.order);
    return 0;
}

static int read_change(struct state *state, struct json_object *item, struct sc_error **err)
{
    struct state_change change;

    if (!json_object_is_type(item, json_type_object))
        return sc_error_set(err, SC_REFUSED, "not an object");
    if (read_uuid(item, change.uuid, err) < 0 || read_status(item, "from", &change.from, err) < 0 ||
        read_status(item, "to", &change.to, err) < 0)
        return -1;
    state_add_change(state, change.uuid, change.from, change.to);
    return 0;
}

/* The digest over the object with its member digest empty, in hexadecimal. */
static void make_digest(struct json_object *object, char hex[SC_DIGEST_HEX_SIZE])
{
    uint8_t digest[SC_DIGEST_SIZE];
    const char *text;

    sc_json_add_string(object, "digest", "");
    text = json_object_to_json_string_ext(object,
                                          JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    sc_digest_memory(text, strlen(text), digest);
    sc_hex_encode(digest, sizeof(digest), hex);
}

/* Before anything of the contents is believed. */
static int check_digest(struct json_object *object, struct sc_error **err)
{
    const char *stored = sc_json_string(object, "digest", err);
    cleanup_free char *expected = stored ? strdup(stored) : NULL;
    char hex[SC_DIGEST_HEX_SIZE];

    if (!stored)
        return -1;
    make_digest(object, hex);
    if (!expected || strcmp(hex, expected) != 0)
        return sc_error_set(err, SC_REFUSED, "the digest does not match");
    return 0;
}

static int read_lists(struct state *state, struct json_object *object, struct sc_error **err)
{
    struct json_object *entities = sc_json_array(object, "entities", err);
    struct json_object *changes = entities ? sc_json_array(object, "pending", err) : NULL;
    struct json_object *saved;

    if (!changes || read_list(state, entities, read_entry, err) < 0 ||
        read_list(state, changes, read_change, err) < 0)
        return -1;
    if (!json_object_object_get_ex(object, "saved", &saved) || !saved)
        return 0;
    if (!json_object_is_type(saved, json_type_array))
        return sc_error_set(err, SC_REFUSED, "saved is not a list");
    state->has_saved = true;
    return read_list(state, saved, read_saved, err);
}

/* The format first: a later one may have another digest. */
static int read_members(struct state *state, struct json_object *object, struct sc_error **err)
{
    const char *boot_id;
    uint64_t format;

    if (!json_object_is_type(object, json_type_object))
        return sc_error_set(err, SC_REFUSED, "not an object");
    if (sc_json_u64(object, "format", &format, err) < 0)
        return -1;
    if (format != STATE_FORMAT)
        return sc_error_set(err, SC_REFUSED,
                            "format %llu is not known: it was written by another version",
                            (unsigned long long)format);
    if (check_digest(object, err) < 0 || sc_json_u64(object, "sequence", &state->sequence, err) < 0)
        return -1;
    boot_id = sc_json_string(object, "boot_id", err);
    if (!boot_id)
        return -1;
    snprintf(state->boot_id, sizeof(state->boot_id), "%s", boot_id);
    return read_lists(state, object, err);
}

struct state *state_read(const char *path, struct sc_error **err)
{
    cleanup_saved_state struct state *state = state_new();
    cleanup_json struct json_object *object = NULL;
    cleanup_free char *text = NULL;
    size_t size;

    if (access(path, F_OK) < 0 && errno == ENOENT)
        return steal_pointer(&state);
    if (sc_file_read(path, STATE_MAX, &text, &size, err) < 0)
        return NULL;
    object = sc_json_parse(text, size, err);
    if (!object || read_members(state, object, err) < 0) {
        sc_error_wrap(err, "damaged-state: %s", path);
        return NULL;
    }
    return steal_pointer(&state);
}

static struct json_object *write_entries(const struct state_entry *entries, size_t count)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_new_object();

        sc_json_add_string(item, "uuid", entries[i].uuid);
        sc_json_add_string(item, "status", patch_status_name(entries[i].status));
        sc_json_add_u64(item, "order", entries[i].order);
        json_object_array_add(list, item);
    }
    return list;
}

static struct json_object *write_changes(const struct state *state)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < state->change_count; i++) {
        struct json_object *item = json_object_new_object();

        sc_json_add_string(item, "uuid", state->changes[i].uuid);
        sc_json_add_string(item, "from", patch_status_name(state->changes[i].from));
        sc_json_add_string(item, "to", patch_status_name(state->changes[i].to));
        json_object_array_add(list, item);
    }
    return list;
}

int state_write(const struct state *state, const char *path, struct sc_error **err)
{
    cleanup_json struct json_object *object = json_object_new_object();
    cleanup_free char *text = NULL;
    char hex[SC_DIGEST_HEX_SIZE];

    sc_json_add_u64(object, "format", STATE_FORMAT);
    sc_json_add_string(object, "boot_id", state->boot_id);
    sc_json_add_u64(object, "sequence", state->sequence);
    json_object_object_add(object, "entities", write_entries(state->entries, state->entry_count));
    json_object_object_add(
        object, "saved", state->has_saved ? write_entries(state->saved, state->saved_count) : NULL);
    json_object_object_add(object, "pending", write_changes(state));
    make_digest(object, hex);
    sc_json_add_string(object, "digest", hex);
    text = sc_format("%s\n", json_object_to_json_string_ext(
                                 object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
    return sc_file_replace(path, text, strlen(text), 0600, err);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Reads job.json.
#include "differ/differ.h"

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/json_util.h"

#include <string.h>

static const char *take_string(struct differ *differ, struct json_object *json, const char *name,
                               struct sc_error **err)
{
    const char *value = sc_json_string(json, name, err);

    return value ? pool_string(&differ->pool, value) : NULL;
}

/* 8-4-4-4-12 hexadecimal digits (RFC 9562) to 16 bytes. */
static int parse_uuid(const char *text, uint8_t uuid[16])
{
    char digits[33];
    size_t count = 0;

    for (size_t i = 0; text[i]; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash != (text[i] == '-') || (!dash && count == 32))
            return -1;
        if (!dash)
            digits[count++] = text[i];
    }
    digits[count] = '\0';
    return sc_hex_decode(digits, uuid, 16);
}

static int read_identity(struct differ *differ, struct json_object *json, struct sc_error **err)
{
    struct job *job = &differ->job;
    const char *build_id, *digest;

    job->uuid_text = take_string(differ, json, "uuid", err);
    build_id = sc_json_string(json, "build_id", err);
    digest = sc_json_string(json, "target_digest", err);
    job->target_elf = take_string(differ, json, "target_elf", err);
    if (!job->uuid_text || !build_id || !digest || !job->target_elf)
        return -1;
    if (parse_uuid(job->uuid_text, job->uuid) < 0)
        return sc_error_set(err, SC_FAILED, "'uuid' is not a UUID");
    job->build_id_size = strlen(build_id) / 2;
    if (job->build_id_size == 0 || job->build_id_size > sizeof(job->build_id) ||
        sc_hex_decode(build_id, job->build_id, job->build_id_size) < 0)
        return sc_error_set(err, SC_FAILED, "'build_id' is not 1 to 32 bytes in hexadecimal");
    if (sc_hex_decode(digest, job->target_digest, sizeof(job->target_digest)) < 0)
        return sc_error_set(err, SC_FAILED, "'target_digest' is not 64 hexadecimal digits");
    return 0;
}

static int read_link(struct differ *differ, struct json_object *json, const char *name,
                     const char **elf, const char **map, struct sc_error **err)
{
    struct json_object *link = sc_json_object(json, name, err);

    if (!link)
        return -1;
    *elf = take_string(differ, link, "elf", err);
    *map = take_string(differ, link, "map", err);
    return *elf && *map ? 0 : sc_error_wrap(err, "%s", name);
}

static int read_inputs(struct differ *differ, struct json_object *json, struct job_object *object,
                       struct sc_error **err)
{
    struct json_object *inputs = sc_json_array(json, "inputs", err);
    size_t count = inputs ? json_object_array_length(inputs) : 0;

    if (!inputs)
        return -1;
    object->inputs = pool_alloc(&differ->pool, (count + 1) * sizeof(*object->inputs));
    for (size_t i = 0; i < count; i++) {
        struct json_object *input = json_object_array_get_idx(inputs, i);

        if (!json_object_is_type(input, json_type_string))
            return sc_error_set(err, SC_FAILED, "'inputs' holds something that is not a string");
        object->inputs[i] = pool_string(&differ->pool, json_object_get_string(input));
    }
    return 0;
}

/* A path or null; anything else is an error. */
static int read_path(struct differ *differ, struct json_object *json, const char *name,
                     const char **path, struct sc_error **err)
{
    struct json_object *value;

    *path = NULL;
    if (json_object_object_get_ex(json, name, &value) && !value)
        return 0;
    *path = take_string(differ, json, name, err);
    return *path ? 0 : -1;
}

static const char *take_optional(struct differ *differ, struct json_object *json, const char *name)
{
    const char *value = sc_json_string_optional(json, name, NULL);

    return value ? pool_string(&differ->pool, value) : NULL;
}

/* An optional boolean member, false when it is missing. */
static bool read_flag(struct json_object *json, const char *name)
{
    struct json_object *value;

    return json_object_object_get_ex(json, name, &value) && json_object_get_boolean(value);
}

bool job_object_is_input(const struct job_object *object, const char *input)
{
    for (size_t i = 0; input && object->inputs[i]; i++)
        if (strcmp(object->inputs[i], input) == 0)
            return true;
    return false;
}

static int read_object(struct differ *differ, struct json_object *json, struct job_object *object,
                       struct sc_error **err)
{
    object->lto = read_flag(json, "lto");
    object->name = take_string(differ, json, "name", err);
    object->source = take_string(differ, json, "source", err);
    if (!object->name || !object->source || read_inputs(differ, json, object, err) < 0 ||
        read_path(differ, json, "reference", &object->reference_path, err) < 0 ||
        read_path(differ, json, "patched", &object->patched_path, err) < 0)
        return -1;
    object->unkept_path = take_optional(differ, json, "unkept");
    if (!object->reference_path && !object->patched_path)
        return sc_error_set(err, SC_FAILED, "object '%s' is in neither version", object->name);
    return 0;
}

static int read_objects(struct differ *differ, struct json_object *json, struct sc_error **err)
{
    struct json_object *objects = sc_json_array(json, "objects", err);
    size_t count = objects ? json_object_array_length(objects) : 0;

    if (!objects)
        return -1;
    differ->job.object_count = count;
    differ->job.objects = pool_alloc(&differ->pool, (count + 1) * sizeof(struct job_object));
    for (size_t i = 0; i < count; i++)
        if (read_object(differ, json_object_array_get_idx(objects, i), &differ->job.objects[i],
                        err) < 0)
            return sc_error_wrap(err, "objects[%zu]", i);
    return 0;
}

/* The member is there for links with link-time optimisation only. */
static int read_types(struct differ *differ, struct json_object *json, struct sc_error **err)
{
    struct json_object *types;
    size_t count;

    if (!json_object_object_get_ex(json, "types", &types))
        return 0;
    types = sc_json_array(json, "types", err);
    if (!types)
        return -1;
    count = json_object_array_length(types);
    differ->job.types_count = count;
    differ->job.types = pool_alloc(&differ->pool, (count + 1) * sizeof(struct job_types));
    for (size_t i = 0; i < count; i++) {
        struct json_object *pair = json_object_array_get_idx(types, i);
        struct job_types *unit = &differ->job.types[i];

        unit->name = take_string(differ, pair, "name", err);
        unit->reference_path = take_string(differ, pair, "reference", err);
        unit->patched_path = take_string(differ, pair, "patched", err);
        if (!unit->name || !unit->reference_path || !unit->patched_path)
            return sc_error_wrap(err, "types[%zu]", i);
    }
    return 0;
}

static int read_job(struct differ *differ, struct json_object *json, struct sc_error **err)
{
    struct job *job = &differ->job;
    const char *arch;
    uint64_t version;

    if (sc_json_u64(json, "version", &version, err) < 0)
        return -1;
    if (version != 1)
        return sc_error_set(err, SC_FAILED, "version %llu of the job format is not known",
                            (unsigned long long)version);
    arch = sc_json_string(json, "arch", err);
    if (!arch)
        return -1;
    job->arch = arch_find(arch);
    if (!job->arch)
        return sc_error_set(err, SC_REFUSED, "unsupported-architecture: %s", arch);
    job->ld = take_string(differ, json, "ld", err);
    job->output = take_string(differ, json, "output", err);
    job->report = take_string(differ, json, "report", err);
    if (!job->ld || !job->output || !job->report || read_identity(differ, json, err) < 0 ||
        read_link(differ, json, "reference", &job->reference_elf, &job->reference_map, err) < 0 ||
        read_link(differ, json, "patched", &job->patched_elf, &job->patched_map, err) < 0)
        return -1;
    job->no_entry_jumps = read_flag(json, "no_entry_jumps");
    if (read_objects(differ, json, err) < 0 || read_types(differ, json, err) < 0)
        return -1;
    return edits_read(&job->edits, &differ->pool, json, err);
}

int job_read(struct differ *differ, const char *path, struct sc_error **err)
{
    cleanup_json struct json_object *json = sc_json_read(path, err);

    if (!json)
        return -1;
    return read_job(differ, json, err) < 0 ? sc_error_wrap(err, "%s", path) : 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Reads, checks and writes the metadata of a patch.
#include "lib/patch_info.h"

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "lib/patch_info_P.h"

#include <string.h>

/* How the digest is made: any change of these flags is another format. */
#define DIGEST_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/*
 * An object whose members are taken one after the other. After the first failure nothing more
 * happens, so that the takers need no checks between them.
 */
struct reader {
    struct json_object *object;
    const char *where; /* for messages: "entities[0]" */
    int taken;         /* members seen so far */
    bool failed;
    struct sc_error **err;
};

/* The first failure is kept: later ones only follow from it. */
static void reader_fail(struct reader *reader, const char *name, const char *what)
{
    if (!reader->failed)
        sc_error_set(reader->err, SC_FAILED, "%s%s%s: %s", reader->where, *reader->where ? "." : "",
                     name, what);
    reader->failed = true;
}

/* The member of the type; NULL after a failure. With optional, null and missing give NULL too. */
static struct json_object *take_member(struct reader *reader, const char *name, enum json_type type,
                                       bool optional)
{
    struct json_object *value = NULL;
    bool found;

    if (reader->failed)
        return NULL;
    found = json_object_object_get_ex(reader->object, name, &value);
    reader->taken += found;
    if (optional && !value)
        return NULL;
    if (!found)
        reader_fail(reader, name, "is missing");
    else if (!json_object_is_type(value, type))
        reader_fail(reader, name, "is of a wrong type");
    return reader->failed ? NULL : value;
}

/* The text of value, or NULL after a failure. It must not hide anything behind a NUL. */
static const char *checked_text(struct reader *reader, const char *name, struct json_object *value,
                                patch_check valid)
{
    const char *text = json_object_get_string(value);

    if (strlen(text) != (size_t)json_object_get_string_len(value) || !valid(text))
        reader_fail(reader, name, "is not valid");
    return reader->failed ? NULL : text;
}

static char *copy_text(const char *text)
{
    return sc_format("%s", text);
}

/* Takes a string into *to, which stays NULL after a failure. */
static void take_text(struct reader *reader, const char *name, patch_check valid, char **to)
{
    struct json_object *value = take_member(reader, name, json_type_string, false);
    const char *text = value ? checked_text(reader, name, value, valid) : NULL;

    if (text)
        *to = copy_text(text);
}

/* The same for a string that may be null or missing. */
static void take_optional(struct reader *reader, const char *name, patch_check valid, char **to)
{
    struct json_object *value = take_member(reader, name, json_type_string, true);
    const char *text = value ? checked_text(reader, name, value, valid) : NULL;

    if (text)
        *to = copy_text(text);
}

static void take_list(struct reader *reader, const char *name, patch_check valid,
                      struct string_list *to)
{
    struct json_object *array = take_member(reader, name, json_type_array, false);
    size_t count = array ? json_object_array_length(array) : 0;

    for (size_t i = 0; i < count && !reader->failed; i++) {
        struct json_object *value = json_object_array_get_idx(array, i);
        const char *text;

        if (!json_object_is_type(value, json_type_string)) {
            reader_fail(reader, name, "holds something that is not a string");
            return;
        }
        text = checked_text(reader, name, value, valid);
        if (text)
            string_list_add(to, text);
    }
}

/* Every member was taken, and there are no others. */
static int reader_finish(struct reader *reader)
{
    if (!reader->failed && json_object_object_length(reader->object) != reader->taken)
        reader_fail(reader, "*", "there are members that this format does not have");
    return reader->failed ? -1 : 0;
}

static int read_target(struct json_object *object, struct patch_target *target,
                       struct sc_error **err)
{
    struct reader reader = {.object = object, .where = "target", .err = err};

    take_text(&reader, "name", patch_check_package_name, &target->name);
    take_optional(&reader, "epoch", patch_check_epoch, &target->epoch);
    take_text(&reader, "version", patch_check_package_version, &target->version);
    take_text(&reader, "release", patch_check_package_version, &target->release);
    take_text(&reader, "arch", patch_check_arch, &target->arch);
    take_text(&reader, "license", patch_check_filled_line, &target->license);
    return reader_finish(&reader);
}

static int read_entity(struct json_object *object, const char *where, struct patch_info *info,
                       struct sc_error **err)
{
    struct reader reader = {.object = object, .where = where, .err = err};
    struct patch_entity *entity = patch_info_add_entity(info);

    take_text(&reader, "uuid", patch_uuid_valid, &entity->uuid);
    take_text(&reader, "target_elf", patch_check_elf_path, &entity->target_elf);
    take_text(&reader, "file", patch_check_entity_file, &entity->file);
    take_text(&reader, "sha256", patch_check_digest, &entity->sha256);
    take_text(&reader, "build_id", patch_check_build_id, &entity->build_id);
    take_text(&reader, "target_digest", patch_check_digest, &entity->target_digest);
    take_list(&reader, "functions", patch_check_filled_line, &entity->functions);
    if (!reader.failed && entity->functions.count == 0)
        reader_fail(&reader, "functions", "is empty");
    return reader_finish(&reader);
}

static int read_patch(struct json_object *object, const char *where, struct patch_info *info,
                      struct sc_error **err)
{
    struct reader reader = {.object = object, .where = where, .err = err};
    struct patch_file *patch = patch_info_add_patch(info);

    take_text(&reader, "name", patch_check_file, &patch->name);
    take_text(&reader, "sha256", patch_check_digest, &patch->sha256);
    return reader_finish(&reader);
}

/* Reads each object of an array that must not be empty. */
static int read_each(struct json_object *array, const char *name, struct patch_info *info,
                     int (*read_one)(struct json_object *, const char *, struct patch_info *,
                                     struct sc_error **),
                     struct sc_error **err)
{
    size_t count = json_object_array_length(array);

    if (count == 0)
        return sc_error_set(err, SC_FAILED, "%s: is empty", name);
    for (size_t i = 0; i < count; i++) {
        struct json_object *object = json_object_array_get_idx(array, i);
        cleanup_free char *where = sc_format("%s[%zu]", name, i);

        if (!json_object_is_type(object, json_type_object))
            return sc_error_set(err, SC_FAILED, "%s: is not an object", where);
        if (read_one(object, where, info, err) < 0)
            return -1;
    }
    return 0;
}

static int read_build(struct json_object *object, struct patch_build *build, struct sc_error **err)
{
    struct reader reader = {.object = object, .where = "build", .err = err};

    take_text(&reader, "faithfulness", patch_check_faithfulness, &build->faithfulness);
    take_text(&reader, "gcc", patch_check_line, &build->gcc);
    take_list(&reader, "defines", patch_check_text, &build->defines);
    take_list(&reader, "with", patch_check_filled_line, &build->with);
    take_list(&reader, "without", patch_check_filled_line, &build->without);
    take_list(&reader, "requires", patch_check_filled_line, &build->requires);
    take_optional(&reader, "macros", patch_check_text, &build->macros);
    return reader_finish(&reader);
}

static void read_strings(struct reader *reader, struct patch_info *info)
{
    take_text(reader, "uuid", patch_uuid_valid, &info->uuid);
    take_text(reader, "name", patch_name_valid, &info->name);
    take_text(reader, "version", patch_version_valid, &info->version);
    take_text(reader, "release", patch_version_valid, &info->release);
    take_text(reader, "arch", patch_check_arch, &info->arch);
    take_text(reader, "type", patch_check_type, &info->type);
    take_text(reader, "license", patch_check_filled_line, &info->license);
    take_text(reader, "description", patch_check_text, &info->description);
    take_list(reader, "cves", patch_check_filled_line, &info->cves);
    take_text(reader, "digest", patch_check_digest, &info->digest);
}

/* Two entities of one name would overwrite each other somewhere. */
static int check_unique(const struct patch_info *info, struct sc_error **err)
{
    for (size_t i = 0; i < info->entity_count; i++) {
        const struct patch_entity *a = &info->entities[i];

        for (size_t j = 0; j < i; j++) {
            const struct patch_entity *b = &info->entities[j];

            if (strcmp(a->uuid, b->uuid) == 0 || strcmp(a->file, b->file) == 0 ||
                strcmp(a->target_elf, b->target_elf) == 0)
                return sc_error_set(err, SC_FAILED,
                                    "entities[%zu] and [%zu] have the same uuid, file or target", j,
                                    i);
        }
    }
    return 0;
}

/* Reads everything but the format number and the digest's value. */
static int read_members(struct json_object *object, struct patch_info *info, struct sc_error **err)
{
    struct reader reader = {.object = object, .where = "", .taken = 1, .err = err};
    struct json_object *target = take_member(&reader, "target", json_type_object, false);
    struct json_object *entities = take_member(&reader, "entities", json_type_array, false);
    struct json_object *patches = take_member(&reader, "patches", json_type_array, false);
    struct json_object *build = take_member(&reader, "build", json_type_object, false);

    read_strings(&reader, info);
    if (reader_finish(&reader) < 0)
        return -1;
    if (read_target(target, &info->target, err) < 0 ||
        read_each(entities, "entities", info, read_entity, err) < 0 ||
        read_each(patches, "patches", info, read_patch, err) < 0 ||
        read_build(build, &info->build, err) < 0)
        return -1;
    return check_unique(info, err);
}

/* The digest of the object as it is when its member "digest" is empty; changes that member. */
static void calculate_digest(struct json_object *object, char hex[SC_DIGEST_HEX_SIZE])
{
    uint8_t digest[SC_DIGEST_SIZE];
    const char *text;

    sc_json_add_string(object, "digest", "");
    text = json_object_to_json_string_ext(object, DIGEST_FLAGS);
    sc_digest_memory(text, strlen(text), digest);
    sc_hex_encode(digest, sizeof(digest), hex);
}

/* Before anything else: another format may have other members and another digest. */
static int check_format(struct json_object *object, struct sc_error **err)
{
    uint64_t format;

    if (!json_object_is_type(object, json_type_object))
        return sc_error_set(err, SC_FAILED, "not a JSON object");
    if (sc_json_u64(object, "format", &format, err) < 0)
        return -1;
    if (format != SC_PATCH_INFO_FORMAT)
        return sc_error_set(err, SC_FAILED, "format %llu is not known, only %d",
                            (unsigned long long)format, SC_PATCH_INFO_FORMAT);
    return 0;
}

/*
 * The digest comes last. It is over the object as it was read, so what is checked is exactly
 * what is used; white space and the order of equal keys in the file do not matter.
 */
static int read_checked(struct json_object *object, struct patch_info *info, struct sc_error **err)
{
    char digest[SC_DIGEST_HEX_SIZE];

    if (check_format(object, err) < 0 || read_members(object, info, err) < 0)
        return -1;
    calculate_digest(object, digest);
    if (strcmp(digest, info->digest) != 0)
        return sc_error_set(err, SC_FAILED, "the digest is wrong: the file was changed or damaged");
    return 0;
}

struct patch_info *patch_info_parse(const char *text, size_t size, struct sc_error **err)
{
    cleanup_patch_info struct patch_info *info = patch_info_new();
    cleanup_json struct json_object *object = sc_json_parse(text, size, err);

    if (!object || read_checked(object, info, err) < 0)
        return NULL;
    return steal_pointer(&info);
}

struct patch_info *patch_info_read(const char *path, struct sc_error **err)
{
    cleanup_free char *text = NULL;
    struct patch_info *info;
    size_t size;

    if (sc_file_read(path, SC_PATCH_INFO_MAX, &text, &size, err) < 0)
        return NULL;
    info = patch_info_parse(text, size, err);
    if (!info)
        sc_error_wrap(err, "%s", path);
    return info;
}

static void add_list(struct json_object *object, const char *name, const struct string_list *list)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < list->count; i++)
        json_object_array_add(array, json_object_new_string(list->items[i]));
    json_object_object_add(object, name, array);
}

/* The order of members is that of doc/formats.md, and part of the digest. */
static struct json_object *make_target(const struct patch_target *target)
{
    struct json_object *object = json_object_new_object();

    sc_json_add_string(object, "name", target->name);
    sc_json_add_string(object, "epoch", target->epoch);
    sc_json_add_string(object, "version", target->version);
    sc_json_add_string(object, "release", target->release);
    sc_json_add_string(object, "arch", target->arch);
    sc_json_add_string(object, "license", target->license);
    return object;
}

static struct json_object *make_entity(const struct patch_entity *entity)
{
    struct json_object *object = json_object_new_object();

    sc_json_add_string(object, "uuid", entity->uuid);
    sc_json_add_string(object, "target_elf", entity->target_elf);
    sc_json_add_string(object, "file", entity->file);
    sc_json_add_string(object, "sha256", entity->sha256);
    sc_json_add_string(object, "build_id", entity->build_id);
    sc_json_add_string(object, "target_digest", entity->target_digest);
    add_list(object, "functions", &entity->functions);
    return object;
}

static struct json_object *make_build(const struct patch_build *build)
{
    struct json_object *object = json_object_new_object();

    sc_json_add_string(object, "faithfulness", build->faithfulness);
    sc_json_add_string(object, "gcc", build->gcc);
    add_list(object, "defines", &build->defines);
    add_list(object, "with", &build->with);
    add_list(object, "without", &build->without);
    add_list(object, "requires", &build->requires);
    sc_json_add_string(object, "macros", build->macros);
    return object;
}

static void add_arrays(struct json_object *object, const struct patch_info *info)
{
    struct json_object *entities = json_object_new_array();
    struct json_object *patches = json_object_new_array();

    for (size_t i = 0; i < info->entity_count; i++)
        json_object_array_add(entities, make_entity(&info->entities[i]));
    for (size_t i = 0; i < info->patch_count; i++) {
        struct json_object *patch = json_object_new_object();

        sc_json_add_string(patch, "name", info->patches[i].name);
        sc_json_add_string(patch, "sha256", info->patches[i].sha256);
        json_object_array_add(patches, patch);
    }
    json_object_object_add(object, "entities", entities);
    json_object_object_add(object, "patches", patches);
}

/* The whole object, with its digest. */
static struct json_object *make_object(const struct patch_info *info)
{
    struct json_object *object = json_object_new_object();
    char digest[SC_DIGEST_HEX_SIZE];

    sc_json_add_u64(object, "format", SC_PATCH_INFO_FORMAT);
    sc_json_add_string(object, "uuid", info->uuid);
    sc_json_add_string(object, "name", info->name);
    sc_json_add_string(object, "version", info->version);
    sc_json_add_string(object, "release", info->release);
    sc_json_add_string(object, "arch", info->arch);
    sc_json_add_string(object, "type", info->type);
    sc_json_add_string(object, "license", info->license);
    sc_json_add_string(object, "description", info->description);
    add_list(object, "cves", &info->cves);
    json_object_object_add(object, "target", make_target(&info->target));
    add_arrays(object, info);
    json_object_object_add(object, "build", make_build(&info->build));
    calculate_digest(object, digest);
    sc_json_add_string(object, "digest", digest);
    return object;
}

int patch_info_write(struct patch_info *info, const char *path, struct sc_error **err)
{
    cleanup_json struct json_object *object = make_object(info);
    cleanup_free char *text =
        sc_format("%s\n", json_object_to_json_string_ext(
                              object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
    /* What is written is read back first: the reader's rules are the only ones. */
    cleanup_patch_info struct patch_info *check = patch_info_parse(text, strlen(text), err);

    if (!check)
        return sc_error_wrap(err, "cannot write %s", path);
    free(info->digest);
    info->digest = steal_pointer(&check->digest);
    return sc_file_replace(path, text, strlen(text), 0600, err);
}

struct patch_info *patch_info_new(void)
{
    struct patch_info *info = calloc(1, sizeof(*info));

    if (!info)
        abort();
    return info;
}

struct patch_entity *patch_info_add_entity(struct patch_info *info)
{
    info->entities = reallocarray(info->entities, info->entity_count + 1, sizeof(*info->entities));
    if (!info->entities)
        abort();
    info->entities[info->entity_count] = (struct patch_entity){0};
    return &info->entities[info->entity_count++];
}

struct patch_file *patch_info_add_patch(struct patch_info *info)
{
    info->patches = reallocarray(info->patches, info->patch_count + 1, sizeof(*info->patches));
    if (!info->patches)
        abort();
    info->patches[info->patch_count] = (struct patch_file){0};
    return &info->patches[info->patch_count++];
}

static void free_all(char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
}

#define FREE_ALL(...)                                                                              \
    free_all((char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *))

static void free_build(struct patch_build *build)
{
    FREE_ALL(build->faithfulness, build->gcc, build->macros);
    string_list_clear(&build->defines);
    string_list_clear(&build->with);
    string_list_clear(&build->without);
    string_list_clear(&build->requires);
}

static void free_entity(struct patch_entity *entity)
{
    FREE_ALL(entity->uuid, entity->target_elf, entity->file, entity->sha256, entity->build_id,
             entity->target_digest);
    string_list_clear(&entity->functions);
}

void patch_info_free(struct patch_info *info)
{
    if (!info)
        return;
    FREE_ALL(info->uuid, info->name, info->version, info->release, info->arch, info->type,
             info->license, info->description, info->digest);
    FREE_ALL(info->target.name, info->target.epoch, info->target.version, info->target.release,
             info->target.arch, info->target.license);
    string_list_clear(&info->cves);
    for (size_t i = 0; i < info->entity_count; i++)
        free_entity(&info->entities[i]);
    for (size_t i = 0; i < info->patch_count; i++)
        FREE_ALL(info->patches[i].name, info->patches[i].sha256);
    free_build(&info->build);
    free(info->entities);
    free(info->patches);
    free(info);
}

void patch_info_cleanup(struct patch_info **info)
{
    patch_info_free(*info);
}

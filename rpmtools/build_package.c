// SPDX-License-Identifier: GPL-2.0-or-later
// Writes down what the patch is, and has the packages made.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json_util.h"

#include <string.h>

#define MACROS_MAX (16u << 20)

static void set_text(char **to, const char *text)
{
    free(*to);
    *to = text ? sc_format("%s", text) : NULL;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Appends those of more that are not in list yet. */
static void merge(struct string_list *list, const struct string_list *more)
{
    for (size_t i = 0; i < more->count; i++)
        if (!string_list_has(list, more->items[i]))
            string_list_add(list, more->items[i]);
}

/* The package by its source name, version and release: those of the binary packages. */
static void fill_target(const struct build *build, struct patch_target *target)
{
    const struct rpm_package *package = build->package;

    set_text(&target->name, package->name);
    set_text(&target->epoch, package->epoch);
    set_text(&target->version, package->version);
    set_text(&target->release, package->release);
    set_text(&target->arch, build->options.arch);
    set_text(&target->license, package->license);
}

/* A cumulative patch goes on counting where the earlier one was. */
static int fill_version(const struct build *build, struct patch_info *info, struct sc_error **err)
{
    const struct patch_info *earlier = build->earlier.info;

    set_text(&info->name, build->options.name);
    set_text(&info->version, build->cumulative && !build->options.version_given
                                 ? earlier->version
                                 : build->options.version);
    if (build->options.release)
        set_text(&info->release, build->options.release);
    else if (!build->cumulative)
        set_text(&info->release, "1");
    else
        info->release = package_next_release(earlier->release, err);
    return info->release ? 0 : -1;
}

/* A cumulative patch fixes what the earlier ones fixed: its CVEs are all of them. */
static void fill_texts(const struct build *build, struct patch_info *info)
{
    const struct patch_info *earlier = build->earlier.info;
    const char *description = build->options.description;

    set_text(&info->arch, build->options.arch);
    set_text(&info->type, "user");
    set_text(&info->license, build->package->license);
    if (!description && earlier)
        description = earlier->description;
    set_text(&info->description, description ? description : "");
    if (earlier)
        merge(&info->cves, &earlier->cves);
    merge(&info->cves, &build->options.cves);
}

/* Their digests decide the uuid: the same patches for the same package are the same patch. */
static int fill_patches(const struct build *build, struct patch_info *info, struct sc_error **err)
{
    for (size_t i = 0; i < build->patches.count; i++) {
        struct patch_file *file = patch_info_add_patch(info);
        uint8_t sum[SC_DIGEST_SIZE];
        char hex[SC_DIGEST_HEX_SIZE];

        if (sc_digest_file(build->patches.items[i], sum, err) < 0)
            return -1;
        sc_hex_encode(sum, sizeof(sum), hex);
        set_text(&file->name, base_name(build->patches.items[i]));
        set_text(&file->sha256, hex);
    }
    return 0;
}

/* The uuid must be known before the objects are linked: it is in their notes. */
int build_begin_info(struct build *build, struct sc_error **err)
{
    struct patch_info *info = patch_info_new();
    char uuid[SC_UUID_SIZE];

    build->info = info;
    fill_target(build, &info->target);
    if (fill_version(build, info, err) < 0 || fill_patches(build, info, err) < 0)
        return -1;
    fill_texts(build, info);
    patch_info_uuid(info, uuid);
    set_text(&info->uuid, uuid);
    return 0;
}

/* All that a later build from the patch source package needs to build the same way. */
static int fill_build(const struct build *build, struct patch_build *how, enum faithful_level level,
                      struct sc_error **err)
{
    const struct patch_info *earlier = build->earlier.info;

    set_text(&how->faithfulness, faithful_level_name(level));
    set_text(&how->gcc, build->gcc_version);
    string_list_extend(&how->defines, &build->rpmbuild.defines);
    string_list_extend(&how->with, &build->rpmbuild.with);
    string_list_extend(&how->without, &build->rpmbuild.without);
    if (earlier)
        merge(&how->requires, &earlier->build.requires);
    merge(&how->requires, &build->options.requires);
    if (build->rpmbuild.macros) {
        size_t size;

        return sc_file_read(build->rpmbuild.macros, MACROS_MAX, &how->macros, &size, err);
    }
    return 0;
}

/* A file name in the patch's directory: the target's own, numbered where two have the same. */
static char *entity_file(const struct patch_info *info, const char *target_elf)
{
    char *name = sc_format("%s", base_name(target_elf));

    for (size_t i = 0, number = 2; i + 1 < info->entity_count; i++)
        if (strcmp(info->entities[i].file, name) == 0) {
            free(name);
            name = sc_format("%s-%zu", base_name(target_elf), number++);
            i = (size_t)-1; /* the new name may be taken too */
        }
    return name;
}

/* The functions of the running program that are replaced. */
static int fill_functions(const struct build_target *target, struct patch_entity *entity,
                          struct sc_error **err)
{
    struct json_object *functions = sc_json_array(target->report, "functions", err);
    size_t count = functions ? json_object_array_length(functions) : 0;

    for (size_t i = 0; i < count; i++) {
        struct json_object *one = json_object_array_get_idx(functions, i);
        const char *name = sc_json_string(one, "name", err);
        const char *change = name ? sc_json_string(one, "change", err) : NULL;

        if (!change)
            return -1;
        if (strcmp(change, "changed") == 0)
            string_list_add(&entity->functions, name);
    }
    if (!entity->functions.count)
        return sc_error_set(err, SC_FAILED, "%s: the differ made a patch that replaces nothing",
                            target->path);
    return 0;
}

/* One entity for each ELF file that changes. */
static int fill_entity(const struct build_target *target, struct patch_info *info,
                       struct sc_error **err)
{
    struct patch_entity *entity = patch_info_add_entity(info);

    entity->file = entity_file(info, target->path);
    set_text(&entity->target_elf, target->path);
    set_text(&entity->build_id, target->faithful.build_id);
    set_text(&entity->target_digest, target->faithful.own_digest);
    return fill_functions(target, entity, err);
}

int build_fill_info(struct build *build, struct sc_error **err)
{
    enum faithful_level level = FAITHFUL_BUILD_ID;

    for (size_t i = 0; i < build->target_count; i++) {
        const struct build_target *target = &build->targets[i];

        if (!target->changed)
            continue;
        if (fill_entity(target, build->info, err) < 0)
            return -1;
        if (target->faithful.level < level)
            level = target->faithful.level;
    }
    /* the patch as a whole is as sure as its weakest part */
    return fill_build(build, &build->info->build, level, err);
}

/* The date is fixed, so that the same input gives the same packages. */
int build_make_packages(struct build *build, struct sc_error **err)
{
    cleanup_free char *work = sc_format("%s/package", build->workspace->root);
    cleanup_strings struct string_list objects = {0};
    struct package_job job = {.info = build->info,
                              .objects = &objects,
                              .patches = &build->patches,
                              .source_rpm = build->package->path,
                              .output = build->options.output,
                              .work = work,
                              .date = build->source_date};

    for (size_t i = 0; i < build->target_count; i++)
        if (build->targets[i].changed)
            string_list_add(&objects, build->targets[i].object);
    return package_make(&job, &build->packages, err);
}

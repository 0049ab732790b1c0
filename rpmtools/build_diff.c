// SPDX-License-Identifier: GPL-2.0-or-later
// Has the objects of each changed ELF file compared, and takes the differ's answer.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "lib/run.h"
#include "rpmtools/tool.h"

#include <string.h>

/* Exit statuses of syscare-diff: doc/formats.md, "Differ job". */
enum diff_status { DIFF_OK = 0, DIFF_FAILED = 1, DIFF_REFUSED = 3, DIFF_NOTHING = 4 };

/* --- job.json -------------------------------------------------------------------------------- */

/* Both links as the linker left them: with .symtab, before strip and debugedit. */
static struct json_object *link_json(const struct capture_link *link)
{
    struct json_object *object = json_object_new_object();

    sc_json_add_string(object, "elf", link->copy);
    sc_json_add_string(object, "map", link->map);
    return object;
}

static struct json_object *strings_json(const struct string_list *list)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < list->count; i++)
        json_object_array_add(array, json_object_new_string(list->items[i]));
    return array;
}

/* A name for people: the object's path below the source directory. */
static char *unit_name(const struct build *build, const struct capture_unit *unit)
{
    cleanup_free char *path = capture_path(unit->cwd, *unit->object ? unit->object : unit->source);
    cleanup_free char *source = capture_path(build->workspace->build, build->source_directory);
    size_t length = strlen(source);

    if (strncmp(path, source, length) == 0 && path[length] == '/')
        return sc_format("%s", path + length + 1);
    return sc_format("%s", path);
}

/* One object pair; null on one side for a unit that the patch brings or takes away. */
static struct json_object *unit_json(const struct build *build, const struct build_unit *unit)
{
    const struct capture_unit *one = unit->patched ? unit->patched : unit->reference;
    cleanup_free char *name = unit_name(build, one);
    cleanup_free char *reference = build_object_path(build, TREE_REFERENCE, unit->reference);
    cleanup_free char *patched = build_object_path(build, TREE_PATCHED, unit->patched);
    cleanup_free char *unkept = build_object_path(build, TREE_UNKEPT, unit->patched);
    struct json_object *object = json_object_new_object();

    sc_json_add_string(object, "name", name);
    sc_json_add_string(object, "source", one->source);
    sc_json_add_string(object, "tu", one->id);
    json_object_object_add(object, "inputs", strings_json(&unit->inputs));
    sc_json_add_string(object, "reference", reference);
    sc_json_add_string(object, "patched", patched);
    if (unkept && sc_file_exists(unkept))
        sc_json_add_string(object, "unkept", unkept);
    return object;
}

/* The one object that LTO makes of a whole link, in place of those of its units. */
static struct json_object *lto_json(const struct build *build, const struct build_target *target)
{
    cleanup_free char *name = sc_format("%s (LTO)", target->path);
    cleanup_free char *reference = build_link_object_path(build, TREE_REFERENCE, target->reference);
    cleanup_free char *patched = build_link_object_path(build, TREE_PATCHED, target->patched);
    struct json_object *object = json_object_new_object();

    sc_json_add_string(object, "name", name);
    sc_json_add_string(object, "source", target->path);
    sc_json_add_string(object, "tu", target->patched->id);
    json_object_object_add(object, "lto", json_object_new_boolean(true));
    json_object_object_add(object, "inputs", strings_json(&target->lto_inputs));
    sc_json_add_string(object, "reference", reference);
    sc_json_add_string(object, "patched", patched);
    return object;
}

static struct json_object *units_json(const struct build *build, const struct build_target *target)
{
    struct json_object *array = json_object_new_array();

    if (target->lto)
        json_object_array_add(array, lto_json(build, target));
    for (size_t i = 0; i < target->unit_count; i++)
        if (!target->units[i].types)
            json_object_array_add(array, unit_json(build, &target->units[i]));
    return array;
}

/* The units behind the LTO object, for the layouts of their types. */
static struct json_object *types_json(const struct build *build, const struct build_target *target)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; i < target->unit_count; i++) {
        const struct build_unit *unit = &target->units[i];
        cleanup_free char *name = NULL, *reference = NULL, *patched = NULL;
        struct json_object *object;

        if (!unit->types || !unit->reference || !unit->patched)
            continue;
        name = unit_name(build, unit->patched);
        reference = build_types_path(build, TREE_REFERENCE, unit->reference);
        patched = build_types_path(build, TREE_PATCHED, unit->patched);
        object = json_object_new_object();
        sc_json_add_string(object, "name", name);
        sc_json_add_string(object, "reference", reference);
        sc_json_add_string(object, "patched", patched);
        json_object_array_add(array, object);
    }
    return array;
}

/*
 * The identity (build-id) is that of the shipped file, the digest that of our own: the runtime
 * compares the digest with the file that it finds, which closes the circle.
 */
static struct json_object *job_json(const struct build *build, const struct build_target *target,
                                    const char *uuid, const char *report)
{
    struct json_object *job = json_object_new_object();
    cleanup_free char *root = capture_path(build->workspace->build, build->source_directory);

    sc_json_add_u64(job, "version", 1);
    sc_json_add_string(job, "arch", build->options.arch);
    sc_json_add_string(job, "target_elf", target->path);
    sc_json_add_string(job, "uuid", uuid);
    sc_json_add_string(job, "build_id", target->faithful.build_id);
    sc_json_add_string(job, "target_digest", target->faithful.own_digest);
    json_object_object_add(job, "reference", link_json(target->reference));
    json_object_object_add(job, "patched", link_json(target->patched));
    json_object_object_add(job, "objects", units_json(build, target));
    if (target->lto)
        json_object_object_add(job, "types", types_json(build, target));
    sc_json_add_string(job, "source_root", root);
    json_object_object_add(job, "sources", json_object_get(build->sources));
    if (build->options.no_entry_jumps)
        json_object_object_add(job, "no_entry_jumps", json_object_new_boolean(true));
    sc_json_add_string(job, "ld", "/usr/bin/ld");
    sc_json_add_string(job, "output", target->object);
    sc_json_add_string(job, "report", report);
    return job;
}

/* --- the differ's answer --------------------------------------------------------------------- */

/* Takes over the refusals of a report; a report that refuses without a reason is an error. */
static int take_refusals(struct build *build, struct build_target *target, struct sc_error **err)
{
    struct json_object *refusals = sc_json_array(target->report, "refusals", err);
    size_t count = refusals ? json_object_array_length(refusals) : 0;

    if (!count)
        return sc_error_set(err, SC_FAILED, "syscare-diff refused %s and did not say why",
                            target->path);
    for (size_t i = 0; i < count; i++) {
        struct json_object *one = json_object_array_get_idx(refusals, i);
        const char *code = sc_json_string(one, "code", err);
        const char *message = code ? sc_json_string(one, "message", err) : NULL;

        if (!message)
            return -1;
        build_refuse(build, target->path, code, sc_json_string_optional(one, "function", NULL),
                     sc_json_string_optional(one, "object", NULL),
                     sc_json_string_optional(one, "source", NULL), message,
                     sc_json_string_optional(one, "advice", NULL));
    }
    return 0;
}

/*
 * Exit status and report must agree: a report that is missing is an error, not "nothing changed".
 */
static int take_answer(struct build *build, struct build_target *target, const char *report,
                       int status, struct sc_error **err)
{
    target->report = sc_json_read(report, err);
    if (!target->report)
        return -1;
    if (status == DIFF_REFUSED)
        return take_refusals(build, target, err);
    if (status == DIFF_NOTHING) {
        target->changed = false;
        return 0;
    }
    if (!sc_json_array(target->report, "functions", err) || !sc_file_exists(target->object))
        return sc_error_set(err, SC_FAILED, "syscare-diff left no result for %s", target->path);
    return 0;
}

/*
 * Everything of one target goes into a directory of its own, so that a kept workspace can be read.
 */
static int run_differ(struct build *build, struct build_target *target, size_t number,
                      const char *uuid, struct sc_error **err)
{
    cleanup_free char *tool = tool_path("syscare-diff");
    cleanup_free char *directory = sc_format("%s/diff/%zu", build->workspace->root, number);
    cleanup_free char *path = sc_format("%s/job.json", directory);
    cleanup_free char *report = sc_format("%s/report.json", directory);
    cleanup_json struct json_object *job = NULL;
    const char *argv[] = {tool, path, NULL};
    struct sc_run how = {.argv = argv, .log = build->workspace->log};
    int status;

    if (sc_dir_make(directory, 0755, err) < 0)
        return -1;
    target->object = sc_format("%s/patch", directory);
    job = job_json(build, target, uuid, report);
    if (sc_json_write(path, job, err) < 0)
        return -1;
    status = sc_run(&how, err);
    if (status < 0)
        return -1;
    if (status != DIFF_OK && status != DIFF_REFUSED && status != DIFF_NOTHING)
        return sc_error_set(err, SC_FAILED,
                            "%s: the comparison failed (syscare-diff ended with %d)", target->path,
                            status);
    return take_answer(build, target, report, status, err);
}

/*
 * All targets are compared before a refusal ends the build, so that the user sees every reason at
 * once. A patch for only some of the files that a fix changes would be half a fix: none is made.
 */
int build_diff(struct build *build, struct sc_error **err)
{
    bool changed = false;

    if (build_begin_info(build, err) < 0)
        return -1;
    build->sources = build_sources_json(build, err);
    if (!build->sources)
        return -1;
    for (size_t i = 0; i < build->target_count; i++) {
        struct build_target *target = &build->targets[i];
        char uuid[SC_UUID_SIZE];

        if (!target->changed)
            continue;
        patch_entity_uuid(build->info->uuid, target->path, uuid);
        if (run_differ(build, target, i, uuid, err) < 0)
            return -1;
        changed |= target->changed;
    }
    if (build_refused(build, err) < 0)
        return -1;
    return changed ? 0
                   : sc_error_set(err, SC_NOTHING,
                                  "nothing to patch: no function differs with the patch");
}

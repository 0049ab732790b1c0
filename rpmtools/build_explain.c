// SPDX-License-Identifier: GPL-2.0-or-later
// Collects what explains a patch: the lines that it edits, and what kept line numbers spare.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "rpmtools/source_edits.h"

#include <string.h>
#include <sys/stat.h>

#define SOURCE_MAX (64u << 20) /* bytes: generated tables; nobody writes such a file */

/* Where a file of the source is when a tree is shown: as the compiler sees it. */
static char *shown_path(const struct build *build, const char *name)
{
    cleanup_free char *joined = sc_format("%s/%s", build->source_directory, name);

    return capture_path(build->workspace->build, joined);
}

/* A file of one tree; *data stays NULL when the tree does not have it. */
static int read_source(const char *directory, const char *name, char **data, size_t *size,
                       struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s/%s", directory, name);

    *size = 0;
    return sc_file_exists(path) ? sc_file_read(path, SOURCE_MAX, data, size, err) : 0;
}

static int add_source(struct build *build, const char *original, const char *patched,
                      const char *name, struct json_object *sources, struct sc_error **err)
{
    cleanup_free char *path = shown_path(build, name);
    bool kept = string_list_has(&build->changes.kept, name);
    cleanup_free char *old = NULL;
    cleanup_free char *text = NULL;
    struct json_object *json;
    size_t old_size, size;

    if (read_source(original, name, &old, &old_size, err) < 0 ||
        read_source(patched, name, &text, &size, err) < 0)
        return -1;
    json = text ? source_edits(old, old_size, text, size, kept) : NULL;
    if (!json)
        return 0; /* nothing is known of its lines: then nothing is said about them */
    sc_json_add_string(json, "path", path);
    sc_json_add_string(json, "name", name);
    json_object_array_add(sources, json);
    return 0;
}

/*
 * R's file may not be the one that %prep left (%build may write it), but P lies on the same tree.
 */
struct json_object *build_sources_json(struct build *build, struct sc_error **err)
{
    cleanup_free char *view = workspace_tree_view(build->workspace, TREE_PATCHED, err);
    cleanup_free char *patched = view ? sc_format("%s/%s", view, build->source_directory) : NULL;
    cleanup_free char *original = sc_format("%s/%s", build->base_view, build->source_directory);
    cleanup_json struct json_object *sources = json_object_new_array();

    if (!patched)
        return NULL;
    for (size_t i = 0; i < build->changes.changed.count; i++) {
        const char *name = build->changes.changed.items[i];
        enum change_kind kind = build_change_kind(name);

        if (kind != CHANGE_SOURCE && kind != CHANGE_OTHER)
            continue;
        if (add_source(build, original, patched, name, sources, err) < 0)
            return NULL;
    }
    return steal_pointer(&sources);
}

bool build_unit_is_kept(const struct build *build, const struct capture_unit *unit)
{
    for (size_t i = 0; i < build->changes.kept.count; i++) {
        cleanup_free char *path = shown_path(build, build->changes.kept.items[i]);

        if (string_list_has(&unit->deps, path))
            return true;
    }
    return false;
}

int build_strip_kept(const struct build *build, struct sc_error **err)
{
    for (size_t i = 0; i < build->changes.kept.count; i++) {
        cleanup_free char *path = shown_path(build, build->changes.kept.items[i]);
        cleanup_free char *text = NULL;
        cleanup_free char *stripped = NULL;
        size_t size, left;
        struct stat st;

        if (sc_file_read(path, SOURCE_MAX, &text, &size, err) < 0)
            return -1;
        if (stat(path, &st) < 0)
            return sc_error_errno(err, "cannot stat %s", path);
        stripped = source_strip_kept(text, size, &left);
        if (sc_file_replace(path, stripped, left, st.st_mode & 07777, err) < 0)
            return -1;
    }
    return 0;
}

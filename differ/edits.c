// SPDX-License-Identifier: GPL-2.0-or-later
// Reads which source lines the patch edits.
#include "differ/edits.h"

#include "lib/json_util.h"

#include <stdlib.h>
#include <string.h>

/* One number of an array, at most what a line number can be. */
static bool take_number(struct json_object *array, size_t index, uint32_t *value)
{
    struct json_object *item = json_object_array_get_idx(array, index);
    int64_t number;

    if (!json_object_is_type(item, json_type_int))
        return false;
    number = json_object_get_int64(item);
    *value = (uint32_t)number;
    return number >= 0 && number <= INT32_MAX;
}

/* "lines": [first, count, real, edited]; "removed" has no fourth number. */
static int read_runs(struct pool *pool, struct json_object *file, const char *member, bool four,
                     struct edit_run **runs, size_t *count, struct sc_error **err)
{
    struct json_object *array = sc_json_array(file, member, err);

    if (!array)
        return -1;
    *count = json_object_array_length(array);
    *runs = pool_alloc(pool, (*count + 1) * sizeof(**runs));
    for (size_t i = 0; i < *count; i++) {
        struct json_object *run = json_object_array_get_idx(array, i);
        struct edit_run *to = &(*runs)[i];
        uint32_t edited = 0;

        if (!json_object_is_type(run, json_type_array) ||
            json_object_array_length(run) != (four ? 4 : 3) || !take_number(run, 0, &to->first) ||
            !take_number(run, 1, &to->count) || !take_number(run, 2, &to->real) ||
            (four && !take_number(run, 3, &edited)))
            return sc_error_set(err, SC_FAILED, "'%s' holds something that is no run of lines",
                                member);
        to->edited = edited != 0;
    }
    return 0;
}

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct edit_file *)a)->path, ((const struct edit_file *)b)->path);
}

static int read_file(struct pool *pool, struct json_object *json, struct edit_file *file,
                     struct sc_error **err)
{
    const char *path = sc_json_string(json, "path", err);
    const char *name = path ? sc_json_string(json, "name", err) : NULL;

    if (!name)
        return -1;
    file->path = pool_string(pool, path);
    file->name = pool_string(pool, name);
    if (read_runs(pool, json, "lines", true, &file->runs, &file->run_count, err) < 0)
        return -1;
    return read_runs(pool, json, "removed", false, &file->removed, &file->removed_count, err);
}

int edits_read(struct edits *edits, struct pool *pool, struct json_object *job,
               struct sc_error **err)
{
    const char *root = sc_json_string_optional(job, "source_root", NULL);
    struct json_object *sources;
    size_t count;

    edits->root = root ? pool_string(pool, root) : NULL;
    if (!json_object_object_get_ex(job, "sources", &sources))
        return 0;
    sources = sc_json_array(job, "sources", err);
    if (!sources)
        return -1;
    count = json_object_array_length(sources);
    edits->files = pool_alloc(pool, (count + 1) * sizeof(*edits->files));
    for (size_t i = 0; i < count; i++)
        if (read_file(pool, json_object_array_get_idx(sources, i), &edits->files[i], err) < 0)
            return sc_error_wrap(err, "sources[%zu]", i);
    edits->count = count;
    qsort(edits->files, count, sizeof(*edits->files), compare_files);
    return 0;
}

const struct edit_file *edits_find(const struct edits *edits, const char *path)
{
    const struct edit_file wanted = {.path = path};

    if (!edits->count || !path)
        return NULL;
    return bsearch(&wanted, edits->files, edits->count, sizeof(wanted), compare_files);
}

static const struct edit_run *find_run(const struct edit_run *runs, size_t count, uint32_t line)
{
    for (size_t i = 0; i < count; i++)
        if (line - runs[i].first < runs[i].count)
            return &runs[i];
    return NULL;
}

uint32_t edits_line(const struct edit_file *file, uint32_t line, bool *edited)
{
    const struct edit_run *run = file ? find_run(file->runs, file->run_count, line) : NULL;

    *edited = run && run->edited;
    return run ? run->real + (line - run->first) : line;
}

uint32_t edits_old_line(const struct edit_file *file, uint32_t line, bool *edited)
{
    const struct edit_run *run = file ? find_run(file->removed, file->removed_count, line) : NULL;

    *edited = run != NULL;
    return run ? run->real : line;
}

const char *edits_place(const struct edits *edits, struct pool *pool, const char *path,
                        uint32_t line)
{
    const struct edit_file *file = edits_find(edits, path);
    size_t length = edits->root ? strlen(edits->root) : 0;

    if (file)
        path = file->name;
    else if (length && strncmp(path, edits->root, length) == 0 && path[length] == '/')
        path += length + 1;
    return pool_format(pool, "%s:%u", path, (unsigned int)line);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the records that the shims and the plugin left in a capture directory.
#include "rpmtools/capture.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"

#include <ctype.h>
#include <string.h>

/* Ids become file names: only what the shims make is taken. */
static bool is_id(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length <= 64 && strspn(text, "0123456789abcdef-") == length;
}

/*
 * Symbolic links are not followed: the same path must come out for R and P, whose trees are at the
 * same place one after the other, and a file may be gone by now.
 */
char *capture_path(const char *cwd, const char *path)
{
    cleanup_free char *joined =
        *path == '/' ? sc_format("%s", path) : sc_format("%s/%s", cwd, path);
    char *result = malloc(strlen(joined) + 2), *end = result, *rest = NULL;

    if (!result)
        abort();
    *end = '\0';
    for (char *part = strtok_r(joined, "/", &rest); part; part = strtok_r(NULL, "/", &rest)) {
        if (strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            while (end > result && *--end != '/')
                continue;
            *end = '\0';
            continue;
        }
        *end++ = '/';
        end = stpcpy(end, part);
    }
    if (end == result)
        strcpy(result, "/");
    return result;
}

/* Copies a member; "" when optional and missing. */
static int copy_member(struct json_object *record, const char *name, bool optional, char **to,
                       struct sc_error **err)
{
    const char *text =
        optional ? sc_json_string_optional(record, name, "") : sc_json_string(record, name, err);

    if (!text)
        return -1;
    *to = sc_format("%s", text);
    return 0;
}

static bool is_true(struct json_object *record, const char *name)
{
    struct json_object *value = NULL;

    return json_object_object_get_ex(record, name, &value) && json_object_get_boolean(value);
}

/* A record of a newer version may mean something else: better no patch than a wrong one. */
static int check_version(struct json_object *record, struct sc_error **err)
{
    uint64_t version;

    if (sc_json_u64(record, "version", &version, err) < 0)
        return -1;
    if (version != 1)
        return sc_error_set(err, SC_FAILED, "record of version %llu, which is not known",
                            (unsigned long long)version);
    return 0;
}

/* Appends the strings of an array member. */
static int add_strings(struct json_object *record, const char *name, struct string_list *list,
                       struct sc_error **err)
{
    struct json_object *array = sc_json_array(record, name, err);

    if (!array)
        return -1;
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        struct json_object *item = json_object_array_get_idx(array, i);

        if (!json_object_is_type(item, json_type_string))
            return sc_error_set(err, SC_FAILED, "'%s' must hold strings", name);
        string_list_add(list, json_object_get_string(item));
    }
    return 0;
}

/* Names in angle brackets are the compiler's own buffers, not files. */
static void add_dependency(struct capture_unit *unit, const char *path)
{
    cleanup_free char *absolute = NULL;

    if (*path == '<' || !*path) /* "<stdin>", "<built-in>" */
        return;
    absolute = capture_path(unit->cwd, path);
    string_list_add(&unit->deps, absolute);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, because each of some thousand headers is looked for in each of some hundred units. */
static int read_dependencies(struct capture_unit *unit, struct json_object *record,
                             struct sc_error **err)
{
    cleanup_strings struct string_list deps = {0};

    if (add_strings(record, "deps", &deps, err) < 0)
        return -1;
    add_dependency(unit, unit->source);
    for (size_t i = 0; i < deps.count; i++)
        add_dependency(unit, deps.items[i]);
    if (unit->deps.count)
        qsort(unit->deps.items, unit->deps.count, sizeof(char *), compare_strings);
    return 0;
}

static int read_unit(struct capture_unit *unit, const char *path, struct sc_error **err)
{
    cleanup_json struct json_object *record = sc_json_read(path, err);

    if (!record)
        return -1;
    if (check_version(record, err) < 0 || copy_member(record, "id", false, &unit->id, err) < 0 ||
        copy_member(record, "kind", false, &unit->kind, err) < 0 ||
        copy_member(record, "source", false, &unit->source, err) < 0 ||
        copy_member(record, "cwd", false, &unit->cwd, err) < 0 ||
        copy_member(record, "object", true, &unit->object, err) < 0 ||
        copy_member(record, "gcc_version", true, &unit->gcc_version, err) < 0 ||
        read_dependencies(unit, record, err) < 0)
        return sc_error_wrap(err, "%s", path);
    if (!is_id(unit->id) || *unit->cwd != '/')
        return sc_error_set(err, SC_FAILED, "%s: bad id or directory", path);
    unit->lto = is_true(record, "lto");
    return 0;
}

/* The directory holds one file a unit; temporary files of the shims are passed over. */
static int visit_unit(const char *path, const char *relative, void *data, struct sc_error **err)
{
    struct capture *capture = data;
    size_t length = strlen(relative);

    if (length < 5 || strcmp(relative + length - 5, ".json") != 0)
        return 0;
    capture->units = reallocarray(capture->units, capture->unit_count + 1, sizeof(*capture->units));
    if (!capture->units)
        abort();
    memset(&capture->units[capture->unit_count], 0, sizeof(*capture->units));
    return read_unit(&capture->units[capture->unit_count++], path, err);
}

static int compare_units(const void *a, const void *b)
{
    return strcmp(((const struct capture_unit *)a)->id, ((const struct capture_unit *)b)->id);
}

static int read_units(struct capture *capture, struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s/tu", capture->directory);

    if (!sc_file_exists(path))
        return 0;
    if (sc_tree_walk(path, visit_unit, capture, err) < 0)
        return -1;
    if (capture->unit_count)
        qsort(capture->units, capture->unit_count, sizeof(*capture->units), compare_units);
    return 0;
}

struct capture_unit *capture_unit_find(const struct capture *capture, const char *id)
{
    struct capture_unit key = {.id = (char *)id};

    if (!capture->unit_count)
        return NULL;
    return bsearch(&key, capture->units, capture->unit_count, sizeof(key), compare_units);
}

/* Calls read for each line of a .jsonl file of the capture; a missing file has none. */
static int read_lines(struct capture *capture, const char *name,
                      int (*read)(struct capture *, struct json_object *, struct sc_error **),
                      struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s/%s", capture->directory, name);
    cleanup_free char *text = NULL;
    size_t size, number = 0;

    if (!sc_file_exists(path))
        return 0;
    if (sc_file_read(path, SC_JSON_MAX, &text, &size, err) < 0)
        return -1;
    for (char *line = text, *end; line < text + size; line = end + 1) {
        cleanup_json struct json_object *record = NULL;

        end = memchr(line, '\n', (size_t)(text + size - line));
        if (!end)
            end = text + size;
        number++;
        if (end == line)
            continue;
        record = sc_json_parse(line, (size_t)(end - line), err);
        if (!record || check_version(record, err) < 0 || read(capture, record, err) < 0)
            return sc_error_wrap(err, "%s line %zu", path, number);
    }
    return 0;
}

/* Lines may come in any order: compilers ran in parallel. */
static int read_compile(struct capture *capture, struct json_object *record, struct sc_error **err)
{
    const char *id = sc_json_string(record, "tu", err);
    struct capture_unit *unit = id ? capture_unit_find(capture, id) : NULL;

    if (unit) /* else it never got into a link: the noise of configure */
        unit->compiled = true;
    return id ? 0 : -1;
}

static int read_input(struct capture_input *input, struct json_object *record,
                      struct sc_error **err)
{
    if (copy_member(record, "name", false, &input->name, err) < 0)
        return -1;
    return add_strings(record, "tus", &input->tus, err);
}

static int read_inputs(struct capture_link *link, struct json_object *record, struct sc_error **err)
{
    struct json_object *array = sc_json_array(record, "inputs", err);
    size_t count = array ? json_object_array_length(array) : 0;

    if (!array)
        return -1;
    link->inputs = calloc(count + 1, sizeof(*link->inputs));
    if (!link->inputs)
        abort();
    for (; link->input_count < count; link->input_count++)
        if (read_input(&link->inputs[link->input_count],
                       json_object_array_get_idx(array, link->input_count), err) < 0) {
            link->input_count++;
            return -1;
        }
    return 0;
}

/* "<base>-2" and so on is the second link of the same output in one capture. */
static char *base_of(const char *id)
{
    return sc_format("%.*s", (int)strcspn(id, "-"), id);
}

static int read_files(const struct capture *capture, struct capture_link *link,
                      struct json_object *record, struct sc_error **err)
{
    cleanup_free char *cwd = NULL, *output = NULL, *map = NULL, *copy = NULL;

    if (copy_member(record, "cwd", false, &cwd, err) < 0 ||
        copy_member(record, "output", false, &output, err) < 0 ||
        copy_member(record, "map", true, &map, err) < 0 ||
        copy_member(record, "copy", true, &copy, err) < 0)
        return -1;
    link->output = capture_path(cwd, output);
    link->map = capture_path(capture->directory, map);
    link->copy = capture_path(capture->directory, copy);
    return 0;
}

/* Every line counts for the order, also those of links that are not looked at. */
static int read_link(struct capture *capture, struct json_object *record, struct sc_error **err)
{
    struct capture_link *link;
    uint64_t status = 0;
    const char *kind;

    if (sc_json_u64(record, "status", &status, err) < 0)
        return -1;
    capture->links = reallocarray(capture->links, capture->link_count + 1, sizeof(*capture->links));
    if (!capture->links)
        abort();
    link = &capture->links[capture->link_count];
    memset(link, 0, sizeof(*link));
    link->order = capture->link_count++;
    kind = sc_json_string(record, "kind", err);
    if (!kind || copy_member(record, "id", false, &link->id, err) < 0 ||
        read_files(capture, link, record, err) < 0 || read_inputs(link, record, err) < 0)
        return -1;
    if (!is_id(link->id))
        return sc_error_set(err, SC_FAILED, "bad link id");
    link->base = base_of(link->id);
    link->final = status == 0 && strcmp(kind, "relocatable") != 0;
    link->lto = is_true(record, "lto");
    return 0;
}

/* Its words are kept as paths: a changed file among them is a file that it compiled. */
static int read_stranger(struct capture *capture, struct json_object *record, struct sc_error **err)
{
    cleanup_strings struct string_list words = {0};
    cleanup_free char *cwd = NULL;
    struct capture_stranger *stranger;

    capture->strangers =
        reallocarray(capture->strangers, capture->stranger_count + 1, sizeof(*capture->strangers));
    if (!capture->strangers)
        abort();
    stranger = &capture->strangers[capture->stranger_count++];
    memset(stranger, 0, sizeof(*stranger));
    if (copy_member(record, "tool", true, &stranger->tool, err) < 0 ||
        copy_member(record, "reason", true, &stranger->reason, err) < 0 ||
        copy_member(record, "cwd", false, &cwd, err) < 0 ||
        add_strings(record, "argv", &words, err) < 0)
        return -1;
    for (size_t i = 0; i < words.count; i++) {
        cleanup_free char *path = capture_path(cwd, words.items[i]);

        string_list_add(&stranger->files, path);
    }
    return 0;
}

/* Units before compiles, because the latter mark the former. */
struct capture *capture_read(const char *directory, struct sc_error **err)
{
    struct capture *capture = calloc(1, sizeof(*capture));

    if (!capture)
        abort();
    capture->directory = sc_format("%s", directory);
    if (read_units(capture, err) == 0 &&
        read_lines(capture, "compiles.jsonl", read_compile, err) == 0 &&
        read_lines(capture, "links.jsonl", read_link, err) == 0 &&
        read_lines(capture, "uncaptured.jsonl", read_stranger, err) == 0)
        return capture;
    sc_error_wrap(err, "capture");
    capture_free(capture);
    return NULL;
}

/* Backwards: a later link of the same output replaced the earlier one. */
struct capture_link *capture_link_last(const struct capture *capture, const char *base)
{
    for (size_t i = capture->link_count; i > 0; i--)
        if (capture->links[i - 1].final && strcmp(capture->links[i - 1].base, base) == 0)
            return &capture->links[i - 1];
    return NULL;
}

/* Lines, not records: the capture is still growing, and is parsed when it is complete. */
size_t capture_count_links(const char *directory)
{
    cleanup_free char *path = sc_format("%s/links.jsonl", directory);
    cleanup_file FILE *file = fopen(path, "r");
    size_t count = 0;
    int c;

    while (file && (c = getc_unlocked(file)) != EOF)
        count += c == '\n';
    return count;
}

static void clear_unit(struct capture_unit *unit)
{
    free(unit->id);
    free(unit->kind);
    free(unit->source);
    free(unit->cwd);
    free(unit->object);
    free(unit->gcc_version);
    string_list_clear(&unit->deps);
}

static void clear_link(struct capture_link *link)
{
    for (size_t i = 0; i < link->input_count; i++) {
        free(link->inputs[i].name);
        string_list_clear(&link->inputs[i].tus);
    }
    free(link->inputs);
    free(link->id);
    free(link->base);
    free(link->output);
    free(link->map);
    free(link->copy);
}

void capture_free(struct capture *capture)
{
    if (!capture)
        return;
    for (size_t i = 0; i < capture->unit_count; i++)
        clear_unit(&capture->units[i]);
    for (size_t i = 0; i < capture->link_count; i++)
        clear_link(&capture->links[i]);
    for (size_t i = 0; i < capture->stranger_count; i++) {
        free(capture->strangers[i].tool);
        free(capture->strangers[i].reason);
        string_list_clear(&capture->strangers[i].files);
    }
    free(capture->units);
    free(capture->links);
    free(capture->strangers);
    free(capture->directory);
    free(capture);
}

void capture_cleanup(struct capture **capture)
{
    capture_free(*capture);
}

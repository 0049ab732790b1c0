// SPDX-License-Identifier: GPL-2.0-or-later
// Runs one recorded link with link-time optimisation again, for the object that it makes.
//
// The linker plugin calls lto-wrapper, that calls GCC, and GCC finds our shims: lto1's loads the
// plugin in replay mode, that of as keeps the object. All temporary files go to one directory
// beside the output.
#include "wrappers/replay_link.h"

#include "lib/build_note.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "lib/run.h"
#include "wrappers/layout.h"
#include "wrappers/response_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Everything about one replay of a link. */
struct link {
    const struct replay *replay;
    struct json_object *record;
    const char *cwd;
    char *scratch; /* directory for temporary files: also TMPDIR of all that runs */
    char *kept;    /* directory in which the as shim keeps objects */
};

/* The link's record; NULL with err set. */
static struct json_object *record_find(const struct replay *replay, struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s/" CAPTURE_LINKS, replay->capture);
    cleanup_file FILE *file = fopen(path, "re");
    cleanup_free char *line = NULL;
    size_t room = 0;
    ssize_t size;

    if (!file) {
        sc_error_errno(err, "cannot open %s", path);
        return NULL;
    }
    while ((size = getline(&line, &room, file)) >= 0) {
        struct json_object *record = sc_json_parse(line, (size_t)size, NULL);

        if (strcmp(sc_json_string_optional(record, "id", ""), replay->id) == 0)
            return record;
        json_object_put(record);
    }
    sc_error_set(err, SC_FAILED, "%s has no link %s", path, replay->id);
    return NULL;
}

/* One argument of the linker as the replay gives it; malloc'd. What it would write goes to scratch.
 */
static char *argument_replace(const struct link *link, const char *argument)
{
    if (strncmp(argument, "-plugin-opt=-fresolution=", 25) == 0)
        return sc_format("-plugin-opt=-fresolution=%s/resolution", link->scratch);
    return sc_format("%s", argument);
}

/* Options of ld that write files of their own, with their argument apart or behind '='. */
static int skipped_words(const char *word)
{
    static const char *const names[] = {
        "-Map",         "--Map", "--dependency-file", "-dependency-file",
        "--out-implib", "-o",    "--output",          NULL};

    for (size_t i = 0; names[i]; i++) {
        size_t size = strlen(names[i]);

        if (strcmp(word, names[i]) == 0)
            return 2;
        if (strncmp(word, names[i], size) == 0 && word[size] == '=')
            return 1;
    }
    if (strncmp(word, "-o", 2) == 0)
        return 1;
    return strcmp(word, "-M") == 0 || strcmp(word, "--print-map") == 0;
}

/* The linker's arguments with output and other files in scratch; NULL with err set. Freed by
 * argv_free. */
static char **arguments_make(const struct link *link, struct sc_error **err)
{
    struct json_object *recorded = sc_json_array(link->record, "argv", err);
    size_t count = recorded ? json_object_array_length(recorded) : 0;
    char **argv = recorded ? calloc(count + 3, sizeof(*argv)) : NULL;
    size_t made = 0;

    if (!recorded)
        return NULL;
    if (!argv)
        abort();
    for (size_t i = 0; i < count; i++) {
        const char *word = json_object_get_string(json_object_array_get_idx(recorded, i));
        int skip = word && i ? skipped_words(word) : 0;

        if (skip)
            i += (size_t)skip - 1;
        else if (word)
            argv[made++] = argument_replace(link, word);
    }
    argv[made++] = sc_format("-o");
    argv[made++] = sc_format("%s/output", link->scratch);
    return argv;
}

/* One word as COLLECT_GCC_OPTIONS has it: in single quotes, and a quote inside as '\''. */
static char *word_quote(char *options, const char *word)
{
    char *text = sc_format("%s '", options);

    free(options);
    for (; *word; word++) {
        char *longer = *word == '\'' ? sc_format("%s'\\''", text) : sc_format("%s%c", text, *word);

        free(text);
        text = longer;
    }
    options = sc_format("%s'", text);
    free(text);
    return options;
}

/* COLLECT_GCC_OPTIONS with ours behind: lto-wrapper hands it to GCC. */
static char *collect_options(const struct link *link, const char *recorded)
{
    char *options = sc_format("%s", recorded);

    for (char *const *extra = link->replay->extra; *extra; extra++)
        options = word_quote(options, *extra);
    return options;
}

/* The environment, as assignments that argv_free frees; NULL with err set. */
static char **environment_make(const struct link *link, struct sc_error **err)
{
    struct json_object *env = sc_json_object(link->record, "env", err);
    const char *collect = env ? sc_json_string(env, "COLLECT_GCC_OPTIONS", err) : NULL;
    const char *gcc = collect ? sc_json_string(env, "COLLECT_GCC", err) : NULL;
    const char *date = env ? sc_json_string_optional(env, "SOURCE_DATE_EPOCH", NULL) : NULL;
    cleanup_free char *options = NULL;
    char **list;
    size_t n = 0;

    if (!gcc)
        return NULL;
    options = collect_options(link, collect);
    list = calloc(16, sizeof(*list));
    if (!list)
        abort();
    list[n++] = sc_format("COLLECT_GCC=%s", gcc);
    list[n++] = sc_format("COLLECT_GCC_OPTIONS=%s", options);
    list[n++] = sc_format("COLLECT_LTO_WRAPPER=%s",
                          sc_json_string_optional(env, "COLLECT_LTO_WRAPPER", ""));
    /* our shims first, also where the capture has been moved since */
    list[n++] = sc_format("COMPILER_PATH=%s/" CAPTURE_SHIMS ":%s", link->replay->capture,
                          sc_json_string_optional(env, "COMPILER_PATH", ""));
    list[n++] = sc_format("LIBRARY_PATH=%s", sc_json_string_optional(env, "LIBRARY_PATH", ""));
    list[n++] = sc_format(SC_ENV_CAPTURE "=%s", link->replay->capture);
    list[n++] = sc_format(SC_ENV_REPLAY "=1");
    list[n++] = sc_format(CAPTURE_ENV_LTRANS "=%s", link->kept);
    list[n++] = sc_format("TMPDIR=%s", link->scratch);
    list[n++] = sc_format("PWD=%s", link->cwd);
    list[n++] = date ? sc_format("SOURCE_DATE_EPOCH=%s", date) : sc_format("SOURCE_DATE_EPOCH");
    return list;
}

/*
 * The number in "cc2YQIjP.ltrans12.ltrans.o"; 0 for "x.lto.o", the only object of a link without
 * partitions.
 */
static unsigned long partition_number(const char *name)
{
    static const char mark[] = ".ltrans";
    const char *at = strstr(name, mark);

    return at ? strtoul(at + strlen(mark), NULL, 10) : 0;
}

static int compare_partitions(const struct dirent **a, const struct dirent **b)
{
    unsigned long x = partition_number((*a)->d_name), y = partition_number((*b)->d_name);

    return x < y ? -1 : x > y;
}

static int is_object(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/*
 * Joins the objects of all partitions, in their order, into one with every section still apart: a
 * patch may move a function from one partition to another. The linker keeps the file symbol of each
 * before its local symbols, which tells later where one comes from.
 */
static int objects_join(const struct link *link, struct dirent **entries, int count,
                        struct sc_error **err)
{
    const char *tool = sc_json_string(link->record, "tool", err);
    cleanup_argv char **argv = calloc((size_t)count + 6, sizeof(*argv));
    struct sc_run run = {.argv = (const char *const *)argv, .directory = link->kept};
    size_t made = 0;
    int status;

    if (!argv)
        abort();
    if (!tool)
        return -1;
    argv[made++] = sc_format("%s", tool);
    argv[made++] = sc_format("-r");
    argv[made++] = sc_format("--unique");
    argv[made++] = sc_format("-o");
    argv[made++] = sc_format("%s", link->replay->output);
    for (int i = 0; i < count; i++)
        argv[made++] = sc_format("%s", entries[i]->d_name);
    status = sc_run(&run, err);
    if (status > 0)
        return sc_error_set(err, SC_FAILED,
                            "cannot join the %d objects that LTO made: %s -r failed", count, tool);
    return status;
}

/* Makes the output of the objects that were kept. */
static int objects_take(const struct link *link, struct sc_error **err)
{
    struct dirent **entries = NULL;
    int count = scandir(link->kept, &entries, is_object, compare_partitions);
    int result;

    if (count < 0)
        return sc_error_errno(err, "cannot list %s", link->kept);
    if (count == 0)
        result = sc_error_set(err, SC_FAILED, "the link made no object of its LTO inputs");
    else if (count == 1) {
        cleanup_free char *only = sc_format("%s/%s", link->kept, entries[0]->d_name);

        result = sc_file_copy(only, link->replay->output, err);
    } else
        result = objects_join(link, entries, count, err);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return result;
}

/* Runs the linker in the prepared directory. */
static int link_run(const struct link *link, struct sc_error **err)
{
    cleanup_argv char **argv = arguments_make(link, err);
    cleanup_argv char **env = argv ? environment_make(link, err) : NULL;
    struct sc_run run = {
        .argv = (const char *const *)argv, .directory = link->cwd, .env = (const char *const *)env};
    int status;

    if (!env)
        return -1;
    status = sc_run(&run, err);
    if (status < 0)
        return -1;
    if (status)
        return sc_error_set(err, SC_FAILED, "the linker failed with status %d", status);
    return objects_take(link, err);
}

/* With the scratch directory, which does not stay. */
static int link_make(struct link *link, struct sc_error **err)
{
    int result = -1;

    link->scratch = sc_format("%s.XXXXXX", link->replay->output);
    if (!mkdtemp(link->scratch))
        return sc_error_errno(err, "cannot create a directory beside %s", link->replay->output);
    link->kept = sc_format("%s/kept", link->scratch);
    if (sc_dir_make(link->kept, 0700, err) == 0)
        result = link_run(link, err);
    if (sc_tree_remove(link->scratch, result == 0 ? err : NULL) < 0)
        result = -1;
    return result;
}

int link_replay(const struct replay *replay, struct sc_error **err)
{
    cleanup_json struct json_object *record = record_find(replay, err);
    struct link link = {.replay = replay, .record = record};
    struct json_object *lto = NULL;
    int result;

    if (!record)
        return -1;
    json_object_object_get_ex(record, "lto", &lto);
    if (!json_object_get_boolean(lto))
        return sc_error_set(err, SC_REFUSED, "link %s is one without link-time optimisation",
                            replay->id);
    link.cwd = sc_json_string(record, "cwd", err);
    if (!link.cwd)
        return -1;
    result = link_make(&link, err);
    if (result < 0)
        sc_error_wrap(err, "link %s (%s in %s)", replay->id,
                      sc_json_string_optional(record, "output", "?"), link.cwd);
    free(link.scratch);
    free(link.kept);
    return result;
}

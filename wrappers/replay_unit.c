// SPDX-License-Identifier: GPL-2.0-or-later
// Runs one recorded compile again, with a section for every function and object.
//
// cc1 and as are run directly, not through the driver: COLLECT_GCC_OPTIONS has neither what -Wp,
// and -Xpreprocessor gave to cc1 (Fedora sets _FORTIFY_SOURCE so) nor what -Wa, gave to as.
#include "wrappers/replay_unit.h"

#include "lib/build_note.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "lib/run.h"
#include "wrappers/layout.h"
#include "wrappers/object_note.h"

#include <errno.h>
#include <string.h>

/* A vector of shared strings under construction. */
struct vector {
    const char **items; /* NULL-terminated */
    size_t count;
    size_t room;
};

static void vector_add(struct vector *vector, const char *item)
{
    if (vector->count + 2 > vector->room) {
        vector->room = vector->room ? 2 * vector->room : 64;
        vector->items = reallocarray(vector->items, vector->room, sizeof(*vector->items));
        if (!vector->items)
            abort();
    }
    vector->items[vector->count++] = item;
    vector->items[vector->count] = NULL;
}

static void vector_cleanup(struct vector *vector)
{
    free(vector->items);
}
#define cleanup_vector __attribute__((cleanup(vector_cleanup)))

/* Options of cc1 by which it writes more than the assembler text; those of the first list take a
 * word. */
static const char *const file_options_two[] = {"-MD", "-MMD", "-MF",       "-MT",
                                               "-MQ", "-o",   "-aux-info", NULL};
static const char *const file_options[] = {"-M",
                                           "-MM",
                                           "-MP",
                                           "-MG",
                                           "-ftest-coverage",
                                           "-fstack-usage",
                                           "-gsplit-dwarf",
                                           "-fprofile-report",
                                           "-fsave-optimization-record",
                                           NULL};
static const char *const file_option_prefixes[] = {"-fdump-", "-fcallgraph-info", "-fopt-info",
                                                   "-save-temps", NULL};

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

static bool begins_with_one_of(const char *word, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (strncmp(word, *prefixes, strlen(*prefixes)) == 0)
            return true;
    return false;
}

/* -d with letters asks for dumps; -dumpbase and its kin only give names. */
static bool is_dump_letters(const char *word)
{
    return strncmp(word, "-d", 2) == 0 && word[2] && strncmp(word, "-dump", 5) != 0;
}

/* Debugging information without types: -g0, -g1 and their kin, under any format. */
static bool is_low_debug_level(const char *word)
{
    size_t length = strlen(word);

    return strncmp(word, "-g", 2) == 0 && length > 2 && strchr("01", word[length - 1]) &&
           strspn(word + 2, "abcdefghijklmnopqrstuvwxyz") == length - 3;
}

/* Debugging information with types: -g, -g3, -ggdb, -gdwarf-4… */
static bool is_debug_level(const char *word)
{
    static const char *const prefixes[] = {"-ggdb", "-gdwarf", "-gstabs", NULL};

    return strcmp(word, "-g") == 0 || strcmp(word, "-g2") == 0 || strcmp(word, "-g3") == 0 ||
           begins_with_one_of(word, prefixes);
}

/* The string at an index of an array from a record; NULL with err set if it is none. */
static const char *array_string(struct json_object *array, size_t index, struct sc_error **err)
{
    struct json_object *item = json_object_array_get_idx(array, index);

    if (!json_object_is_type(item, json_type_string)) {
        sc_error_set(err, SC_FAILED, "the record has an array of something else than strings");
        return NULL;
    }
    return json_object_get_string(item);
}

/*
 * Adds the compiler's recorded options without those that would write further files. Parts of some
 * packages are compiled without -g (Lua in redis); layouts of types are compared all the same, and
 * -g changes no code (GCC's own tests rest on that: -fcompare-debug).
 */
static int compiler_options_add(struct vector *argv, struct json_object *options,
                                struct sc_error **err)
{
    bool debug = false;

    for (size_t i = 0; i < json_object_array_length(options); i++) {
        const char *option = array_string(options, i, err);

        if (!option)
            return -1;
        if (is_one_of(option, file_options_two))
            i++;
        else if (!is_one_of(option, file_options) && !is_dump_letters(option) &&
                 !is_low_debug_level(option) && !begins_with_one_of(option, file_option_prefixes))
            vector_add(argv, option);
        debug |= is_debug_level(option) && !is_low_debug_level(option);
    }
    if (!debug)
        vector_add(argv, "-g");
    return 0;
}

/* Adds all strings of an array. */
static int strings_add(struct vector *argv, struct json_object *strings, struct sc_error **err)
{
    for (size_t i = 0; i < json_object_array_length(strings); i++) {
        const char *text = array_string(strings, i, err);

        if (!text)
            return -1;
        vector_add(argv, text);
    }
    return 0;
}

char *tools_find(const char *capture, const char *target, const char *version,
                 struct sc_error **err)
{
    cleanup_free char *prefix = sc_format("%s", version);
    char *dot;

    if (strchr(target, '/') || strchr(version, '/')) {
        sc_error_set(err, SC_FAILED, "the record names no valid target and version");
        return NULL;
    }
    do {
        cleanup_free char *tools = sc_format("%s/" CAPTURE_TOOLS "/%s/%s", capture, target, prefix);

        if (sc_file_exists(tools))
            return steal_pointer(&tools);
        dot = strrchr(prefix, '.');
        if (dot)
            *dot = '\0';
    } while (dot);
    sc_error_set(err, SC_FAILED, "the capture has no tools of GCC %s for %s", version, target);
    return NULL;
}

/*
 * The environment of the recorded compile: variables that it had are set, those that it did not
 * have are removed. PWD decides which of several names of a directory GCC writes into debug
 * information.
 */
struct environment {
    struct vector assignments;
    char *owned[16]; /* the strings that were made for it */
    size_t owned_count;
};

static void environment_cleanup(struct environment *environment)
{
    for (size_t i = 0; i < environment->owned_count; i++)
        free(environment->owned[i]);
    free(environment->assignments.items);
}
#define cleanup_environment __attribute__((cleanup(environment_cleanup)))

static void environment_set(struct environment *environment, const char *name, const char *value)
{
    char *assignment = sc_format("%s=%s", name, value);

    environment->owned[environment->owned_count++] = assignment;
    vector_add(&environment->assignments, assignment);
}

static int environment_make(struct environment *environment, struct json_object *record,
                            const char *cwd, struct sc_error **err)
{
    static const char *const unset[] = {
        SC_ENV_CAPTURE,        SC_ENV_REPLAY,         "COMPILER_PATH",    "GCC_EXEC_PREFIX",
        "DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES", "GCC_COMPARE_DEBUG"};
    static const char *const recorded[] = {
        "SOURCE_DATE_EPOCH", "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH",
        "OBJC_INCLUDE_PATH", "LANG",  "LC_ALL",         "LC_CTYPE",
        "LC_MESSAGES",       "TZ"};
    struct json_object *env = sc_json_object(record, "env", err);

    if (!env)
        return -1;
    for (size_t i = 0; i < sizeof(unset) / sizeof(unset[0]); i++)
        vector_add(&environment->assignments, unset[i]);
    for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
        const char *value = sc_json_string_optional(env, recorded[i], NULL);

        if (value)
            environment_set(environment, recorded[i], value);
        else
            vector_add(&environment->assignments, recorded[i]);
    }
    environment_set(environment, "PWD", cwd);
    environment_set(environment, "COLLECT_GCC", sc_json_string_optional(record, "collect_gcc", ""));
    environment_set(environment, "COLLECT_GCC_OPTIONS",
                    sc_json_string_optional(record, "collect_gcc_options", ""));
    return 0;
}

/* Everything about one replay. */
struct unit {
    const struct replay *replay;
    struct json_object *record;
    struct environment environment;
    const char *cwd;
    char *tools;
    char *text; /* file between compiler and assembler */
};

/* Runs one of the two programs; its messages go to our standard error. */
static int unit_run(struct unit *unit, const struct vector *argv, const char *what,
                    struct sc_error **err)
{
    struct sc_run run = {
        .argv = argv->items, .directory = unit->cwd, .env = unit->environment.assignments.items};
    int status = sc_run(&run, err);

    if (status < 0)
        return -1;
    if (status)
        return sc_error_set(err, SC_FAILED, "%s failed with status %d", what, status);
    return 0;
}

static int unit_compile(struct unit *unit, struct sc_error **err)
{
    const char *tool = sc_json_string(unit->record, "tool", err);
    struct json_object *options = tool ? sc_json_array(unit->record, "argv", err) : NULL;
    struct json_object *inputs = options ? sc_json_array(unit->record, "input", err) : NULL;
    cleanup_free char *program = NULL, *plugin = NULL, *id = NULL;
    cleanup_vector struct vector argv = {0};

    if (!inputs)
        return -1;
    if (strchr(tool, '/'))
        return sc_error_set(err, SC_FAILED, "the record names no valid compiler");
    program = sc_format("%s/%s", unit->tools, tool);
    plugin = sc_format("-fplugin=%s/" SC_PLUGIN_FILE, unit->tools);
    id = sc_format("-fplugin-arg-" SC_PLUGIN_NAME "-id=%s", unit->replay->id);
    vector_add(&argv, program);
    vector_add(&argv, plugin);
    vector_add(&argv, "-fplugin-arg-" SC_PLUGIN_NAME "-replay");
    vector_add(&argv, id);
    if (compiler_options_add(&argv, options, err) < 0)
        return -1;
    /* types in units of their own are not compared */
    vector_add(&argv, "-fno-debug-types-section");
    for (char *const *extra = unit->replay->extra; *extra; extra++)
        vector_add(&argv, *extra);
    vector_add(&argv, "-o");
    vector_add(&argv, unit->text);
    if (strings_add(&argv, inputs, err) < 0)
        return -1;
    return unit_run(unit, &argv, tool, err);
}

/* The last line of assembles.jsonl for this unit; NULL with err set when there is none. */
static struct json_object *assembly_find(const struct unit *unit, struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s/" CAPTURE_ASSEMBLES, unit->replay->capture);
    cleanup_file FILE *file = fopen(path, "re");
    cleanup_free char *line = NULL;
    struct json_object *found = NULL;
    size_t room = 0;
    ssize_t size;

    while (file && (size = getline(&line, &room, file)) >= 0) {
        struct json_object *value;

        if (!strstr(line, unit->replay->id)) /* parsing all lines would cost more than compiling */
            continue;
        value = sc_json_parse(line, (size_t)size, NULL);
        if (strcmp(sc_json_string_optional(value, "tu", ""), unit->replay->id) == 0) {
            json_object_put(found);
            found = value;
        } else {
            json_object_put(value);
        }
    }
    if (!found)
        sc_error_set(err, SC_FAILED, "%s does not say how the unit was assembled",
                     CAPTURE_ASSEMBLES);
    return found;
}

static int unit_assemble(struct unit *unit, struct sc_error **err)
{
    cleanup_json struct json_object *assembly = assembly_find(unit, err);
    struct json_object *options = assembly ? sc_json_array(assembly, "argv", err) : NULL;
    cleanup_free char *program = sc_format("%s/as", unit->tools);
    cleanup_vector struct vector argv = {0};

    if (!options)
        return -1;
    vector_add(&argv, program);
    if (strings_add(&argv, options, err) < 0)
        return -1;
    vector_add(&argv, "-o");
    vector_add(&argv, unit->replay->output);
    vector_add(&argv, unit->text);
    return unit_run(unit, &argv, "as", err);
}

/* Does the object at path hold the record of this unit? */
static int object_check(const char *path, const char *id, struct sc_error **err)
{
    cleanup_facts struct object_facts facts = {0};

    if (object_facts_read_file(path, &facts, err) < 0)
        return -1;
    for (size_t i = 0; i < json_object_array_length(facts.records); i++)
        if (strcmp(sc_json_string_optional(json_object_array_get_idx(facts.records, i), "id", ""),
                   id) == 0)
            return 0;
    return sc_error_set(err, SC_FAILED, "%s does not hold the record of this unit", path);
}

/* A unit in assembler language: its object, as it lies in the tree. */
static int unit_copy(const struct unit *unit, struct sc_error **err)
{
    const char *object = sc_json_string(unit->record, "object", err);
    cleanup_free char *path = NULL;

    if (!object)
        return -1;
    path = *object == '/' ? sc_format("%s", object) : sc_format("%s/%s", unit->cwd, object);
    if (object_check(path, unit->replay->id, err) < 0)
        return sc_error_wrap(err, "assembler sources cannot be compiled again by function");
    return sc_file_copy(path, unit->replay->output, err);
}

/* Compiler, assembler, and a look at the result. */
static int unit_make(struct unit *unit, struct sc_error **err)
{
    const char *target = sc_json_string(unit->record, "target", err);
    const char *version = target ? sc_json_string(unit->record, "gcc_version", err) : NULL;
    int result;

    if (!version || environment_make(&unit->environment, unit->record, unit->cwd, err) < 0)
        return -1;
    unit->tools = tools_find(unit->replay->capture, target, version, err);
    if (!unit->tools)
        return -1;
    result = unit_compile(unit, err);
    if (result == 0)
        result = unit_assemble(unit, err);
    unlink(unit->text);
    if (result == 0)
        result = object_check(unit->replay->output, unit->replay->id, err);
    return result;
}

/* Reads the record and says whether it can be used. */
static struct json_object *record_read(const struct replay *replay, struct sc_error **err)
{
    cleanup_free char *path = NULL;

    if (!capture_id_valid(replay->id)) {
        sc_error_set(err, SC_USAGE, "'%s' is not the id of a unit", replay->id);
        return NULL;
    }
    path = sc_format("%s/" CAPTURE_UNITS "/%s.json", replay->capture, replay->id);
    return sc_json_read(path, err);
}

int unit_replay(const struct replay *replay, struct sc_error **err)
{
    cleanup_json struct json_object *record = record_read(replay, err);
    const char *kind = record ? sc_json_string(record, "kind", err) : NULL;
    struct unit unit = {.replay = replay, .record = record};
    uint64_t version;
    int result;

    if (!kind || sc_json_u64(record, "version", &version, err) < 0)
        return -1;
    if (version != 1)
        return sc_error_set(err, SC_FAILED, "unit %s: unknown version of the record", replay->id);
    unit.cwd = sc_json_string(record, "cwd", err);
    if (!unit.cwd)
        return -1;
    unit.text = sc_format("%s.s", replay->output);
    result = strcmp(kind, "as") == 0 ? unit_copy(&unit, err) : unit_make(&unit, err);
    if (result < 0)
        sc_error_wrap(err, "unit %s (%s in %s)", replay->id,
                      sc_json_string_optional(record, "source", "?"), unit.cwd);
    environment_cleanup(&unit.environment);
    free(unit.tools);
    free(unit.text);
    return result;
}

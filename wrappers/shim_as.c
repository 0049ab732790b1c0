// SPDX-License-Identifier: GPL-2.0-or-later
// The shim for as: runs the real assembler, keeps its options, and gives hand-written sources a
// record.
#include "wrappers/shim.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "wrappers/as_options.h"
#include "wrappers/as_source.h"
#include "wrappers/layout.h"
#include "wrappers/object_note.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* One run of the assembler. */
struct assembly {
    const struct shim *shim;
    struct as_options options;
    int input;       /* standard input, spooled; -1 when it is not read */
    char *rule_file; /* temporary file for --MD; NULL when the package uses the option itself */
};

/*
 * Reads standard input to its end into memory, so that it can be looked at after the assembler had
 * it: under -pipe the text says where a .S file came from, and nothing else does. -1 on failure.
 */
static int input_spool(void)
{
    int spool = memfd_create("assembler-input", MFD_CLOEXEC);
    char buffer[65536];
    ssize_t n;

    if (spool < 0)
        return -1;
    while ((n = read(STDIN_FILENO, buffer, sizeof(buffer))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || sc_write_all(spool, buffer, (size_t)n) < 0) {
            /* part of the input is gone: the assembler must not see half a source */
            fprintf(stderr, "as: cannot read standard input: %s\n", strerror(errno));
            _exit(1);
        }
    }
    lseek(spool, 0, SEEK_SET);
    return spool;
}

/* A temporary file in the capture for the list of files that .include and .incbin read, or NULL. */
static char *rule_file_make(const struct shim *shim)
{
    char *path = sc_format("%s/" CAPTURE_UNITS "/rule.XXXXXX", shim->capture);
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0) {
        free(path);
        return NULL;
    }
    close(fd);
    return path;
}

/* Runs the assembler as it was called, but for --MD, which changes nothing in the object. */
static int assembly_run(struct assembly *as, struct sc_error **err)
{
    cleanup_free char **with_option = NULL;
    cleanup_free char **argv = NULL;
    char option[] = "--MD";

    if (as_options_stdin(&as->options)) {
        as->input = input_spool();
        if (as->input < 0)
            shim_exec(as->shim, as->shim->argv);
    }
    if (!as->options.dependency)
        as->rule_file = rule_file_make(as->shim);
    if (!as->rule_file)
        return shim_run(as->shim, as->shim->argv, as->input, -1, err);
    with_option = shim_argv_append(as->shim->argv, option);
    argv = shim_argv_append(with_option, as->rule_file);
    return shim_run(as->shim, argv, as->input, -1, err);
}

/* The first input as an open file, or -1. */
static int first_input(const struct assembly *as)
{
    if (as->options.input_count == 0 || strcmp(as->options.inputs[0], "-") == 0)
        return dup(as->input);
    return open(as->options.inputs[0], O_RDONLY | O_CLOEXEC);
}

/* The object's name for a record: see object_name() of the plugin, which does the same. */
static char *object_name(const struct assembly *as, const char *source)
{
    const char *collect = getenv("COLLECT_GCC_OPTIONS");
    cleanup_free char *copy = sc_format("%s", source);
    char *base = basename(copy), *dot = strrchr(base, '.');

    if (!collect || strstr(collect, "'-c'"))
        return sc_format("%s", as->options.output);
    if (dot && dot != base)
        *dot = '\0';
    return sc_format("%s.o", base);
}

/* The full version of the GCC that this shim belongs to, as syscare-capture found it. */
static char *full_version(const struct shim *shim)
{
    cleanup_free char *path = sc_format("%s/version", shim->tools);
    char *version = NULL;
    size_t size;

    if (sc_file_read(path, 256, &version, &size, NULL) < 0)
        return sc_format("%s", shim->gcc_version);
    return version;
}

/* Fills in what makes the id: where, what, to where, how. */
static void record_identify(struct json_object *record, const struct assembly *as, const char *name,
                            const char *language)
{
    static const char *const names[] = {"LANG", "LC_ALL", "LC_CTYPE", "SOURCE_DATE_EPOCH", NULL};
    const char *collect = getenv("COLLECT_GCC_OPTIONS");
    cleanup_free char *cwd = capture_cwd();
    cleanup_free char *object = object_name(as, name);
    struct json_object *options = capture_json_strings(as->options.code_options);
    const char *parts[] = {cwd,      name,    object,
                           language, collect, json_object_to_json_string(options)};
    char id[CAPTURE_ID_SIZE];

    capture_id(parts, sizeof(parts) / sizeof(parts[0]), id);
    sc_json_add_u64(record, "version", 1);
    sc_json_add_string(record, "id", id);
    sc_json_add_string(record, "kind", "as");
    sc_json_add_string(record, "source", name);
    sc_json_add_string(record, "cwd", cwd);
    sc_json_add_string(record, "object", object);
    sc_json_add_string(record, "collect_gcc", getenv("COLLECT_GCC") ? getenv("COLLECT_GCC") : "");
    sc_json_add_string(record, "collect_gcc_options", collect ? collect : "");
    sc_json_add_string(record, "tool", "as");
    json_object_object_add(record, "argv", options);
    json_object_object_add(record, "input", capture_json_strings(as->options.inputs));
    sc_json_add_string(record, "language", language);
    json_object_object_add(record, "env", capture_json_environment(names));
}

/* The record of a source that was written in assembler language; NULL if it was not. */
static struct json_object *record_make(const struct assembly *as, struct sc_error **err)
{
    cleanup_close int input = first_input(as);
    cleanup_as_source struct as_source source = {0};
    const char *first = as->options.input_count ? as->options.inputs[0] : "-";
    cleanup_free char *version = full_version(as->shim);
    struct json_object *record;

    if (as_source_read(input, &source, err) < 0 || source.compiler_made)
        return NULL;
    if (!source.name)
        for (size_t i = 0; i < as->options.input_count; i++)
            json_object_array_add(source.deps, json_object_new_string(as->options.inputs[i]));
    /* after preprocessing the assembler's own input is a temporary file, not a dependency */
    if (as->rule_file &&
        as_dependencies_read(as->rule_file, source.name ? first : NULL, source.deps, err) < 0)
        return NULL;
    record = json_object_new_object();
    record_identify(record, as, source.name ? source.name : first,
                    source.name ? "assembler-with-cpp" : "assembler");
    sc_json_add_string(record, "gcc_version", version);
    sc_json_add_string(record, "target", as->shim->target);
    json_object_object_add(record, "lto", json_object_new_boolean(0));
    json_object_object_add(record, "deps", json_object_get(source.deps));
    return record;
}

/*
 * Logs with which options the unit was assembled: -Wa options reach neither cc1 nor
 * COLLECT_GCC_OPTIONS, but a replay needs them. deps: what .incbin in inline assembly read.
 */
static int options_log(const struct assembly *as, const char *id, struct sc_error **err)
{
    cleanup_json struct json_object *line = json_object_new_object();
    struct json_object *deps = json_object_new_array();
    const char *first = as->options.input_count ? as->options.inputs[0] : NULL;
    cleanup_free char *path = sc_format("%s/" CAPTURE_ASSEMBLES, as->shim->capture);

    sc_json_add_u64(line, "version", 1);
    sc_json_add_string(line, "tu", id);
    json_object_object_add(line, "argv", capture_json_strings(as->options.code_options));
    json_object_object_add(line, "deps", deps);
    if (as->rule_file && as_dependencies_read(as->rule_file, first, deps, err) < 0)
        return -1;
    return sc_json_append(path, line, err);
}

/* After a successful run: the compiler's record is in the object, or we add our own. */
static int assembly_record(const struct assembly *as, struct sc_error **err)
{
    cleanup_facts struct object_facts facts = {0};
    cleanup_json struct json_object *record = NULL;
    struct stat st;

    if (stat(as->options.output, &st) < 0 || !S_ISREG(st.st_mode))
        return 0; /* /dev/null: a probe */
    if (object_facts_read_file(as->options.output, &facts, err) < 0)
        return -1;
    for (size_t i = 0; i < json_object_array_length(facts.records); i++) {
        const char *id = sc_json_string(json_object_array_get_idx(facts.records, i), "id", err);

        if (!id || options_log(as, id, err) < 0)
            return -1;
    }
    if (json_object_array_length(facts.records))
        return 0;
    record = record_make(as, err);
    if (!record)
        return *err ? -1 : 0;
    return object_note_add(as->options.output, record, err);
}

/*
 * A replay of a link wants the objects that lto1 makes, which the linker removes when it is done:
 * runs the assembler, and keeps a copy of the output under its name, which tells the partition. A
 * replay leaves the capture's records alone.
 */
static void ltrans_assemble(const struct shim *shim, const char *directory)
    __attribute__((noreturn));

static void ltrans_assemble(const struct shim *shim, const char *directory)
{
    cleanup_error struct sc_error *err = NULL;
    cleanup_as_options struct as_options options;
    cleanup_free char *kept = NULL;
    const char *name;
    int status = shim_run(shim, shim->argv, -1, -1, &err);

    as_options_parse(shim->argv, &options);
    name = strrchr(options.output, '/');
    kept = sc_format("%s/%s", directory, name ? name + 1 : options.output);
    if (err || (WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
                sc_file_copy(options.output, kept, &err) < 0)) {
        fprintf(stderr, "syscare-shim: %s\n", err->message);
        exit(1); /* unlike in a capture, this object is all that is wanted */
    }
    shim_exit_as(status);
}

void shim_assembler(const struct shim *shim)
{
    struct assembly as = {.shim = shim, .input = -1};
    cleanup_error struct sc_error *err = NULL;
    const char *keep = getenv(CAPTURE_ENV_LTRANS);
    int status;

    if (keep)
        ltrans_assemble(shim, keep);
    as_options_parse(shim->argv, &as.options);
    if (as.options.informs_only)
        shim_exec(shim, shim->argv);
    status = assembly_run(&as, &err);
    if (err) {
        if (as.input >= 0)
            dup2(as.input, STDIN_FILENO);
        shim_exec(shim, shim->argv);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        if (assembly_record(&as, &err) < 0)
            capture_log_uncaptured(shim->capture, "as", shim->argv, err->message);
    }
    if (as.rule_file)
        unlink(as.rule_file);
    free(as.rule_file);
    as_options_free(&as.options);
    shim_exit_as(status);
}

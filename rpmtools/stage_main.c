// SPDX-License-Identifier: GPL-2.0-or-later
// syscare-rpm-stage: stands before the shell in %__spec_*_cmd, and captures an ordinary rpmbuild.
#include "rpmtools/stage.h"

#include "lib/build_note.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "lib/run.h"
#include "rpmtools/capture_archive.h"
#include "rpmtools/tool.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static const char usage_text[] =
    "Usage: syscare-rpm-stage STAGE OPTIONS -- COMMAND...\n"
    "Run a stage of rpmbuild (prep, conf, build, install) in a capture. The macro file that is\n"
    "installed with it calls it: rpmbuild --define '_syscare 1' ...\n"
    "\n"
    "      --output DIR      where <name>-<version>-<release>.<arch>" CAPTURE_ARCHIVE_SUFFIX "\n"
    "                        goes\n"
    "      --name, --version, --release, --epoch, --arch TEXT  the package\n"
    "      --builddir DIR, --subdir NAME, --buildroot DIR, --specdir DIR  rpmbuild's directories\n"
    "      --source FILE     a source of the package; repeatable\n"
    "  -h, --help            this text\n";

enum {
    OPTION_SOURCE = 256,
};

/* Fills in the options; 0, or -1 with err set. */
static int parse(struct stage *stage, int argc, char **argv, struct sc_error **err)
{
    const struct {
        const char *name, **value;
    } words[] = {
        {"output", &stage->output},   {"name", &stage->package},
        {"version", &stage->version}, {"release", &stage->release},
        {"epoch", &stage->epoch},     {"arch", &stage->arch},
        {"subdir", &stage->subdir},   {"buildroot", &stage->buildroot},
        {"specdir", &stage->specdir}, {"builddir", &stage->builddir},
    };
    struct option options[sizeof(words) / sizeof(*words) + 2] = {{0}};
    size_t count = sizeof(words) / sizeof(*words);
    int code;

    for (size_t i = 0; i < count; i++)
        options[i] = (struct option){words[i].name, required_argument, NULL, (int)i};
    options[count] = (struct option){"source", required_argument, NULL, OPTION_SOURCE};
    while ((code = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (code == OPTION_SOURCE)
            string_list_add(&stage->sources, optarg);
        else if (code >= 0 && (size_t)code < count)
            *words[code].value = optarg;
        else
            return sc_error_set(err, SC_USAGE, "see --help");
    }
    stage->command = argv + optind;
    for (size_t i = 0; i < count; i++)
        if (!*words[i].value)
            return sc_error_set(err, SC_USAGE, "--%s is missing", words[i].name);
    return *stage->command ? 0 : sc_error_set(err, SC_USAGE, "the command is missing");
}

/* Beside the archive, because that is a place where the user keeps things of this build. */
static int find_places(struct stage *stage, struct sc_error **err)
{
    const char *inherited = getenv(SC_ENV_CAPTURE);
    cleanup_free char *real = NULL;

    if (sc_dir_make(stage->output, 0755, err) < 0)
        return -1;
    real = realpath(stage->output, NULL);
    if (!real)
        return sc_error_errno(err, "%s", stage->output);
    stage->work = sc_format("%s/.%s-%s-%s.%s.syscare-capture", real, stage->package, stage->version,
                            stage->release, stage->arch);
    stage->inherited = inherited && *inherited;
    stage->capture =
        stage->inherited ? sc_format("%s", inherited) : sc_format("%s/capture", stage->work);
    return 0;
}

/* --- environment ----------------------------------------------------------------------------- */

/* One assignment a line, as syscare-capture printed it. */
static int read_environment(const struct stage *stage, struct string_list *environment,
                            struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s/environment", stage->work);
    cleanup_free char *text = NULL;
    char *rest = NULL;
    size_t size;

    if (stage->inherited)
        return 0;
    if (sc_file_read(path, 1 << 20, &text, &size, err) < 0)
        return -1;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        string_list_add(environment, line);
    return 0;
}

/* Before %prep: everything of an earlier build goes. */
static int begin(const struct stage *stage, struct sc_error **err)
{
    cleanup_free char *tool = tool_path("syscare-capture");
    cleanup_free char *path = sc_format("%s/environment", stage->work);
    cleanup_free char *output = NULL;
    const char *argv[] = {tool, "begin", stage->capture, NULL};
    struct sc_run how = {.argv = argv, .output = &output};
    int status;

    if (sc_tree_remove(stage->work, err) < 0 || sc_dir_make(stage->work, 0700, err) < 0)
        return -1;
    if (stage->inherited)
        return 0;
    status = sc_run(&how, err);
    if (status)
        return status < 0 ? -1
                          : sc_error_set(err, SC_FAILED, "%s begin ended with %d", tool, status);
    return sc_file_replace(path, output, strlen(output), 0600, err);
}

/* --- stages ---------------------------------------------------------------------------------- */

/* Nothing was opened yet, and nothing was missed. */
static struct json_object *new_opened(void)
{
    struct json_object *opened = json_object_new_object();

    json_object_object_add(opened, "complete", json_object_new_boolean(true));
    json_object_object_add(opened, "files", json_object_new_object());
    json_object_object_add(opened, "directories", json_object_new_object());
    return opened;
}

/* The clock of the file system: what %prep makes is not older than this. */
static struct json_object *new_state(const struct stage *stage, struct sc_error **err)
{
    struct json_object *state = json_object_new_object();
    struct json_object *settings = stage_settings(err);
    struct json_object *sources = settings ? stage_sources(stage, err) : NULL;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    sc_json_add_u64(state, "start", (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
    json_object_object_add(state, "settings", settings);
    json_object_object_add(state, "sources", sources);
    json_object_object_add(state, "opened", new_opened());
    if (sources)
        return state;
    json_object_put(state);
    return NULL;
}

static int run_prep(const struct stage *stage, struct sc_error **err)
{
    cleanup_json struct json_object *state = NULL;
    cleanup_strings struct string_list environment = {0};

    if (begin(stage, err) < 0)
        return -1;
    state = new_state(stage, err);
    if (!state || stage_state_write(stage, state, err) < 0 ||
        read_environment(stage, &environment, err) < 0)
        return -1;
    return stage_run(stage, &environment, false, state, err);
}

static int run_later(const struct stage *stage, struct sc_error **err)
{
    cleanup_json struct json_object *state = stage_state_read(stage, err);
    cleanup_strings struct string_list environment = {0};
    int status;

    if (!state || read_environment(stage, &environment, err) < 0)
        return -1;
    if (strcmp(stage->name, "install") == 0)
        return stage_install(stage, &environment, state, err);
    status = stage_run(stage, &environment, true, state, err);
    return status < 0 || stage_state_write(stage, state, err) < 0 ? -1 : status;
}

/* Without %prep there is nothing that a capture could be a capture of: rpmbuild --short-circuit. */
static bool was_prepared(const struct stage *stage)
{
    cleanup_free char *path = sc_format("%s/state.json", stage->work);

    return sc_file_exists(path);
}

/* 0 and more: an exit status. The working files go when nothing can be made of them any more. */
static int run(const struct stage *stage, struct sc_error **err)
{
    bool prep = strcmp(stage->name, "prep") == 0;
    int status;

    if (!prep && !was_prepared(stage)) {
        fprintf(stderr, "syscare-rpm-stage: no capture is made without %%prep\n");
        execvp(stage->command[0], stage->command);
        return sc_error_errno(err, "%s", stage->command[0]);
    }
    status = prep ? run_prep(stage, err) : run_later(stage, err);
    if (status != 0 || strcmp(stage->name, "install") == 0)
        (void)sc_tree_remove(stage->work, NULL);
    if (status < 0)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool is_stage(const char *name)
{
    static const char *const names[] = {"prep", "conf", "build", "install"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    cleanup_error struct sc_error *err = NULL;
    struct stage stage = {0};
    int status = -1;

    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage_text, stdout);
        return SC_OK;
    }
    if (argc < 2 || !is_stage(argv[1])) {
        fputs(usage_text, stderr);
        return SC_USAGE;
    }
    stage.name = argv[1];
    if (parse(&stage, argc - 1, argv + 1, &err) == 0 && find_places(&stage, &err) == 0)
        status = run(&stage, &err);
    if (status < 0)
        fprintf(stderr, "syscare-rpm-stage: no capture: %s\n", err->message);
    free(stage.work);
    free(stage.capture);
    string_list_clear(&stage.sources);
    return status < 0 ? (int)sc_error_status(err) : status;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// `syscare build`: from a source package and a source patch to a patch package.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <string.h>

/* How much of a failed program's output is repeated. */
#define TAIL_LINES 20

/* When a step is made. */
enum step_when {
    ALWAYS = 0,
    WITH_CAPTURE,    /* --capture: R is there */
    WITHOUT_CAPTURE, /* R must be built */
    TO_SAVE,         /* --save-capture */
};

/* One step: its line on the screen, its function. */
struct build_step {
    const char *text;
    int (*run)(struct build *build, struct sc_error **err);
    bool runs_package; /* programs of the package run: when it fails, their output says why */
    enum step_when when;
};

static const struct build_step steps[] = {
    {"reading the packages", build_read_inputs, false, ALWAYS},
    {"unpacking the source package", build_unpack_source, false, ALWAYS},
    {"checking the build dependencies", build_check_requires, false, ALWAYS},
    {"unpacking what was shipped", build_open_shipped, false, ALWAYS},
    {"checking the compiler", build_check_compiler, false, WITHOUT_CAPTURE},
    {"preparing the source tree (%prep)", build_prepare, true, ALWAYS},
    {"trying the patches", build_try_patches, false, ALWAYS},
    {"building the original again (%build)", build_reference, true, WITHOUT_CAPTURE},
    {"installing it (%install)", build_install_reference, true, WITHOUT_CAPTURE},
    {"unpacking the capture", build_unpack_capture, false, WITH_CAPTURE},
    {"checking the compiler", build_check_capture_compiler, false, WITH_CAPTURE},
    {"finding how its programs were linked", build_find_targets, false, ALWAYS},
    {"comparing with what was shipped", build_check_faithful, false, ALWAYS},
    {"keeping the capture", build_save_capture, false, TO_SAVE},
    {"looking at what the patches change", build_check_changes, false, ALWAYS},
    {"building the patched tree", build_patched, true, ALWAYS},
    {"finding the changed units", build_find_units, true, ALWAYS},
    {"compiling the changed units of both trees", build_replay, true, ALWAYS},
    {"comparing the objects", build_diff, true, ALWAYS},
    {"looking for headers that other packages use", build_warn_headers, false, ALWAYS},
    {"writing the metadata", build_fill_info, false, ALWAYS},
    {"making the packages", build_make_packages, true, ALWAYS},
};

static bool step_is_wanted(const struct build *build, const struct build_step *step)
{
    switch (step->when) {
    case WITH_CAPTURE:
        return build->archive != NULL;
    case WITHOUT_CAPTURE:
        return build->archive == NULL;
    case TO_SAVE:
        return build->options.save_capture != NULL;
    default:
        return true;
    }
}

/* The recipe: each step leaves in *build what the next ones need. */
static int run_steps(struct build *build, struct sc_error **err)
{
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        if (!step_is_wanted(build, &steps[i]))
            continue;
        build_log_step(&build->log, "%s", steps[i].text);
        if (steps[i].run(build, err) < 0) {
            build->log.program_failed = steps[i].runs_package;
            return -1;
        }
    }
    build_log_step_end(&build->log, false);
    return 0;
}

/* What is kept visible, for inputs and results; where a capture's trees must appear again. */
static struct workspace *open_workspace(const struct build *build, struct sc_error **err)
{
    const struct build_options *options = &build->options;
    cleanup_strings struct string_list avoid = {0};
    struct workspace_place place = {0};

    string_list_add(&avoid, options->output);
    string_list_add(&avoid, options->build_root);
    if (build->archive) {
        place.build = build->archive->build_directory;
        place.build_root = build->archive->build_root;
        string_list_add(&avoid, options->source);
        string_list_add(&avoid, options->capture);
        string_list_extend(&avoid, &options->patches);
        string_list_extend(&avoid, &options->debuginfo);
    }
    return workspace_open(options->build_root, options->name, &avoid,
                          build->archive ? &place : NULL, err);
}

/* What the user gets to see when there is no patch in the end. */
static void print_failure(const struct build *build, const struct sc_error *error)
{
    bool refused = sc_error_status(error) == SC_REFUSED;

    if (build->log.program_failed && sc_error_status(error) == SC_FAILED) {
        fprintf(stderr, "--- last lines of the log:\n");
        build_log_tail(&build->log, TAIL_LINES);
        fprintf(stderr, "---\n");
    }
    build_print_refusals(build);
    fprintf(stderr, "%s%s\n",
            refused || sc_error_status(error) == SC_NOTHING ? "" : "error: ", error->message);
}

/* Ends the workspace; the directory stays after a failure, and is named. */
static void close_workspace(struct build *build, enum sc_status status)
{
    cleanup_free char *real = sc_format("%s", build->workspace->real);
    cleanup_free char *seen =
        build->workspace->bound ? sc_format(" (%s in the log)", build->workspace->root) : NULL;
    bool failed = status != SC_OK && status != SC_NOTHING;
    bool keep = failed || build->options.skip_cleanup;
    cleanup_error struct sc_error *error = NULL;

    build_log_close(&build->log);
    if (workspace_close(build->workspace, keep, &error) < 0)
        fprintf(stderr, "warning: %s\n", error->message);
    build->workspace = NULL;
    if (keep)
        fprintf(stderr, "build directory: %s%s\nlog: %s/build.log\n", real, seen ? seen : "", real);
}

/*
 * rpm and the package's own programs write to the home directory (Debian's rpm puts a database
 * there): they get an empty one. ~/.rpmmacros is left out with it; --rpm-macros is for that.
 */
static void use_own_home(const struct workspace *workspace)
{
    cleanup_free char *home = sc_format("%s/home", workspace->top);

    if (sc_dir_make(home, 0755, NULL) == 0)
        setenv("HOME", home, 1);
}

/* The workspace first: everything after it is logged there, and cleaned up with it. */
static enum sc_status run_build(struct build *build)
{
    cleanup_error struct sc_error *error = NULL;
    enum sc_status status = SC_OK;

    if (build->options.capture)
        build->archive = capture_header_read(build->options.capture, &error);
    if (!error)
        build->workspace = open_workspace(build, &error);
    if (!build->workspace) {
        fprintf(stderr, "error: %s\n", error->message);
        return sc_error_status(error);
    }
    use_own_home(build->workspace);
    build_log_open(&build->log, build->workspace->log, build->options.verbose);
    if (run_steps(build, &error) < 0) {
        status = sc_error_status(error);
        build_log_step_end(&build->log, status == SC_FAILED);
        print_failure(build, error);
    } else if (!build->options.json) {
        build_print_summary(build);
    }
    if (build->options.json)
        build_print_json(build, status, error ? error->message : NULL);
    close_workspace(build, status);
    return status;
}

/* Half-filled is allowed: a build may end after any step. */
void build_clear(struct build *build)
{
    for (size_t i = 0; i < build->target_count; i++) {
        struct build_target *target = &build->targets[i];

        for (size_t j = 0; j < target->unit_count; j++)
            string_list_clear(&target->units[j].inputs);
        free(target->units);
        string_list_clear(&target->lto_inputs);
        free(target->path);
        free(target->built);
        free(target->object);
        faithful_result_clear(&target->faithful);
        json_object_put(target->report);
    }
    string_list_clear(&build->warnings);
    for (size_t i = 0; i < build->refusal_count; i++) {
        struct build_refusal *refusal = &build->refusals[i];
        char *texts[] = {refusal->code,   refusal->message, refusal->target, refusal->function,
                         refusal->object, refusal->source,  refusal->advice};

        for (size_t j = 0; j < sizeof(texts) / sizeof(*texts); j++)
            free(texts[j]);
    }
    json_object_put(build->sources);
    free(build->targets);
    free(build->refusals);
    capture_header_free(build->archive);
    json_object_put(build->archive_result);
    capture_free(build->reference);
    capture_free(build->patched);
    faithful_close(build->faithful);
    rpm_package_free(build->package);
    package_source_clear(&build->earlier);
    package_result_clear(&build->packages);
    patch_info_free(build->info);
    linekeep_report_clear(&build->changes);
    string_list_clear(&build->patches);
    string_list_clear(&build->environment);
    string_list_clear(&build->opened);
    rpmbuild_clear(&build->rpmbuild);
    free(build->gcc_version);
    free(build->source_directory);
    free(build->full_reason);
    free(build->base_view);
    free(build->include);
    free(build->reference_root);
    build_options_clear(&build->options);
}

int main(int argc, char **argv)
{
    struct build build = {0};
    cleanup_error struct sc_error *error = NULL;
    enum sc_status status = SC_OK;

    if (build_options_parse(&build.options, argc, argv, &error) < 0) {
        fprintf(stderr, "error: %s\n", error->message);
        if (sc_error_status(error) == SC_USAGE)
            fprintf(stderr, "`syscare build --help` lists the options\n");
        status = sc_error_status(error);
    } else if (build.options.help) {
        fputs(build_options_help(), stdout);
    } else {
        status = run_build(&build);
    }
    build_clear(&build);
    return (int)status;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the trees of a build: the reference R, and the patched P on top of it.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/run.h"
#include "rpmtools/patch_apply.h"
#include "rpmtools/tool.h"

#include <ctype.h>
#include <string.h>

/* The source directory of the tree that is shown. */
static char *source_path(const struct build *build)
{
    return sc_format("%s/%s", build->workspace->build, build->source_directory);
}

/* The source directory of a tree while another one is shown. */
static char *source_view(const struct build *build, const char *tree, struct sc_error **err)
{
    cleanup_free char *view = workspace_tree_view(build->workspace, tree, err);

    return view ? sc_format("%s/%s", view, build->source_directory) : NULL;
}

/* --- captures -------------------------------------------------------------------------------- */

/* Only what looks like one gets into the environment of the builds. */
static bool is_assignment(const char *line)
{
    size_t name = 0;

    while (isupper((unsigned char)line[name]) || line[name] == '_')
        name++;
    return name > 0 && line[name] == '=';
}

/* Begins a capture: build->environment becomes what the builds need. */
static int begin_capture(struct build *build, const char *name, struct sc_error **err)
{
    cleanup_free char *tool = tool_path("syscare-capture");
    cleanup_free char *directory = sc_format("%s/capture/%s", build->workspace->root, name);
    cleanup_free char *output = NULL;
    const char *argv[] = {tool, "begin", directory, NULL};
    struct sc_run how = {.argv = argv, .output = &output, .log = build->workspace->log};
    char *rest = NULL;
    int status;

    if (sc_tree_remove(directory, err) < 0 || sc_dir_make(directory, 0755, err) < 0)
        return -1;
    status = sc_run(&how, err);
    if (status)
        return status < 0 ? -1
                          : sc_error_set(err, SC_FAILED, "%s begin ended with %d", tool, status);
    string_list_clear(&build->environment);
    for (char *line = strtok_r(output, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (!is_assignment(line))
            return sc_error_set(err, SC_FAILED, "%s printed '%s'", tool, line);
        string_list_add(&build->environment, line);
    }
    return 0;
}

/* --- R --------------------------------------------------------------------------------------- */

/* %prep runs in the capture too: there are specs that compile in it. */
static int prepare_tree(struct build *build, const char *tree, struct sc_error **err)
{
    if (workspace_tree_make(build->workspace, tree, NULL, err) < 0 ||
        workspace_tree_show(build->workspace, tree, err) < 0)
        return -1;
    return rpmbuild_run(&build->rpmbuild, RPMBUILD_PREP, &build->environment, err);
}

/* Before the long build: patches that do not apply are found after seconds. */
int build_prepare(struct build *build, struct sc_error **err)
{
    const char *tree = build->archive ? TREE_PREPARED : TREE_REFERENCE;

    if (build->options.save_capture)
        build_hook_stages(build);
    if (!build->archive && begin_capture(build, TREE_REFERENCE, err) < 0)
        return -1;
    if (prepare_tree(build, tree, err) < 0)
        return -1;
    build->source_directory = rpmbuild_source_directory(&build->rpmbuild, err);
    if (!build->source_directory)
        return -1;
    return workspace_tree_hide(build->workspace, err);
}

/* Applies the patches to the tree that is shown, which lies on base; keeps the line numbers. */
static int patch_tree(struct build *build, const char *base, struct linekeep_report *report,
                      struct sc_error **err)
{
    cleanup_free char *original = source_view(build, base, err);
    cleanup_free char *patched = source_path(build);

    if (!original)
        return -1;
    if (patch_apply_all(patched, &build->patches, build->workspace->log, err) < 0)
        return -1;
    return linekeep_tree(original, patched, NULL, report, err);
}

/* Keeps files of the tree that is shown, for the case that P is built from the start. */
static int keep_files(struct build *build, const struct string_list *names, struct sc_error **err)
{
    for (size_t i = 0; i < names->count; i++) {
        cleanup_free char *from = sc_format("%s/%s/%s", build->workspace->build,
                                            build->source_directory, names->items[i]);
        cleanup_free char *to = sc_format("%s/kept/%s", build->workspace->root, names->items[i]);
        cleanup_free char *parent = sc_format("%.*s", (int)(strrchr(to, '/') - to), to);

        if (sc_dir_make(parent, 0755, err) < 0 || sc_file_copy(from, to, err) < 0)
            return -1;
    }
    return 0;
}

/* A patch of documentation only needs no build to see that. */
static int check_worth_building(const struct build *build, struct sc_error **err)
{
    const struct string_list *lists[] = {&build->changes.changed, &build->changes.removed};

    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < lists[i]->count; j++)
            if (build_change_kind(lists[i]->items[j]) != CHANGE_DOCUMENT)
                return 0;
    return sc_error_set(err, SC_NOTHING,
                        "nothing to patch: the patch changes no file that is compiled into a "
                        "shipped ELF");
}

/* On a tree that is thrown away: R must be built without any trace of the patches. */
int build_try_patches(struct build *build, struct sc_error **err)
{
    const char *tree = build->archive ? TREE_PREPARED : TREE_REFERENCE;
    struct workspace *workspace = build->workspace;

    if (workspace_tree_make(workspace, TREE_SCRATCH, tree, err) < 0 ||
        workspace_tree_show(workspace, TREE_SCRATCH, err) < 0 ||
        patch_tree(build, tree, &build->changes, err) < 0 ||
        keep_files(build, &build->changes.kept, err) < 0 || build_offer_header(build, err) < 0 ||
        workspace_tree_hide(workspace, err) < 0 ||
        workspace_tree_drop(workspace, TREE_SCRATCH, err) < 0)
        return -1;
    for (size_t i = 0; i < build->changes.left.count && build->options.explain; i++)
        build_log_note(&build->log, "note: line numbers not kept: %s",
                       build->changes.left.items[i]);
    return check_worth_building(build, err);
}

/* A stage of R in the tree that is shown, and what it reads of the files that will change. */
static int run_watched(struct build *build, enum rpmbuild_stage stage, struct sc_error **err)
{
    struct read_watch *watch = build_watch_changes(build);
    int result = rpmbuild_run(&build->rpmbuild, stage, &build->environment, err);

    read_watch_end(watch, &build->opened);
    return result;
}

int build_reference(struct build *build, struct sc_error **err)
{
    cleanup_free char *capture = sc_format("%s/capture/" TREE_REFERENCE, build->workspace->root);

    if (workspace_tree_show(build->workspace, TREE_REFERENCE, err) < 0 ||
        run_watched(build, RPMBUILD_BUILD, err) < 0)
        return -1;
    build->build_links = capture_count_links(capture);
    return workspace_tree_hide(build->workspace, err);
}

/* %install on a tree of its own: R stays as %build left it, and both can be built on. */
static int install_reference(struct build *build, struct sc_error **err)
{
    struct workspace *workspace = build->workspace;

    if (workspace_tree_make(workspace, TREE_INSTALLED, TREE_REFERENCE, err) < 0 ||
        workspace_tree_show(workspace, TREE_INSTALLED, err) < 0 ||
        run_watched(build, RPMBUILD_INSTALL, err) < 0)
        return -1;
    return workspace_tree_hide(workspace, err);
}

/* The build root is moved aside, because P's %install uses the same path. */
int build_install_reference(struct build *build, struct sc_error **err)
{
    cleanup_free char *root = rpmbuild_root(&build->rpmbuild);

    if (install_reference(build, err) < 0)
        return -1;
    build->reference_root = sc_format("%s/root-" TREE_REFERENCE, build->workspace->root);
    if (rename(root, build->reference_root) < 0)
        return sc_error_errno(err, "cannot rename %s", root);
    string_list_clear(&build->rpmbuild.hooks); /* P is no capture to be kept */
    return 0;
}

/* How many shipped files are linked in %install, or by a linker that we do not see. */
static size_t count_late_links(const struct build *build)
{
    size_t count = 0;

    for (size_t i = 0; i < build->target_count; i++) {
        const struct capture_link *link = build->targets[i].reference;

        count += !link || link->order >= build->build_links;
    }
    return count;
}

/*
 * Some packages build everything once more in %install, because it calls make(1) with other flags
 * (redis: 141 s). What they ship has nothing to do with %build then, and P begins after %install.
 */
int build_choose_base(struct build *build, struct sc_error **err)
{
    bool late = count_late_links(build) == build->target_count;

    build->base = late ? TREE_INSTALLED : TREE_REFERENCE;
    if (late && build->archive && build_apply_installed(build, err) < 0)
        return -1;
    build->base_view = workspace_tree_view(build->workspace, build->base, err);
    return build->base_view ? 0 : -1;
}

/* --- P --------------------------------------------------------------------------------------- */

/* P on top of R: make(1) and its kin see which files changed. */
static int patch_on_reference(struct build *build, struct sc_error **err)
{
    struct linekeep_report report = {0};
    int result;

    if (workspace_tree_make(build->workspace, TREE_PATCHED, build->base, err) < 0 ||
        workspace_tree_show(build->workspace, TREE_PATCHED, err) < 0)
        return -1;
    result = patch_tree(build, build->base, &report, err);
    linekeep_report_clear(&report);
    if (result < 0 || build_keep_configuration(build, err) < 0)
        return -1;
    return build_touch_dependents(build, err);
}

/* P from the start, at the same path: %prep, patches, the line numbers that were kept before. */
static int patch_from_start(struct build *build, struct sc_error **err)
{
    const struct string_list *kept = &build->changes.kept;
    cleanup_free char *source = source_path(build);

    if (prepare_tree(build, TREE_PATCHED, err) < 0 ||
        patch_apply_all(source, &build->patches, build->workspace->log, err) < 0)
        return -1;
    for (size_t i = 0; i < kept->count; i++) {
        cleanup_free char *from = sc_format("%s/kept/%s", build->workspace->root, kept->items[i]);
        cleanup_free char *to = sc_format("%s/%s", source, kept->items[i]);

        if (sc_file_copy(from, to, err) < 0)
            return -1;
    }
    return 0;
}

/* %install of P, on a tree of its own. */
static int install_patched(struct build *build, struct sc_error **err)
{
    struct workspace *workspace = build->workspace;

    if (workspace_tree_make(workspace, TREE_SCRATCH, TREE_PATCHED, err) < 0 ||
        workspace_tree_show(workspace, TREE_SCRATCH, err) < 0 ||
        rpmbuild_run(&build->rpmbuild, RPMBUILD_INSTALL, &build->environment, err) < 0 ||
        workspace_tree_hide(workspace, err) < 0)
        return -1;
    return workspace_tree_drop(workspace, TREE_SCRATCH, err);
}

/* The stages that make what is shipped, in the tree that is shown. */
static int build_tree(struct build *build, struct sc_error **err)
{
    bool late = strcmp(build->base, TREE_INSTALLED) == 0;
    bool only_install = late && !build->full_reason;

    if (!only_install &&
        rpmbuild_run(&build->rpmbuild, RPMBUILD_BUILD, &build->environment, err) < 0)
        return sc_error_wrap(err, "the patched tree");
    /* with all of it linked late, P itself must be the tree after %install: that is R's as well */
    if (late && rpmbuild_run(&build->rpmbuild, RPMBUILD_INSTALL, &build->environment, err) < 0)
        return sc_error_wrap(err, "the patched tree");
    if (workspace_tree_hide(build->workspace, err) < 0)
        return -1;
    return !late && count_late_links(build) ? install_patched(build, err) : 0;
}

int build_patched(struct build *build, struct sc_error **err)
{
    cleanup_free char *capture = sc_format("%s/capture/" TREE_PATCHED, build->workspace->root);
    cleanup_error struct sc_error *why = NULL;

    if (begin_capture(build, TREE_PATCHED, err) < 0)
        return -1;
    build_add_header(build);
    if (!build->full_reason && patch_on_reference(build, &why) < 0)
        /* %build changes a file that the patch changes too */
        return build_patched_again(build, "the patches do not apply to the built tree", err);
    if (build->full_reason) {
        build_log_note(&build->log, "from the start: %s", build->full_reason);
        if (patch_from_start(build, err) < 0)
            return -1;
    }
    if (build_tree(build, build->full_reason ? err : &why) < 0)
        /* "mkdir build" works only once: with a fresh tree it is the patch that is wrong */
        return build->full_reason
                   ? -1
                   : build_patched_again(build, "%build failed on the built tree", err);
    build->patched = capture_read(capture, err);
    return build->patched ? 0 : -1;
}

/* Once only: if P from the start is not trusted either, there is nothing left to try. */
int build_patched_again(struct build *build, const char *reason, struct sc_error **err)
{
    if (build->full_reason)
        return sc_error_set(err, SC_FAILED, "the patched build cannot be trusted: %s", reason);
    build->full_reason = sc_format("%s", reason);
    build->configured = false;
    capture_free(build->patched);
    build->patched = NULL;
    if (workspace_tree_hide(build->workspace, err) < 0 ||
        workspace_tree_drop(build->workspace, TREE_PATCHED, err) < 0)
        return -1;
    return build_patched(build, err);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Steps of a build that starts from the capture of the official build, or keeps one.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "lib/run.h"
#include "rpmtools/tool.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* --- does it belong to the source package ---------------------------------------------------- */

static int check_package(const struct build *build, struct sc_error **err)
{
    const struct capture_header *archive = build->archive;
    const struct rpm_package *package = build->package;
    const char *epoch = package->epoch ? package->epoch : "";

    if (strcmp(archive->name, package->name) == 0 &&
        strcmp(archive->version, package->version) == 0 &&
        strcmp(archive->release, package->release) == 0 &&
        strcmp(archive->epoch ? archive->epoch : "", epoch) == 0 &&
        strcmp(archive->arch, build->options.arch) == 0)
        return 0;
    return sc_error_set(err, SC_FAILED,
                        "the capture is of %s-%s-%s.%s, the source package makes %s-%s-%s.%s",
                        archive->name, archive->version, archive->release, archive->arch,
                        package->name, package->version, package->release, build->options.arch);
}

/* The name of a package says little: two builds may have it. Their sources tell. */
int build_check_capture_sources(const struct build *build, struct sc_error **err)
{
    if (check_package(build, err) < 0)
        return -1;
    for (size_t i = 0; i < build->archive->source_count; i++) {
        const struct capture_source *source = &build->archive->sources[i];
        cleanup_free char *in_sources =
            sc_format("%s/SOURCES/%s", build->workspace->top, source->name);
        cleanup_free char *in_specs = sc_format("%s/SPECS/%s", build->workspace->top, source->name);
        const char *path = sc_file_exists(in_specs) ? in_specs : in_sources;
        uint8_t digest[SC_DIGEST_SIZE];
        char hex[SC_DIGEST_HEX_SIZE] = "";

        if (sc_file_exists(path)) {
            if (sc_digest_file(path, digest, err) < 0)
                return -1;
            sc_hex_encode(digest, sizeof(digest), hex);
        }
        if (strcmp(hex, source->sha256) != 0)
            return sc_error_set(err, SC_FAILED,
                                "the capture was made from another source package: its %s %s",
                                source->name, *hex ? "differs" : "is not in this one");
    }
    return 0;
}

/* --- the compilers --------------------------------------------------------------------------- */

/* True if some unit of R was compiled by that version. */
static bool is_used(const struct capture *capture, const char *full_version)
{
    for (size_t i = 0; i < capture->unit_count; i++)
        if (strcmp(capture->units[i].gcc_version, full_version) == 0)
            return true;
    return false;
}

/* The compiler itself, not its name: a rebuilt one of the same version may make other code. */
static int check_compiler(const struct build *build, const struct capture_compiler *compiler,
                          struct sc_error **err)
{
    cleanup_free char *cc1 = sc_format("%s/capture/" TREE_REFERENCE "/tools/%s/%s/cc1",
                                       build->workspace->root, compiler->target, compiler->version);
    uint8_t digest[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE] = "";

    if (sc_file_exists(cc1)) {
        if (sc_digest_file(cc1, digest, err) < 0)
            return -1;
        sc_hex_encode(digest, sizeof(digest), hex);
    }
    if (strcmp(hex, compiler->sha256) == 0)
        return 0;
    return sc_error_set(err, SC_FAILED,
                        "the package was compiled by gcc %s for %s, %s (build on a host like the "
                        "one that built it, or use --skip-compiler-check)",
                        compiler->full_version, compiler->target,
                        *hex ? "and this host has another build of it"
                             : "which is not on this host");
}

int build_check_capture_compiler(struct build *build, struct sc_error **err)
{
    cleanup_free char *directory = sc_format("%s/capture/" TREE_REFERENCE, build->workspace->root);
    cleanup_capture struct capture *capture = capture_read(directory, err);

    if (!capture)
        return -1;
    for (size_t i = 0; i < build->archive->compiler_count; i++) {
        const struct capture_compiler *compiler = &build->archive->compilers[i];

        if (!is_used(capture, compiler->full_version))
            continue;
        if (!build->gcc_version)
            build->gcc_version = sc_format("%s", compiler->full_version);
        if (!build->options.skip_compiler_check && check_compiler(build, compiler, err) < 0)
            return -1;
    }
    if (build->gcc_version)
        return 0;
    return sc_error_set(err, SC_FAILED, "the capture has no unit that a GCC of ours compiled");
}

/* --- unpacking ------------------------------------------------------------------------------- */

/* Member name of the object "opened" of the result, or NULL with err set. */
static struct json_object *opened_member(const struct build *build, const char *name,
                                         struct sc_error **err)
{
    struct json_object *opened = sc_json_object(build->archive_result, "opened", err);

    return opened ? sc_json_object(opened, name, err) : NULL;
}

/* True if the directory was listed, or a file in it opened: then a new file there may be found. */
static bool directory_opened(struct json_object *files, struct json_object *directories,
                             const char *name)
{
    const char *slash = strrchr(name, '/');
    cleanup_free char *parent = sc_format("%.*s", slash ? (int)(slash - name) : 0, name);
    size_t length = strlen(parent);

    if (json_object_object_get_ex(directories, parent, NULL))
        return true;
    json_object_object_foreach(files, path, value)
    {
        const char *end = strrchr(path, '/');

        (void)value;
        if ((size_t)(end ? end - path : 0) == length && strncmp(path, parent, length) == 0)
            return true;
    }
    return false;
}

/* As build_watch_changes sees it where R is built now. */
static int find_opened(struct build *build, struct sc_error **err)
{
    const struct string_list *lists[] = {&build->changes.changed, &build->changes.removed};
    struct json_object *opened = sc_json_object(build->archive_result, "opened", err);
    struct json_object *files = opened_member(build, "files", err), *complete = NULL;
    struct json_object *directories = opened_member(build, "directories", err);
    bool all;

    if (!opened || !files || !directories)
        return -1;
    all = !json_object_object_get_ex(opened, "complete", &complete) ||
          !json_object_get_boolean(complete);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < lists[i]->count; j++) {
            const char *name = lists[i]->items[j];
            cleanup_free char *tree = workspace_tree_path(build->workspace, TREE_REFERENCE);
            cleanup_free char *path = sc_format("%s/%s/%s", tree, build->source_directory, name);

            if (all || json_object_object_get_ex(files, name, NULL) ||
                (!sc_file_exists(path) && directory_opened(files, directories, name)))
                string_list_add(&build->opened, name);
        }
    return 0;
}

/* Shims and links to the tools of this host, for the replays in R. */
static int lay_out_again(const struct build *build, const char *directory, struct sc_error **err)
{
    cleanup_free char *tool = tool_path("syscare-capture");
    cleanup_free char *output = NULL;
    const char *argv[] = {tool, "begin", directory, NULL};
    struct sc_run how = {.argv = argv, .output = &output, .log = build->workspace->log};
    int status = sc_run(&how, err);

    if (status > 0)
        return sc_error_set(err, SC_FAILED, "%s begin ended with %d", tool, status);
    return status;
}

/* The tree goes where the reference tree is kept; from there it is shown at its old path. */
int build_unpack_capture(struct build *build, struct sc_error **err)
{
    struct workspace *workspace = build->workspace;
    cleanup_free char *tree = workspace_tree_path(workspace, TREE_REFERENCE);
    cleanup_free char *installed = sc_format("%s/installed", workspace->root);
    cleanup_free char *capture = sc_format("%s/capture/" TREE_REFERENCE, workspace->root);
    struct capture_places places = {.tree = tree, .installed = installed, .capture = capture};

    build->reference_root = sc_format("%s/root-" TREE_REFERENCE, workspace->root);
    places.root = build->reference_root;
    if (workspace_tree_drop(workspace, TREE_PREPARED, err) < 0 ||
        workspace_tree_make(workspace, TREE_REFERENCE, NULL, err) < 0 ||
        capture_archive_unpack(build->options.capture, &places, &build->archive_result, err) < 0)
        return -1;
    build->build_links = build->archive->build_links;
    if (lay_out_again(build, capture, err) < 0)
        return -1;
    return find_opened(build, err);
}

/* --- after %install -------------------------------------------------------------------------- */

/*
 * Names come from an archive, and so do the symbolic links in the tree: every directory on the way
 * to name is one, and in the tree.
 */
static int check_way(const struct build *build, const char *name, struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s/%s", build->workspace->build, name);
    struct stat st;

    for (char *at = path + strlen(build->workspace->build) + 1; at;) {
        char *slash = strchr(at, '/');
        size_t length = slash ? (size_t)(slash - at) : strlen(at);
        bool leads = true;

        if (length == 0 || (length <= 2 && strncmp(at, "..", length) == 0))
            return sc_error_set(err, SC_FAILED, "the capture has a file called '%s'", name);
        if (slash) {
            *slash = '\0';
            leads = lstat(path, &st) < 0 || S_ISDIR(st.st_mode);
            *slash = '/';
        }
        if (!leads)
            return sc_error_set(err, SC_FAILED, "the way to %s in the capture is no directory",
                                name);
        at = slash ? slash + 1 : NULL;
    }
    return 0;
}

/* A file of installed/ takes the place of the one in the tree. */
static int install_file(const char *path, const char *relative, void *data, struct sc_error **err)
{
    const struct build *build = data;
    const char *argv[] = {"cp", "-a", "--remove-destination", path, NULL, NULL};
    cleanup_free char *to = sc_format("%s/%s", build->workspace->build, relative);
    cleanup_free char *parent = sc_format("%.*s", (int)(strrchr(to, '/') - to), to);
    struct sc_run how = {.argv = argv, .log = build->workspace->log};
    int status;

    argv[4] = to;
    if (check_way(build, relative, err) < 0 || sc_dir_make(parent, 0755, err) < 0)
        return -1;
    status = sc_run(&how, err);
    return status > 0 ? sc_error_set(err, SC_FAILED, "cannot copy %s", relative) : status;
}

static int remove_gone(const struct build *build, struct sc_error **err)
{
    struct json_object *removed = sc_json_array(build->archive_result, "removed", err);

    for (size_t i = removed ? json_object_array_length(removed) : 0; i > 0; i--) {
        struct json_object *item = json_object_array_get_idx(removed, i - 1);
        const char *name =
            json_object_is_type(item, json_type_string) ? json_object_get_string(item) : "";
        cleanup_free char *path = sc_format("%s/%s", build->workspace->build, name);

        if (check_way(build, name, err) < 0)
            return -1;
        if (remove(path) < 0 && errno != ENOENT && errno != ENOTEMPTY)
            return sc_error_errno(err, "cannot remove %s", path);
    }
    return removed ? 0 : -1;
}

/* Only where %install links what is shipped: then P begins after it, as R ended. */
int build_apply_installed(struct build *build, struct sc_error **err)
{
    struct workspace *workspace = build->workspace;
    cleanup_free char *installed = sc_format("%s/installed", workspace->root);

    if (workspace_tree_make(workspace, TREE_INSTALLED, TREE_REFERENCE, err) < 0 ||
        workspace_tree_show(workspace, TREE_INSTALLED, err) < 0 || remove_gone(build, err) < 0 ||
        sc_tree_walk(installed, install_file, build, err) < 0)
        return -1;
    return workspace_tree_hide(workspace, err);
}

/* --- keeping one ----------------------------------------------------------------------------- */

/* As packaging/macros.syscare.in has it for an ordinary rpmbuild. */
void build_hook_stages(struct build *build)
{
    static const char *const stages[] = {"prep", "conf", "build", "install"};
    cleanup_free char *tool = tool_path("syscare-rpm-stage");

    for (size_t i = 0; i < sizeof(stages) / sizeof(*stages); i++)
        string_list_format(
            &build->rpmbuild.hooks,
            "__spec_%s_cmd %s %s --output='%s/saved' --name='%%{name}' --version='%%{version}' "
            "--release='%%{release}' --epoch='%%{?epoch}' --arch='%s' --builddir='%%{_builddir}' "
            "--subdir='%%{?buildsubdir}' --buildroot='%%{buildroot}' --specdir='%%{_specdir}' "
            "%%{lua:for _, list in ipairs({sources, patches}) do for _, path in ipairs(list) do "
            "print(\" --source='\" .. path .. \"'\") end end} -- %%{___build_cmd}",
            stages[i], tool, stages[i], build->workspace->root, build->options.arch);
}

/* After the proof: a capture of a build that is not the shipped one would be worth nothing. */
int build_save_capture(struct build *build, struct sc_error **err)
{
    const struct rpm_package *package = build->package;
    cleanup_free char *from =
        sc_format("%s/saved/%s-%s-%s.%s" CAPTURE_ARCHIVE_SUFFIX, build->workspace->root,
                  package->name, package->version, package->release, build->options.arch);
    cleanup_free char *part = sc_format("%s.part", build->options.save_capture);

    if (rename(from, build->options.save_capture) == 0)
        return 0;
    if (errno != EXDEV)
        return sc_error_errno(err, "cannot write %s", build->options.save_capture);
    if (sc_file_copy(from, part, err) < 0)
        return -1;
    if (rename(part, build->options.save_capture) < 0)
        return sc_error_errno(err, "cannot write %s", build->options.save_capture);
    return 0;
}

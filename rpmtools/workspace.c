// SPDX-License-Identifier: GPL-2.0-or-later
// The work directory of a build and the trees in it.
#include "rpmtools/workspace.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/run.h"
#include "rpmtools/sandbox.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Sets the paths that follow from root. */
static void set_root(struct workspace *workspace, const char *root)
{
    char **paths[] = {&workspace->root, &workspace->top, &workspace->build, &workspace->build_root,
                      &workspace->log};

    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        free(*paths[i]);
    workspace->root = sc_format("%s", root);
    workspace->top = sc_format("%s/top", root);
    workspace->build = sc_format("%s/top/BUILD", root);
    workspace->build_root = sc_format("%s/top/BUILDROOT/root", root);
    workspace->log = sc_format("%s/build.log", root);
}

/* mkdtemp(3): mode 0700, so nobody else can put something into a build that runs as root. */
static int make_directory(struct workspace *workspace, const char *parent, const char *name,
                          struct sc_error **err)
{
    workspace->real = sc_format("%s/syscare-build-%s-XXXXXX", parent, name);
    if (!mkdtemp(workspace->real)) {
        sc_error_errno(err, "cannot make a directory in %s", parent);
        free(steal_pointer(&workspace->real));
        return -1;
    }
    set_root(workspace, workspace->real);
    return 0;
}

static int make_layout(struct workspace *workspace, struct sc_error **err)
{
    static const char *const names[] = {"top/BUILD", "top/BUILDROOT", "top/RPMS", "top/SRPMS",
                                        "top/tmp",   "trees",         NULL};

    for (size_t i = 0; names[i]; i++) {
        cleanup_free char *path = sc_format("%s/%s", workspace->root, names[i]);

        if (sc_dir_make(path, 0755, err) < 0)
            return -1;
    }
    return 0;
}

/*
 * Builds of the same input must give the same output, and paths get into objects (__FILE__,
 * comp_dir). So the work directory appears at a path that is not random, where there is one.
 */
static void use_fixed_path(struct workspace *workspace, const struct string_list *avoid)
{
    const char *place = sandbox_find_place(avoid);

    if (!place || sandbox_bind(workspace->real, place) < 0)
        return;
    workspace->bound = true;
    set_root(workspace, place);
}

/* True if path is directory or lies below it. */
static bool is_below(const char *path, const char *directory)
{
    size_t length = strlen(directory);

    return strncmp(path, directory, length) == 0 && (path[length] == '/' || !path[length]);
}

/* What the user reads or writes must not be hidden by what is mounted. */
static int check_hidden(const char *directory, const struct string_list *avoid,
                        struct sc_error **err)
{
    for (size_t i = 0; i < avoid->count; i++)
        if (is_below(avoid->items[i], directory))
            return sc_error_set(err, SC_FAILED,
                                "%s lies in %s, where the trees of the capture must appear: put "
                                "it elsewhere",
                                avoid->items[i], directory);
    return 0;
}

/*
 * The build root's parent is covered, because %install removes and makes the build root itself. A
 * build root inside the build directory (rpm 4.20) cannot appear there before a tree does: then
 * ours is used.
 */
static int use_place(struct workspace *workspace, const struct workspace_place *place,
                     const struct string_list *avoid, struct sc_error **err)
{
    cleanup_free char *scratch = sc_format("%s/scratch", workspace->real);
    cleanup_free char *roots = sc_format("%s/top/BUILDROOT", workspace->root);
    cleanup_free char *parent = sc_format(
        "%.*s", (int)(strrchr(place->build_root, '/') - place->build_root), place->build_root);

    if (!workspace->namespaces)
        return sc_error_set(err, SC_FAILED,
                            "a capture needs mounts, so that its trees appear at %s again, and "
                            "this host allows none",
                            place->build);
    if (check_hidden(place->build, avoid, err) < 0 ||
        sandbox_provide(place->build, scratch, err) < 0)
        return -1;
    free(workspace->build);
    workspace->build = sc_format("%s", place->build);
    if (is_below(place->build_root, place->build) || is_below(place->build, parent))
        return 0;
    if (check_hidden(parent, avoid, err) < 0 || sandbox_provide(parent, scratch, err) < 0)
        return -1;
    if (sandbox_bind(roots, parent) < 0)
        return sc_error_errno(err, "cannot mount %s on %s", roots, parent);
    workspace->roots = sc_format("%s", parent);
    free(workspace->build_root);
    workspace->build_root = sc_format("%s", place->build_root);
    return 0;
}

/* Namespaces before anything is written: what is mounted later must be seen by nobody else. */
struct workspace *workspace_open(const char *parent, const char *name,
                                 const struct string_list *avoid,
                                 const struct workspace_place *place, struct sc_error **err)
{
    struct workspace *workspace = calloc(1, sizeof(*workspace));

    if (!workspace)
        abort();
    if (make_directory(workspace, parent, name, err) < 0) {
        free(workspace);
        return NULL;
    }
    workspace->namespaces = sandbox_enter(&workspace->user);
    if (workspace->namespaces)
        use_fixed_path(workspace, avoid);
    if (make_layout(workspace, err) < 0 || (place && use_place(workspace, place, avoid, err) < 0)) {
        (void)workspace_close(workspace, false, NULL);
        return NULL;
    }
    workspace->overlays =
        workspace->namespaces && sandbox_overlay_works(workspace->root, workspace->user);
    return workspace;
}

/* Where a tree on top of another can be read. */
static char *view_path(const struct workspace *workspace, const char *name)
{
    return sc_format("%s/views/%s", workspace->root, name);
}

static int close_views(struct workspace *workspace, struct sc_error **err)
{
    int result = 0;

    for (size_t i = 0; i < workspace->views.count; i++) {
        cleanup_free char *path = view_path(workspace, workspace->views.items[i]);

        result |= sandbox_unmount(path, err);
    }
    string_list_clear(&workspace->views);
    return result;
}

/* Mounts first: removing a directory must never reach through one. */
int workspace_close(struct workspace *workspace, bool keep, struct sc_error **err)
{
    int result = 0;

    if (!workspace)
        return 0;
    result = workspace_tree_hide(workspace, err) | close_views(workspace, err);
    if (workspace->roots)
        result |= sandbox_unmount(workspace->roots, err);
    if (workspace->bound)
        result |= sandbox_unmount(workspace->root, err);
    if (!keep && result == 0)
        result = sc_tree_remove(workspace->real, err);
    free(workspace->real);
    free(workspace->root);
    free(workspace->top);
    free(workspace->build);
    free(workspace->build_root);
    free(workspace->roots);
    free(workspace->log);
    free(workspace->shown);
    string_list_clear(&workspace->trees);
    free(workspace);
    return result;
}

bool workspace_set_hostname(struct workspace *workspace, const char *name)
{
    return workspace->namespaces && sethostname(name, strlen(name)) == 0;
}

char *workspace_tree_path(const struct workspace *workspace, const char *name)
{
    return sc_format("%s/trees/%s", workspace->root, name);
}

/* The base of a tree in workspace->trees: "" when it has none, NULL when there is no such tree. */
static const char *tree_base(const struct workspace *workspace, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < workspace->trees.count; i++) {
        const char *item = workspace->trees.items[i];

        if (strncmp(item, name, length) == 0 && (item[length] == '=' || !item[length]))
            return item[length] ? item + length + 1 : "";
    }
    return NULL;
}

/* What was changed in a copied tree must not change its base: nothing is shared but extents. */
static int copy_tree(const struct workspace *workspace, const char *from, const char *to,
                     struct sc_error **err)
{
    const char *argv[] = {"cp", "-a", "--reflink=auto", from, to, NULL};
    struct sc_run how = {.argv = argv, .log = workspace->log};
    int status = sc_run(&how, err);

    if (status > 0)
        return sc_error_set(err, SC_FAILED, "cannot copy %s to %s: cp ended with status %d", from,
                            to, status);
    return status;
}

/* With overlays a base costs nothing until its files are changed. */
int workspace_tree_make(struct workspace *workspace, const char *name, const char *base,
                        struct sc_error **err)
{
    cleanup_free char *path = workspace_tree_path(workspace, name);
    cleanup_free char *base_path = base ? workspace_tree_path(workspace, base) : NULL;

    if (tree_base(workspace, name))
        return sc_error_set(err, SC_FAILED, "there is a tree '%s' already", name);
    if (base && !workspace->overlays) {
        if (copy_tree(workspace, base_path, path, err) < 0)
            return -1;
    } else if (sc_dir_make(path, 0755, err) < 0) {
        return -1;
    }
    if (base && workspace->overlays)
        string_list_format(&workspace->trees, "%s=%s", name, base);
    else
        string_list_add(&workspace->trees, name);
    return 0;
}

/* The directories below a tree, topmost first, relative to workspace->root:
 * "trees/p/upper:trees/r". */
static char *lower_layers(const struct workspace *workspace, const char *name)
{
    const char *base = tree_base(workspace, name);
    cleanup_free char *below = NULL;

    if (!base || !*base)
        return sc_format("trees/%s", name);
    below = lower_layers(workspace, base);
    return sc_format("trees/%s/upper:%s", name, below);
}

/* Trees without a base are the directory itself: a bind mount, or a renaming. */
static int show_plain(struct workspace *workspace, const char *name, struct sc_error **err)
{
    cleanup_free char *path = workspace_tree_path(workspace, name);

    if (workspace->namespaces) {
        if (sandbox_bind(path, workspace->build) < 0)
            return sc_error_errno(err, "cannot mount %s on %s", path, workspace->build);
        return 0;
    }
    if (rmdir(workspace->build) < 0 || rename(path, workspace->build) < 0)
        return sc_error_errno(err, "cannot rename %s to %s", path, workspace->build);
    return 0;
}

/* One tree at a time: all of them believe that they live at the same path. */
int workspace_tree_show(struct workspace *workspace, const char *name, struct sc_error **err)
{
    const char *base = tree_base(workspace, name);
    int result;

    if (workspace->shown || !base)
        return sc_error_set(err, SC_FAILED, "the tree '%s' cannot be shown now", name);
    if (*base) {
        cleanup_free char *lower = lower_layers(workspace, base);
        cleanup_free char *path = sc_format("trees/%s", name);

        result =
            sandbox_overlay(workspace->root, lower, path, workspace->build, workspace->user, err);
    } else {
        result = show_plain(workspace, name, err);
    }
    if (result == 0)
        workspace->shown = sc_format("%s", name);
    return result;
}

/* A tree without a base, and a copy, are directories that can be read in their place. */
char *workspace_tree_view(struct workspace *workspace, const char *name, struct sc_error **err)
{
    const char *base = tree_base(workspace, name);
    cleanup_free char *path = view_path(workspace, name);
    cleanup_free char *lower = NULL;

    if (!base || !*base || !workspace->overlays)
        return workspace_tree_path(workspace, name);
    if (string_list_has(&workspace->views, name))
        return steal_pointer(&path);
    lower = lower_layers(workspace, name);
    if (sc_dir_make(path, 0755, err) < 0 ||
        sandbox_overlay(workspace->root, lower, NULL, path, workspace->user, err) < 0)
        return NULL;
    string_list_add(&workspace->views, name);
    return steal_pointer(&path);
}

int workspace_tree_hide(struct workspace *workspace, struct sc_error **err)
{
    cleanup_free char *name = steal_pointer(&workspace->shown);
    cleanup_free char *path = NULL;

    if (!name)
        return 0;
    if (workspace->namespaces)
        return sandbox_unmount(workspace->build, err);
    path = workspace_tree_path(workspace, name);
    if (rename(workspace->build, path) < 0 || mkdir(workspace->build, 0755) < 0)
        return sc_error_errno(err, "cannot rename %s to %s", workspace->build, path);
    return 0;
}

/* Its layers go; views of other trees do not depend on it. */
int workspace_tree_drop(struct workspace *workspace, const char *name, struct sc_error **err)
{
    cleanup_free char *path = workspace_tree_path(workspace, name);
    struct string_list rest = {0};

    for (size_t i = 0; i < workspace->trees.count; i++) {
        const char *item = workspace->trees.items[i];
        size_t length = strlen(name);

        if (strncmp(item, name, length) != 0 || (item[length] != '=' && item[length]))
            string_list_add(&rest, item);
    }
    string_list_clear(&workspace->trees);
    workspace->trees = rest;
    return sc_tree_remove(path, err);
}

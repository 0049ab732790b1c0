/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directory that a build works in: source trees that lie on top of each other and appear, one
 * at a time, at the same absolute path.
 *
 * Where namespaces allow it, the caller's process gets its own mounts (and host name), the work
 * directory appears at a path that does not depend on its random name, and a tree on top of another
 * is an overlay. Elsewhere trees are copied, and renamed to the place where they must appear.
 */
#ifndef SYSCARE_WORKSPACE_H
#define SYSCARE_WORKSPACE_H

#include "lib/error.h"
#include "lib/string_list.h"

#include <stdbool.h>

struct workspace {
    char *real;       /* the directory as everybody sees it: parent/syscare-build-NAME-XXXXXX */
    char *root;       /* the same directory as this process and its children see it */
    char *top;        /* root/top: _topdir of rpmbuild */
    char *build;      /* where the tree that is shown appears: root/top/BUILD, or as asked for */
    char *build_root; /* where %install puts things: root/top/BUILDROOT/root, or as asked for */
    char *log;        /* root/build.log */
    bool namespaces;  /* own mounts and host name */
    bool user;        /* in a user namespace of our own */
    bool overlays;    /* trees on top of each other are overlays, not copies */
    char *shown;      /* name of the tree that is at build, or NULL */
    bool bound;       /* root is a mount of real */
    char *roots;      /* a directory where root/top/BUILDROOT is mounted, or NULL */
    struct string_list trees; /* "name" or "name=base" */
    struct string_list views; /* names of trees that are mounted for reading */
};

/* Where the trees and the build root of an earlier build were: absolute paths. */
struct workspace_place {
    const char *build, *build_root;
};

/*
 * Makes the directory parent/syscare-build-<name>-XXXXXX and moves the process into namespaces
 * (before threads are started). avoid: paths that must stay visible (outputs). place: trees and
 * build root appear there, for this process and its children only, even where nothing of that path
 * is on the host; NULL: anywhere. NULL with err set.
 */
struct workspace *workspace_open(const char *parent, const char *name,
                                 const struct string_list *avoid,
                                 const struct workspace_place *place, struct sc_error **err);

/* Where the files of a tree without a base are, or the layers of another; a new string. */
char *workspace_tree_path(const struct workspace *workspace, const char *name);

/* Hides what is shown, undoes the mounts, removes the directory unless keep; frees. */
int workspace_close(struct workspace *workspace, bool keep, struct sc_error **err);

/* The host name that the builds see. False where namespaces are missing. */
bool workspace_set_hostname(struct workspace *workspace, const char *name);

/*
 * A new tree: empty (base NULL), or with all files of base, which must not be shown and not be
 * written to any more.
 */
int workspace_tree_make(struct workspace *workspace, const char *name, const char *base,
                        struct sc_error **err);

/* Makes the tree appear at workspace->build. */
int workspace_tree_show(struct workspace *workspace, const char *name, struct sc_error **err);

/* Takes the tree that is shown away again; nothing happens when none is. */
int workspace_tree_hide(struct workspace *workspace, struct sc_error **err);

/* Removes a tree that is not shown. */
int workspace_tree_drop(struct workspace *workspace, const char *name, struct sc_error **err);

/*
 * A path where the files of a tree that is not shown can be read, while another one is; good until
 * the workspace is closed. The tree must not be written to any more. A new string, NULL with err.
 */
char *workspace_tree_view(struct workspace *workspace, const char *name, struct sc_error **err);

#endif

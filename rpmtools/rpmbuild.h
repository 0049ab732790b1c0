/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs single stages of rpmbuild in a workspace. */
#ifndef SYSCARE_RPMBUILD_H
#define SYSCARE_RPMBUILD_H

#include "lib/error.h"
#include "lib/string_list.h"
#include "rpmtools/workspace.h"

#include <stdbool.h>
#include <stdint.h>

enum rpmbuild_stage {
    RPMBUILD_PREP,    /* -bp: unpack and patch; fills an empty tree */
    RPMBUILD_BUILD,   /* %conf and %build, in the tree that is shown */
    RPMBUILD_INSTALL, /* %install into an empty build root, with the scripts that follow it */
};

/* What all stages of one package have in common. */
struct rpmbuild {
    const struct workspace *workspace;
    char *spec;   /* absolute path */
    char *macros; /* absolute path of a macro file to be loaded, or NULL */
    struct string_list defines, with, without;
    struct string_list hooks; /* definitions of our own: programs that stand before the stages */
    long jobs;
    uint64_t source_date; /* SOURCE_DATE_EPOCH to be set, 0: leave it to the environment and rpm */
};

/*
 * Runs a stage; its output goes to the workspace's log. env: more environment, "NAME=value" (a
 * capture), may be NULL. 0, or -1 with err set when it fails.
 */
int rpmbuild_run(const struct rpmbuild *how, enum rpmbuild_stage stage,
                 const struct string_list *env, struct sc_error **err);

/* The words "%prep", "%build", "%install". */
const char *rpmbuild_stage_name(enum rpmbuild_stage stage);

/*
 * The directory that %prep left as the source directory (%{buildsubdir}), relative to the build
 * directory; "." when the package has none. A new string, or NULL with err set.
 */
char *rpmbuild_source_directory(const struct rpmbuild *how, struct sc_error **err);

/* The build root that the last RPMBUILD_INSTALL filled. */
char *rpmbuild_root(const struct rpmbuild *how);

/* The value of a macro expression with the package's definitions; NULL with err set. */
char *rpmbuild_eval(const struct rpmbuild *how, const char *expression, struct sc_error **err);

/* A tag of the source package that the spec makes with these settings ("%{release}"); as eval. */
char *rpmbuild_query(const struct rpmbuild *how, const char *format, struct sc_error **err);

void rpmbuild_clear(struct rpmbuild *how);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `syscare build`: what its steps share. Every step is a function of its own, named after what it
 * does; build_main.c calls them in order. Data flows from one to the next through struct build.
 */
#ifndef SYSCARE_BUILD_H
#define SYSCARE_BUILD_H

#include "lib/error.h"
#include "lib/patch_info.h"
#include "lib/string_list.h"
#include "rpmtools/build_log.h"
#include "rpmtools/build_options.h"
#include "rpmtools/capture.h"
#include "rpmtools/capture_archive.h"
#include "rpmtools/faithful.h"
#include "rpmtools/linekeep.h"
#include "rpmtools/package.h"
#include "rpmtools/read_watch.h"
#include "rpmtools/rpmbuild.h"
#include "rpmtools/srpm.h"
#include "rpmtools/workspace.h"

#include <json-c/json.h>
#include <stdbool.h>

/* Names of the trees: the reference R after %build and after %install, P, and one for scratch. */
#define TREE_REFERENCE "r"
#define TREE_INSTALLED "i"
#define TREE_PATCHED "p"
#define TREE_SCRATCH "s"
#define TREE_PREPARED "q" /* after %prep only, where R comes from a capture */
#define TREE_UNKEPT "u"   /* only a name for objects: P without the line numbers that were kept */

#define BUILD_ADVICE_FAITHFUL                                                                      \
    "build as the shipped package was built: the same compiler, macros (--rpm-macros, --define) "  \
    "and SOURCE_DATE_EPOCH"

/* A translation unit that differs between R and P, as part of one target. */
struct build_unit {
    struct capture_unit *reference, *patched; /* NULL: new, or gone */
    struct string_list inputs;                /* names of its objects in the maps */
    bool types; /* LTO made its code: it is compiled again only for the layouts of its types */
};

/* An ELF file of the package. */
struct build_target {
    char *path;                      /* where the package installs it: "/usr/bin/redis-server" */
    char *built;                     /* the file in R's build root */
    char digest[SC_DIGEST_HEX_SIZE]; /* target digest of built */
    struct faithful_result faithful; /* zeroed until checked */
    struct capture_link *reference, *patched; /* how it was linked; NULL: not seen, not again */
    bool changed;                             /* P's code or data differ from R's */
    struct build_unit *units;
    size_t unit_count;
    bool lto; /* LTO made one object of the changed units: they are compared in that */
    struct string_list lto_inputs; /* what the maps call the objects that LTO made */
    struct json_object *report;    /* of the differ, or NULL */
    char *object;                  /* path of the patch object, or NULL */
};

/* Why something cannot be patched safely. */
struct build_refusal {
    char *code, *message;
    char *target;                              /* ELF path, or NULL */
    char *function, *object, *source, *advice; /* may be NULL */
};

struct build {
    struct build_options options;
    struct build_log log;
    struct workspace *workspace;
    struct rpmbuild rpmbuild;
    struct rpm_package *package;   /* the original source package */
    struct package_source earlier; /* of a patch source package; zeroed else */
    bool cumulative;               /* earlier is filled in */
    struct string_list patches;    /* all source patches as absolute paths, in order */
    struct faithful *faithful;
    char *gcc_version;              /* of the host's compiler: "12.2.0" */
    uint64_t source_date;           /* for the packages that are written */
    char *source_directory;         /* below workspace->build */
    struct linekeep_report changes; /* paths relative to source_directory */
    char *include;                  /* directory with <syscare-patch.h>, or NULL */
    struct json_object *sources;    /* what the patches edit: doc/formats.md, "Differ job" */
    struct string_list
        opened;        /* changes that R's stages read; new files whose directory they did */
    char *full_reason; /* why P is built from the start; NULL: it is not */
    bool configured;   /* P is as R was configured: its scripts were not run again */
    struct capture_header *archive;     /* of --capture: what R is; NULL: R is built */
    struct json_object *archive_result; /* its result.json */
    struct string_list environment;     /* of the capture that is being made */
    const char *base;                   /* the tree that P is compared with, and lies on: R */
    char *base_view;                    /* where its files can be read while P is shown */
    char *reference_root;               /* R's build root */
    size_t build_links;                 /* links of R's capture that were made before %install */
    struct capture *reference, *patched;
    struct build_target *targets;
    size_t target_count;
    struct build_refusal *refusals;
    size_t refusal_count;
    struct string_list warnings; /* of the package as a whole: build_warn.c */
    struct patch_info *info;
    struct package_result packages;
};

/* --- steps, in their order; each returns 0, or -1 with err set ------------------------------- */

/* Packages and patches are what they say and belong together. build_inputs.c */
int build_read_inputs(struct build *build, struct sc_error **err);
int build_unpack_source(struct build *build, struct sc_error **err);
int build_check_requires(struct build *build, struct sc_error **err);
int build_open_shipped(struct build *build, struct sc_error **err);
int build_check_compiler(struct build *build, struct sc_error **err);

/* Trees: %prep and a try of the patches; R; P. build_trees.c */
int build_prepare(struct build *build, struct sc_error **err);
int build_try_patches(struct build *build, struct sc_error **err);
int build_reference(struct build *build, struct sc_error **err);
int build_install_reference(struct build *build, struct sc_error **err);
int build_patched(struct build *build, struct sc_error **err);

/* R from the capture of the official build, and for such a capture. build_capture.c */
int build_unpack_capture(struct build *build, struct sc_error **err);
int build_check_capture_compiler(struct build *build, struct sc_error **err);
int build_save_capture(struct build *build, struct sc_error **err);

/* ELF files of R and how they were linked. build_targets.c */
int build_find_targets(struct build *build, struct sc_error **err);
int build_check_faithful(struct build *build, struct sc_error **err);

/* What the patch changes: in which files, units and ELF files. build_changes.c, build_units.c */
int build_check_changes(struct build *build, struct sc_error **err);
int build_find_units(struct build *build, struct sc_error **err);

/* Headers that other packages were compiled with. build_warn.c */
int build_warn_headers(struct build *build, struct sc_error **err);

/* Objects of the changed units, and their comparison. build_replay.c, build_diff.c */
int build_replay(struct build *build, struct sc_error **err);
int build_diff(struct build *build, struct sc_error **err);

/* Metadata and packages. build_package.c; the metadata is begun by build_diff: uuids */
int build_fill_info(struct build *build, struct sc_error **err);
int build_make_packages(struct build *build, struct sc_error **err);

/* --- helpers --------------------------------------------------------------------------------- */

/* What a changed file means for the build. build_changes.c */
enum change_kind {
    CHANGE_DOCUMENT, /* cannot get into an ELF file */
    CHANGE_SYSTEM,   /* a file of the build system: everything may change */
    CHANGE_SOURCE,   /* C-family source or header */
    CHANGE_OTHER,    /* anything else: may be the input of a generator */
};
enum change_kind build_change_kind(const char *path);

/*
 * Has the configure scripts of P, which is shown, do nothing where the patch cannot matter to them;
 * sets build->configured. build_configure.c
 */
int build_keep_configuration(struct build *build, struct sc_error **err);

/* Gives a new time to the sources of R's units that read what the patch changes. build_touch.c */
int build_touch_dependents(const struct build *build, struct sc_error **err);

/* Sets base: R after %build, or after %install where that builds everything. build_trees.c */
int build_choose_base(struct build *build, struct sc_error **err);

/* Whether the SRPM is what was captured. build_capture.c */
int build_check_capture_sources(const struct build *build, struct sc_error **err);

/* Has rpmbuild make a capture of R's stages, for --save-capture. */
void build_hook_stages(struct build *build);

/* What %install changed in R's tree, in the tree that is shown. */
int build_apply_installed(struct build *build, struct sc_error **err);

/* Undoes build_patched, so that it can be done again from the start because of reason. */
int build_patched_again(struct build *build, const char *reason, struct sc_error **err);

/* Watches which of the files that the patches change a stage of R reads. build_changes.c */
struct read_watch *build_watch_changes(const struct build *build);

/* True if the file exists in both trees with the same contents; path is below workspace->build,
 * where P is shown. *missing: in neither. build_units.c */
bool build_file_same(const struct build *build, const char *path, bool *missing);

/* The object that build_replay made of a unit in a tree; NULL for a NULL unit. build_replay.c */
char *build_object_path(const struct build *build, const char *tree,
                        const struct capture_unit *unit);

/* The same without LTO, for a unit of which only the types are compared. */
char *build_types_path(const struct build *build, const char *tree,
                       const struct capture_unit *unit);

/* The object that it made of all LTO inputs of a link. */
char *build_link_object_path(const struct build *build, const char *tree,
                             const struct capture_link *link);

/* For a changed target linked with LTO: sets lto, lto_inputs, and types of the units that are in
 * the objects of LTO. A refusal when the maps do not tell. build_lto.c */
int build_prepare_lto(struct build *build, struct build_target *target, struct sc_error **err);

/* What is known of the patch before its objects: names, versions, digests, uuid. build_package.c */
int build_begin_info(struct build *build, struct sc_error **err);

/* A refusal; texts are copied, NULL where allowed. build_refusal.c */
void build_refuse(struct build *build, const char *target, const char *code, const char *function,
                  const char *object, const char *source, const char *message, const char *advice);

/* -1 with err (SC_REFUSED) if there are refusals. */
int build_refused(const struct build *build, struct sc_error **err);

/* What the patches edit, as member "sources" of a job. P is not shown. NULL with err.
 * build_explain.c */
struct json_object *build_sources_json(struct build *build, struct sc_error **err);

/* True if linekeep set the numbers of a file that the unit was made from. build_explain.c */
bool build_unit_is_kept(const struct build *build, const struct capture_unit *unit);

/* Takes linekeep's directives out of the tree that is shown. build_explain.c */
int build_strip_kept(const struct build *build, struct sc_error **err);

/*
 * Puts <syscare-patch.h> where the patched build finds it, if a file that the patches change
 * includes it; their tree must be shown. build_header.c
 */
int build_offer_header(struct build *build, struct sc_error **err);

/* Adds what the patched build needs for that to build->environment. */
void build_add_header(struct build *build);

/* Prints refusals on stderr, and the summary or the JSON on stdout. build_summary.c */
void build_print_refusals(const struct build *build);
void build_print_summary(const struct build *build);
void build_print_json(const struct build *build, enum sc_status status, const char *message);

void build_clear(struct build *build);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of `syscare build`. */
#ifndef SYSCARE_BUILD_OPTIONS_H
#define SYSCARE_BUILD_OPTIONS_H

#include "lib/error.h"
#include "lib/string_list.h"

#include <stdbool.h>

/* Everything the user asked for. Strings are owned; paths of files that must exist are absolute. */
struct build_options {
    char *name;                   /* -n: valid as a patch name */
    char *version;                /* "1" unless given */
    char *release;                /* NULL unless given: 1, or the next of a cumulative build */
    char *arch;                   /* NULL: that of the target */
    char *description;            /* NULL unless given */
    char *source;                 /* -s */
    struct string_list debuginfo; /* -d; may be empty with --capture */
    struct string_list patches;   /* -p, in the order to be applied */
    struct string_list requires;  /* --patch-requires */
    struct string_list cves;      /* --cve */
    struct string_list defines;   /* -D: "MACRO EXPR" */
    struct string_list with, without;
    char *capture;      /* --capture, or NULL */
    char *save_capture; /* --save-capture, or NULL */
    char *macros;       /* --rpm-macros, or NULL */
    char *build_root;   /* absolute; "." unless given */
    char *output;       /* absolute; "." unless given; made when it is missing */
    long jobs;          /* at least 1 */
    bool version_given;
    bool full;           /* build the patched package from the start */
    bool no_deps;        /* leave out the check of the build dependencies */
    bool no_entry_jumps; /* each jump must stand behind a first instruction */
    bool skip_compiler_check, skip_cleanup, explain, json, verbose;
    bool help;
};

/*
 * Fills in *options (zeroed before) from the command line. 0, or -1 with err set: SC_USAGE for what
 * is wrong with the words themselves, SC_FAILED for files that are not there. options->help means
 * that nothing else was looked at.
 */
int build_options_parse(struct build_options *options, int argc, char **argv,
                        struct sc_error **err);

/* The text of --help. */
const char *build_options_help(void);

void build_options_clear(struct build_options *options);

#endif

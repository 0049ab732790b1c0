/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon can be told: command line, then /etc/syscare/syscared.conf, then defaults. */
#ifndef SYSCARE_RUNTIME_OPTIONS_H
#define SYSCARE_RUNTIME_OPTIONS_H

#include "lib/error.h"
#include "lib/string_list.h"

#include <stdbool.h>

/* What becomes of first callers. */
enum option_hold {
    OPTION_HOLD_AUTO,   /* BPF holds them where the kernel can */
    OPTION_HOLD_SIGNAL, /* where it cannot, SIGSTOP stops their processes */
};

/* All strings are owned and never NULL. */
struct options {
    char *run_dir;      /* socket, pid file */
    char *state_dir;    /* state file, copies of what is applied */
    char *patch_dir;    /* where patch packages install */
    char *bpffs;        /* directory for pins */
    char *root;         /* prefix of installed files and of the rpmdb; "" for the real root */
    char *libexec_dir;  /* where syscare-inject is */
    char *config;       /* the file that was read */
    unsigned uprobes;   /* enum uprobes_way */
    unsigned hold;      /* enum option_hold */
    unsigned hold_ms;   /* the longest that a first caller is held: 10..1000 */
    unsigned audit_s;   /* seconds between audits: 1..3600 */
    unsigned timeout_s; /* for one process in an eager pass: 1..60 */
    char *query_group;  /* group that may ask list, info, target, status, check; "" for none */
    struct string_list skip_paths;   /* globs of executables that are left alone */
    struct string_list skip_cgroups; /* globs of cgroup paths that are left alone */
    struct string_list skip_users;   /* numbers of users whose processes are left alone */
    bool entry_jumps;                /* false: patches with jumps at entries are refused */
    bool enable;                     /* false: the daemon ends at once, and touches nothing */
    bool trust_parents;              /* directories above those given may belong to anybody */
    bool foreground;                 /* log to stderr */
    bool verbose;
    bool help, version; /* print that and end */
};

/*
 * Reads the command line and the configuration file. A missing file is an error only where
 * --config named it. 0, or -1 with err set (SC_USAGE). Free with options_free in both cases.
 */
int options_read(struct options *options, int argc, char **argv, struct sc_error **err);

void options_free(struct options *options);

/* The text of --help. */
const char *options_help(void);

/*
 * True if the kernel command line (the text of /proc/cmdline) has the word syscare.enable=0; the
 * last syscare.enable= on it counts.
 */
bool options_kill_switch(const char *cmdline);

#endif

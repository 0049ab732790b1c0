/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the `syscare` command: options, the way to the daemon, one handler for each verb. */
#ifndef SYSCARE_CLI_H
#define SYSCARE_CLI_H

#include "lib/error.h"
#include "lib/string_list.h"

#include <json-c/json.h>
#include <stdbool.h>

#define CLI_RUN_DIR "/run/syscare"

/* What the command line says. */
struct cli {
    const char *run_dir; /* --run-dir, SYSCARE_RUN_DIR, or CLI_RUN_DIR */
    bool verbose, json, color;
    bool force, dry_run, keep_going, accepted;
    unsigned timeout_s; /* 0: not given */
    struct string_list ids;
};

/* A verb that the daemon serves. */
struct cli_verb {
    const char *name;
    /* Prints the data of an answer; messages and errors are printed by the caller. */
    void (*print)(const struct cli *cli, struct json_object *data);
    bool takes_ids;
    const char *options; /* letters: f, d(ry-run), k(eep-going), t(imeout), a(ccepted) */
    const char *help;
};

/* Asks the daemon. The caller owns the answer. NULL with err set: it is not running, … */
struct json_object *cli_ask(const struct cli *cli, const char *command, struct sc_error **err);

/* print.c */
void cli_print_list(const struct cli *cli, struct json_object *data);
void cli_print_info(const struct cli *cli, struct json_object *data);
void cli_print_target(const struct cli *cli, struct json_object *data);
void cli_print_status(const struct cli *cli, struct json_object *data);

#endif

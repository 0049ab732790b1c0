/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syscare-rpm-stage: runs one stage of rpmbuild in a capture. stage_main.c reads its command line,
 * stage_run.c runs the stage, stage_record.c writes down what it was given and what it left.
 */
#ifndef SYSCARE_STAGE_H
#define SYSCARE_STAGE_H

#include "lib/error.h"
#include "lib/string_list.h"

#include <json-c/json.h>
#include <stdbool.h>

struct stage {
    const char *name;   /* "prep", "conf", "build", "install" */
    const char *output; /* directory for the archive */
    const char *package, *version, *release, *arch;
    const char *epoch; /* NULL or "": none */
    const char *builddir, *subdir, *buildroot, *specdir;
    struct string_list sources;
    char **command; /* NULL-terminated: the shell and its script */
    char *work;     /* directory of our own beside the archive, until that is complete */
    char *capture;  /* the capture directory */
    bool inherited; /* a capture is being made by who started rpmbuild */
};

/* What an earlier stage left in work/state.json; the caller owns it. NULL with err set. */
struct json_object *stage_state_read(const struct stage *stage, struct sc_error **err);
int stage_state_write(const struct stage *stage, struct json_object *state, struct sc_error **err);

/* capture.json, of what is known before %install; the caller owns it. NULL with err set. */
struct json_object *stage_header(const struct stage *stage, struct json_object *state,
                                 struct sc_error **err);

/* What rpmbuild, our parent, was started with: {"defines","with","without","macros"}. The caller
 * owns it. NULL with err set. */
struct json_object *stage_settings(struct sc_error **err);

/* Digests of the spec and the sources: [{"name","sha256"}]. NULL with err set. */
struct json_object *stage_sources(const struct stage *stage, struct sc_error **err);

/*
 * Runs the command in the environment (NAME=VALUE); what it opens below the build directory goes
 * into state's member "opened" if watch. Its wait status, or -1 with err set.
 */
int stage_run(const struct stage *stage, const struct string_list *environment, bool watch,
              struct json_object *state, struct sc_error **err);

/* %install, and the archive around it. Its wait status, or -1 with err set. */
int stage_install(const struct stage *stage, const struct string_list *environment,
                  struct json_object *state, struct sc_error **err);

#endif

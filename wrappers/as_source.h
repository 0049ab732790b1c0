/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the text that an assembler read says about where it came from. */
#ifndef SYSCARE_AS_SOURCE_H
#define SYSCARE_AS_SOURCE_H

#include "lib/error.h"

#include <json-c/json.h>
#include <stdbool.h>

/* Findings about one assembler source. */
struct as_source {
    bool compiler_made; /* output of a compiler, not written by hand */
    char *name;         /* the file before preprocessing, by its line marker; NULL without one */
    struct json_object *deps; /* array of the files that line markers name and that exist */
};

/* Reads an assembler source from fd, from its beginning. 0, or -1 with err set. */
int as_source_read(int fd, struct as_source *source, struct sc_error **err);

/* Frees what source holds. */
void as_source_free(struct as_source *source);
#define cleanup_as_source __attribute__((cleanup(as_source_free)))

/*
 * Adds the prerequisites of a makefile rule as `as --MD` writes it to an array of names, without
 * those that are in it already, without skip (may be NULL), and without names of no file: with
 * debug information the assembler lists what .file directives say. 0, or -1 with err set.
 */
int as_dependencies_read(const char *path, const char *skip, struct json_object *deps,
                         struct sc_error **err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which lines the source patch edits, from the job ("sources", doc/formats.md), and what the line
 * numbers of the debugging information mean: unchanged lines have the number that they had in the
 * original, so that they compile to the same object; people want the number in the patched file.
 */
#ifndef SYSCARE_DIFFER_EDITS_H
#define SYSCARE_DIFFER_EDITS_H

#include "differ/pool.h"
#include "lib/error.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/* Lines that follow each other, both in the debugging information and in the file. */
struct edit_run {
    uint32_t first, count; /* numbers in the debugging information */
    uint32_t real;         /* what the patched file calls the first */
    bool edited;           /* they are new, or read otherwise than in the original */
};

/* A file that the patch changes. */
struct edit_file {
    const char *path; /* as the compiler sees it */
    const char *name; /* for people */
    struct edit_run *runs;
    size_t run_count;
    struct edit_run *removed; /* first, count: in the original; real: before what they stood */
    size_t removed_count;
};

/* All zero: nothing is known, and no place is shown. */
struct edits {
    struct edit_file *files; /* sorted by path */
    size_t count;
    const char *root; /* the source directory, without a final slash; or NULL */
};

/* Takes the members "sources" and "source_root" of the job; both may be missing. */
int edits_read(struct edits *edits, struct pool *pool, struct json_object *job,
               struct sc_error **err);

/* NULL when the patch does not change that file. */
const struct edit_file *edits_find(const struct edits *edits, const char *path);

/*
 * The line of the patched file that the debugging information of the patched build calls line;
 * *edited tells whether the patch made it. file may be NULL: not changed.
 */
uint32_t edits_line(const struct edit_file *file, uint32_t line, bool *edited);

/* The same for the original build; *edited tells whether the patch removes the line. */
uint32_t edits_old_line(const struct edit_file *file, uint32_t line, bool *edited);

/* "src/a.c:12": path below the source directory. Memory of the pool. */
const char *edits_place(const struct edits *edits, struct pool *pool, const char *path,
                        uint32_t line);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps line numbers: puts `#line` into patched C-family sources so that every unchanged line has
 * the number that it had in the original, and code that a patch only moved (__LINE__, asserts,
 * static locals told apart by line) compiles to the same object.
 */
#ifndef SYSCARE_LINEKEEP_H
#define SYSCARE_LINEKEEP_H

#include "lib/error.h"
#include "lib/string_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The first number of inserted lines. No C file is that long, so that names pasted from __LINE__
 * stay unique, and a message that names such a line shows that it is one of the patch. But a
 * compiler run with -std=c90 -pedantic -Werror (cJSON) takes only numbers up to 32767: a tree whose
 * changed files are shorter than LINEKEEP_SMALL_BASE, and all together leave room, gets those.
 */
#define LINEKEEP_BASE 1000000
#define LINEKEEP_SMALL_BASE 20000
#define LINEKEEP_C90_MAX 32767

enum linekeep_outcome {
    LINEKEEP_SAME = 0,       /* nothing to do: texts are equal, or no line after a change moved */
    LINEKEEP_DONE,           /* directives were inserted */
    LINEKEEP_HAS_DIRECTIVES, /* left alone: #line (or # 12 "file") is used already */
    LINEKEEP_NOT_TEXT,       /* left alone: NUL bytes, or CR line ends of old Macs */
    LINEKEEP_UNSETTLED,      /* left alone: quotes or conditionals do not balance, so that no
                                place for a directive is sure */
};

/*
 * One file. On LINEKEEP_DONE *kept is the patched text with directives (malloc'd, kept_size bytes),
 * else NULL. *next_number is the number for the next inserted line (first LINEKEEP_BASE); it is
 * raised by one for each. Every outcome is a success; aborts when memory runs out.
 */
enum linekeep_outcome linekeep_text(const char *original, size_t original_size, const char *patched,
                                    size_t patched_size, uint32_t *next_number, char **kept,
                                    size_t *kept_size);

/* True if the name is one of a C-family source or header that linekeep understands. */
bool linekeep_name_matches(const char *name);

/* What linekeep_tree did, as paths relative to the tree. */
struct linekeep_report {
    struct string_list changed; /* every regular file that differs or is new, of any language */
    struct string_list removed; /* files of the original that the patched tree lacks */
    struct string_list kept;    /* those of changed that got directives */
    struct string_list left;    /* "path: why" for C-family files that were left alone */
};

/*
 * Compares the files of two prepared source trees and rewrites those of patched in place (with
 * their mode). Directories named in skip (relative, NULL-terminated, may be NULL) are not entered.
 * 0, or -1 with err set.
 */
int linekeep_tree(const char *original, const char *patched, const char *const *skip,
                  struct linekeep_report *report, struct sc_error **err);

void linekeep_report_clear(struct linekeep_report *report);

#endif

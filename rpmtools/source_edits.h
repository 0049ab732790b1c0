/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which lines of a source file a patch edits, and what the compiler calls each of its lines. */
#ifndef SYSCARE_SOURCE_EDITS_H
#define SYSCARE_SOURCE_EDITS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Compares a file with its original (NULL and 0: it is new). kept: the text holds the directives of
 * linekeep, which are no lines of the patched file. Blank lines and those that are nothing but
 * comment do not count as edited.
 *
 * The result has the members "lines" and "removed" of doc/formats.md ("Differ job"). NULL for what
 * cannot be counted: NUL bytes, or #line directives of its own. Aborts when memory runs out.
 */
struct json_object *source_edits(const char *original, size_t original_size, const char *text,
                                 size_t size, bool kept);

/*
 * The text without the directives of linekeep, as the patch's author wrote it; malloc'd, *stripped
 * is its size.
 */
char *source_strip_kept(const char *text, size_t size, size_t *stripped);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which lines of a text are those of another. */
#ifndef SYSCARE_LINE_DIFF_H
#define SYSCARE_LINE_DIFF_H

#include <stddef.h>
#include <stdint.h>

/* A line of a text, with its newline (the last may lack one). Points into the text. */
struct text_line {
    const char *text;
    size_t size;
};

/* Splits text after each '\n'; *lines is malloc'd. Returns their number. */
size_t text_split(const char *text, size_t size, struct text_line **lines);

/*
 * Pairs equal lines of old and new, in order on both sides, leaving as few as possible over (E. W.
 * Myers, "An O(ND) Difference Algorithm and Its Variations", 1986, the linear-space refinement;
 * texts with thousands of differences may be paired less than best).
 * twin[i] is 1 + the index in old of new's line i, or 0 when that is an inserted or changed line.
 */
void line_diff(const struct text_line *old, size_t old_count, const struct text_line *new_,
               size_t new_count, uint32_t *twin);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where in a C-family source a preprocessor directive can stand, and which ones stand there. */
#ifndef SYSCARE_C_LINES_H
#define SYSCARE_C_LINES_H

#include <stdbool.h>
#include <stddef.h>

enum c_directive {
    C_NO_DIRECTIVE = 0,
    C_IF,    /* #if #ifdef #ifndef */
    C_ELSE,  /* #else #elif #elifdef #elifndef */
    C_ENDIF, /* #endif */
    C_LINE,  /* #line, or # and a number */
    C_OTHER,
};

/* A physical line. */
struct c_line {
    enum c_directive directive; /* that begins on this line */
    bool inside; /* begins inside a comment, a raw string, or after a backslash: no directive can
                    be put before it */
};

/*
 * Scans text of count physical lines ('\n' ends one) and fills lines. Quotes and comments are seen
 * as GCC's preprocessor sees them, in skipped #if groups too: a quote that is not closed ends with
 * its line. Raw strings are taken for such in C as well, where some dialects have them.
 * True if all comments, raw strings and conditionals are closed at the end.
 */
bool c_lines_scan(const char *text, size_t size, struct c_line *lines, size_t count);

#endif

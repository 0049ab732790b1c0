/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of the GNU assembler, taken apart (as(1), gas/as.c). */
#ifndef SYSCARE_AS_OPTIONS_H
#define SYSCARE_AS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* All strings are shared with the argument vector that was parsed; the vectors are owned. */
struct as_options {
    const char *output; /* of -o; "a.out" without */
    char **inputs;      /* NULL-terminated; "-" is standard input */
    size_t input_count; /* no input at all means standard input too */
    char **
        code_options; /* what is neither input nor output: NULL-terminated, made to be used again */
    size_t code_count;      /* how many of them */
    const char *dependency; /* of --MD, NULL without */
    bool informs_only;      /* --help, --version and the like: nothing is assembled */
};

/*
 * argv[0] is the program. Options that write further files (--MD, -a…=FILE) are left out of
 * code_options. An option that is not known is taken for one without a separate argument, as nearly
 * all are.
 */
void as_options_parse(char *const *argv, struct as_options *options);

/* True if something is read from standard input. */
bool as_options_stdin(const struct as_options *options);

void as_options_free(struct as_options *options);
#define cleanup_as_options __attribute__((cleanup(as_options_free)))

#endif

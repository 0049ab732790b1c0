/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Response files (@FILE) on a command line, by the rules of GNU programs. */
#ifndef SYSCARE_RESPONSE_FILE_H
#define SYSCARE_RESPONSE_FILE_H

/*
 * Expands each word "@file" of a NULL-terminated vector into the words that file holds, which may
 * be
 * "@file" again. Blanks separate words; inside '…' and "…" they do not; a backslash takes the next
 * character as it is (binutils' manual, "@file"). A file that cannot be read leaves its word as it
 * is, as in GNU programs. Returns a new vector, which with its strings is freed by argv_free.
 */
char **argv_expand(char *const *argv);

/* Frees a vector and its strings; NULL is allowed. */
void argv_free(char **argv);

static inline void argv_cleanup(char ***argv)
{
    argv_free(*argv);
}
#define cleanup_argv __attribute__((cleanup(argv_cleanup)))

#endif

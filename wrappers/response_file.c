// SPDX-License-Identifier: GPL-2.0-or-later
// Response files (@FILE) on a command line, by the rules of GNU programs.
#include "wrappers/response_file.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* GNU programs stop after so many files too: one may name itself. */
#define EXPANSIONS_MAX 2000
#define RESPONSE_FILE_MAX (64u << 20)

/* A vector that grows. */
struct words {
    char **words; /* NULL-terminated */
    size_t count;
    size_t room;
    int expansions; /* files read so far */
};

static void words_add(struct words *list, char *word)
{
    if (list->count + 2 > list->room) {
        list->room = list->room ? 2 * list->room : 64;
        list->words = reallocarray(list->words, list->room, sizeof(*list->words));
        if (!list->words)
            abort();
    }
    list->words[list->count++] = word;
    list->words[list->count] = NULL;
}

/* The next word of *text, unquoted, in word, which has room for all of it; NULL at the end. */
static char *word_next(const char **text, char *word)
{
    const char *from = *text;
    char quote = '\0';
    char *to = word;

    while (isspace((unsigned char)*from))
        from++;
    if (!*from)
        return NULL;
    for (; *from && (quote || !isspace((unsigned char)*from)); from++) {
        if (*from == '\\' && from[1])
            *to++ = *++from;
        else if (quote ? *from == quote : *from == '\'' || *from == '"')
            quote = quote ? '\0' : *from;
        else
            *to++ = *from;
    }
    *to = '\0';
    *text = from;
    return word;
}

static void word_expand(struct words *list, char *word);

/* Adds the words of a file; false if it cannot be read. */
static bool file_expand(struct words *list, const char *path)
{
    cleanup_free char *text = NULL;
    cleanup_free char *word = NULL;
    const char *rest;
    size_t size;

    if (list->expansions++ >= EXPANSIONS_MAX ||
        sc_file_read(path, RESPONSE_FILE_MAX, &text, &size, NULL) < 0)
        return false;
    word = malloc(size + 1);
    if (!word)
        abort();
    rest = text;
    while (word_next(&rest, word))
        word_expand(list, sc_format("%s", word));
    return true;
}

/* Adds a word, or what the file holds that it names. Takes word. */
static void word_expand(struct words *list, char *word)
{
    if (word[0] == '@' && word[1] && file_expand(list, word + 1))
        free(word);
    else
        words_add(list, word);
}

char **argv_expand(char *const *argv)
{
    struct words list = {0};

    for (; *argv; argv++)
        word_expand(&list, sc_format("%s", *argv));
    if (!list.words)
        list.words = calloc(1, sizeof(*list.words));
    return list.words;
}

void argv_free(char **argv)
{
    for (char **word = argv; word && *word; word++)
        free(*word);
    free(argv);
}

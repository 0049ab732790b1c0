// SPDX-License-Identifier: GPL-2.0-or-later
// What the text that an assembler read says about where it came from.
#include "wrappers/as_source.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <ctype.h>
#include <string.h>

/* Adds name unless it is there. Quadratic, but an assembler source has a handful of includes. */
static void names_add(struct json_object *names, const char *name)
{
    for (size_t i = 0; i < json_object_array_length(names); i++)
        if (strcmp(json_object_get_string(json_object_array_get_idx(names, i)), name) == 0)
            return;
    json_object_array_add(names, json_object_new_string(name));
}

/* The file of a line marker, `# 12 "file" flags` (GCC's cpp manual, "Preprocessor Output"), or
 * NULL. */
static char *marker_file(const char *line)
{
    char *file, *to;

    if (line[0] != '#' || line[1] != ' ' || !isdigit((unsigned char)line[2]))
        return NULL;
    line += 2 + strspn(line + 2, "0123456789");
    if (line[0] != ' ' || line[1] != '"')
        return NULL;
    to = file = malloc(strlen(line));
    if (!file)
        abort();
    for (line += 2; *line && *line != '"'; line++)
        *to++ = *line == '\\' && line[1] ? *++line : *line;
    *to = '\0';
    return file;
}

/* One line. The first that is not empty decides what kind of text this is. */
static void line_read(const char *line, bool *first, struct as_source *source)
{
    cleanup_free char *file = marker_file(line);

    if (*first && *line != '\n') {
        *first = false;
        /* GCC and clang begin so; what they compiled is told by their own record or not at all */
        source->compiler_made = strncmp(line, "\t.file\t\"", 8) == 0;
        source->name = file && *file != '<' ? sc_format("%s", file) : NULL;
    }
    /* a name that ends in a slash is the working directory, which -g makes cpp tell */
    if (source->name && file && *file && *file != '<' && file[strlen(file) - 1] != '/' &&
        sc_file_exists(file))
        names_add(source->deps, file);
}

int as_source_read(int fd, struct as_source *source, struct sc_error **err)
{
    cleanup_file FILE *file = NULL;
    cleanup_free char *line = NULL;
    int copy = dup(fd);
    size_t room = 0;
    bool first = true;

    *source = (struct as_source){.deps = json_object_new_array()};
    file = copy >= 0 ? fdopen(copy, "r") : NULL;
    if (!file || fseek(file, 0, SEEK_SET) < 0) {
        sc_error_errno(err, "cannot read the assembler's input");
        if (!file && copy >= 0)
            close(copy);
        return -1;
    }
    while (getline(&line, &room, file) >= 0 && !source->compiler_made)
        line_read(line, &first, source);
    return 0;
}

void as_source_free(struct as_source *source)
{
    free(source->name);
    json_object_put(source->deps);
}

/* Takes the next word of a makefile rule out of *text: blanks end it, `\ ` and `$$` stand for a
 * character. */
static char *rule_word(char **text)
{
    char *from = *text, *word, *to;

    while (isspace((unsigned char)*from) ||
           (from[0] == '\\' && (from[1] == '\n' || from[1] == '\r')))
        from++;
    if (!*from)
        return NULL;
    for (word = to = from; *from && !isspace((unsigned char)*from); from++) {
        if ((from[0] == '\\' && from[1] == ' ') || (from[0] == '$' && from[1] == '$'))
            from++;
        *to++ = *from;
    }
    *text = *from ? from + 1 : from;
    *to = '\0';
    return word;
}

int as_dependencies_read(const char *path, const char *skip, struct json_object *deps,
                         struct sc_error **err)
{
    cleanup_free char *text = NULL;
    char *rest, *word;
    size_t size;

    if (sc_file_read(path, 64u << 20, &text, &size, err) < 0)
        return -1;
    rest = strstr(text, ": ");
    rest = rest ? rest + 2 : text + size;
    while ((word = rule_word(&rest)))
        if ((!skip || strcmp(word, skip) != 0) && sc_file_exists(word))
            names_add(deps, word);
    return 0;
}

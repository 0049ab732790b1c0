// SPDX-License-Identifier: GPL-2.0-or-later
// Which objects and archive members a link took in, as the linker's map tells.
//
// GNU ld lists archive members at the top ("Archive member included …") and files as LOAD lines;
// gold has the first list, but for files only the contributions to sections; lld has neither, and
// one column for contributions. Numbers are not needed here: the differ reads addresses from the
// map itself.
#include "wrappers/link_map.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <ctype.h>
#include <search.h>
#include <stdbool.h>
#include <string.h>

/* What the reader knows while it goes through the lines of a map. */
struct reader {
    struct map_inputs *inputs;
    enum { PART_OTHER, PART_MEMBERS, PART_LLD } part;
    bool has_load;     /* LOAD lines seen: the map of GNU ld, contributions tell nothing new */
    size_t lld_column; /* where the names of inputs begin in lld's table */
    void *names;       /* of all inputs: a tree, tsearch(3) */
    char *pending;     /* a line of the member list that is a name if the next one is indented */
};

/* Splits "libx.a(y.o)", unless a file has that very name. */
static void input_split(struct map_input *input)
{
    size_t size = strlen(input->name);
    char *open;

    input->path = sc_format("%s", input->name);
    open = strrchr(input->path, '(');
    if (!open || open == input->path || input->name[size - 1] != ')' || sc_file_exists(input->path))
        return;
    input->path[size - 1] = '\0';
    *open = '\0';
    input->member = sc_format("%s", open + 1);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Adds an input unless it is in the list. gold lists each once for every section that it has. */
static void inputs_add(struct reader *reader, const char *name, size_t size)
{
    struct map_inputs *list = reader->inputs;
    struct map_input input = {.name = sc_format("%.*s", (int)size, name)};
    char **known = tsearch(input.name, &reader->names, compare_names);

    if (!known)
        abort();
    if (*known != input.name) {
        free(input.name);
        return;
    }
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 64;
        list->inputs = reallocarray(list->inputs, list->room, sizeof(*list->inputs));
        if (!list->inputs)
            abort();
    }
    input_split(&input);
    list->inputs[list->count++] = input;
}

/* The names themselves belong to the list. */
static void keep_name(void *name)
{
    (void)name;
}

static size_t trimmed_size(const char *text, size_t size)
{
    while (size && isspace((unsigned char)text[size - 1]))
        size--;
    return size;
}

/*
 * The list of members: "libx.a(y.o)   main.o (function)". A name of 29 characters or more has a
 * line of its own, and the reason follows indented; a shorter one is padded to column 30.
 */
static void member_line(struct reader *reader, const char *line, size_t size)
{
    if (size == 0)
        return;
    if (isspace((unsigned char)*line)) {
        if (reader->pending)
            inputs_add(reader, reader->pending, strlen(reader->pending));
    } else if (size >= 30 && line[29] == ' ' && trimmed_size(line, 30) < 29) {
        inputs_add(reader, line, trimmed_size(line, 30));
    } else {
        free(reader->pending);
        reader->pending = sc_format("%.*s", (int)size, line);
        return;
    }
    free(steal_pointer(&reader->pending));
}

/* A contribution, " .text  0x1139  0x1b main.o": the text after the second number. */
static void contribution_line(struct reader *reader, const char *line, size_t size)
{
    const char *at = line;

    for (int i = 0; i < 2; i++) {
        at = strstr(at, " 0x");
        if (!at)
            return;
        at += 3 + strspn(at + 3, "0123456789abcdef");
    }
    if (*at != ' ' || !isspace((unsigned char)*line))
        return;
    at += strspn(at, " ");
    if (at < line + size && (*at == '/' || strchr(at, '.')))
        inputs_add(reader, at, (size_t)(line + size - at));
}

/* A row of lld's table, with "name:(section)" in the column headed In. */
static void lld_line(struct reader *reader, const char *line, size_t size)
{
    const char *end = NULL;

    if (size <= reader->lld_column || isspace((unsigned char)line[reader->lld_column]))
        return;
    line += reader->lld_column;
    for (const char *at = line; (at = strstr(at, ":(")); at++)
        end = at;
    if (end && *line != '<')
        inputs_add(reader, line, (size_t)(end - line));
}

/* Recognises the line that begins a part. */
static bool heading_line(struct reader *reader, const char *line)
{
    const char *in = strstr(line, " In ");

    if (strncmp(line, "Archive member included", 23) == 0)
        reader->part = PART_MEMBERS;
    else if (reader->part == PART_OTHER && in && strstr(line, "VMA") && strstr(line, "Symbol")) {
        reader->part = PART_LLD;
        reader->lld_column = (size_t)(in - line) + 1;
    } else if (reader->part == PART_MEMBERS &&
               (strncmp(line, "As-needed library", 17) == 0 ||
                strncmp(line, "Discarded input", 15) == 0 || strncmp(line, "Memory ", 7) == 0 ||
                strncmp(line, "Linker script", 13) == 0 || strncmp(line, "Allocating", 10) == 0 ||
                strncmp(line, "Merging program", 15) == 0 || strncmp(line, "Common", 6) == 0))
        reader->part = PART_OTHER;
    else
        return false;
    return true;
}

static void map_line(struct reader *reader, const char *line)
{
    size_t size = trimmed_size(line, strlen(line));

    if (heading_line(reader, line))
        return;
    if (reader->part == PART_MEMBERS) {
        member_line(reader, line, size);
    } else if (reader->part == PART_LLD) {
        lld_line(reader, line, size);
    } else if (size > 5 && strncmp(line, "LOAD ", 5) == 0) {
        reader->has_load = true;
        inputs_add(reader, line + 5, size - 5);
    } else if (!reader->has_load) {
        contribution_line(reader, line, size);
    }
}

int link_map_read(const char *path, struct map_inputs *inputs, struct sc_error **err)
{
    cleanup_file FILE *file = fopen(path, "re");
    cleanup_free char *line = NULL;
    struct reader reader = {.inputs = inputs};
    size_t room = 0;

    if (!file)
        return sc_error_errno(err, "cannot open %s", path);
    while (getline(&line, &room, file) >= 0)
        map_line(&reader, line);
    free(reader.pending);
    tdestroy(reader.names, keep_name);
    return 0;
}

void map_inputs_free(struct map_inputs *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->inputs[i].name);
        free(list->inputs[i].path);
        free(list->inputs[i].member);
    }
    free(list->inputs);
}

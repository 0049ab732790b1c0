// SPDX-License-Identifier: GPL-2.0-or-later
// Tells which lines a patch edits, in the numbers of the compiler and in those of the file.
#include "rpmtools/source_edits.h"

#include "rpmtools/line_diff.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Both versions of a file. */
struct comparison {
    struct text_line *old, *lines; /* lines: without the directives of linekeep */
    size_t old_count, count;
    unsigned int *numbers; /* the compiler's, of lines */
    uint32_t *twin;
};

static void comparison_clear(struct comparison *comparison)
{
    free(comparison->old);
    free(comparison->lines);
    free(comparison->numbers);
    free(comparison->twin);
}

/* "#line N" as linekeep writes it, at the start of a line and without a file name. 0: it is not. */
static unsigned int directive_number(const struct text_line *line)
{
    static const char word[] = "#line ";
    unsigned int number = 0;

    if (line->size < sizeof(word) || memcmp(line->text, word, sizeof(word) - 1) != 0)
        return 0;
    for (size_t i = sizeof(word) - 1; i < line->size && line->text[i] != '\n'; i++) {
        if (!isdigit((unsigned char)line->text[i]))
            return 0;
        number = number * 10 + (unsigned int)(line->text[i] - '0');
    }
    return number;
}

/* Any directive that sets the number: #line, # line, # 12 "file". */
static bool sets_number(const struct text_line *line)
{
    size_t i = 0;

    while (i < line->size && isblank((unsigned char)line->text[i]))
        i++;
    if (i == line->size || line->text[i] != '#')
        return false;
    for (i++; i < line->size && isblank((unsigned char)line->text[i]); i++)
        ;
    return (line->size - i > 4 && memcmp(line->text + i, "line", 4) == 0 &&
            isblank((unsigned char)line->text[i + 4])) ||
           (i < line->size && isdigit((unsigned char)line->text[i]));
}

/* Splits the text, taking the directives out. False if they are not linekeep's. */
static bool number_lines(struct comparison *comparison, const char *text, size_t size, bool kept)
{
    size_t count = text_split(text, size, &comparison->lines);
    unsigned int next = 1;

    comparison->numbers = calloc(count + 1, sizeof(*comparison->numbers));
    if (!comparison->numbers)
        abort();
    for (size_t i = 0; i < count; i++) {
        unsigned int number = kept ? directive_number(&comparison->lines[i]) : 0;

        if (number) {
            next = number;
            continue;
        }
        if (sets_number(&comparison->lines[i]))
            return false;
        comparison->numbers[comparison->count] = next++;
        comparison->lines[comparison->count++] = comparison->lines[i];
    }
    return true;
}

/* Whether a line can have any effect on the code. before: the one above it, or NULL. */
static bool has_effect(const struct text_line *line, const struct text_line *before)
{
    const char *text = line->text;
    size_t size = line->size;
    bool continued = before && before->size > 1 && before->text[before->size - 2] == '\\';

    while (size && isspace((unsigned char)*text))
        text++, size--;
    while (size && isspace((unsigned char)text[size - 1]))
        size--;
    if (size == 0)
        return false;
    if (continued || size == 1)
        return true;
    if (memcmp(text, "//", 2) == 0)
        return text[size - 1] == '\\';
    return !(size >= 4 && memcmp(text, "/*", 2) == 0 && memcmp(text + size - 2, "*/", 2) == 0 &&
             !memmem(text + 2, size - 4, "*/", 2));
}

static void add_numbers(struct json_object *array, size_t count, const size_t *numbers)
{
    struct json_object *run = json_object_new_array();

    for (size_t i = 0; i < count; i++)
        json_object_array_add(run, json_object_new_int64((int64_t)numbers[i]));
    json_object_array_add(array, run);
}

/* [first, count, real, edited]: as long as both numbers go up together. */
static struct json_object *lines_json(const struct comparison *comparison)
{
    struct json_object *array = json_object_new_array();
    size_t run[4] = {0};

    for (size_t i = 0; i < comparison->count; i++) {
        bool edited = !comparison->twin[i] &&
                      has_effect(&comparison->lines[i], i ? &comparison->lines[i - 1] : NULL);
        size_t number = comparison->numbers[i];

        if (run[1] && run[0] + run[1] == number && run[3] == edited) {
            run[1]++;
            continue;
        }
        if (run[1])
            add_numbers(array, 4, run);
        run[0] = number;
        run[1] = 1;
        run[2] = i + 1;
        run[3] = edited;
    }
    if (run[1])
        add_numbers(array, 4, run);
    return array;
}

/* [first, count, real]: lines of the original between two that stay. */
static void add_removed(struct json_object *array, const struct comparison *comparison, size_t from,
                        size_t to, size_t before)
{
    size_t run[3] = {0, 0, before < comparison->count ? before + 1 : comparison->count};

    for (size_t i = from; i <= to; i++) {
        bool counts = i < to && has_effect(&comparison->old[i], i ? &comparison->old[i - 1] : NULL);

        if (counts && run[1]++ == 0)
            run[0] = i + 1;
        if (!counts && run[1]) {
            add_numbers(array, 3, run);
            run[1] = 0;
        }
    }
}

static struct json_object *removed_json(const struct comparison *comparison)
{
    struct json_object *array = json_object_new_array();
    size_t next = 0; /* in the original: first line that was not seen */

    for (size_t i = 0; i < comparison->count; i++) {
        if (!comparison->twin[i])
            continue;
        add_removed(array, comparison, next, comparison->twin[i] - 1, i);
        next = comparison->twin[i];
    }
    add_removed(array, comparison, next, comparison->old_count, comparison->count);
    return array;
}

struct json_object *source_edits(const char *original, size_t original_size, const char *text,
                                 size_t size, bool kept)
{
    struct comparison comparison = {0};
    struct json_object *json = NULL;

    if (memchr(text, '\0', size) || (original && memchr(original, '\0', original_size)))
        return NULL;
    if (number_lines(&comparison, text, size, kept)) {
        comparison.old_count = text_split(original ? original : "", original_size, &comparison.old);
        comparison.twin = calloc(comparison.count + 1, sizeof(*comparison.twin));
        if (!comparison.twin)
            abort();
        line_diff(comparison.old, comparison.old_count, comparison.lines, comparison.count,
                  comparison.twin);
        json = json_object_new_object();
        json_object_object_add(json, "lines", lines_json(&comparison));
        json_object_object_add(json, "removed", removed_json(&comparison));
    }
    comparison_clear(&comparison);
    return json;
}

char *source_strip_kept(const char *text, size_t size, size_t *stripped)
{
    struct text_line *lines;
    size_t count = text_split(text, size, &lines);
    char *out = malloc(size + 1);

    if (!out)
        abort();
    *stripped = 0;
    for (size_t i = 0; i < count; i++) {
        if (directive_number(&lines[i]))
            continue;
        memcpy(out + *stripped, lines[i].text, lines[i].size);
        *stripped += lines[i].size;
    }
    free(lines);
    return out;
}

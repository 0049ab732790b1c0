// SPDX-License-Identifier: GPL-2.0-or-later
// A growing list of strings that it owns.
#include "lib/string_list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes text, which is malloc'd. */
static void list_take(struct string_list *list, char *text)
{
    char **items = reallocarray(list->items, list->count + 2, sizeof(*items));

    if (!items || !text)
        abort();
    items[list->count++] = text;
    items[list->count] = NULL;
    list->items = items;
}

void string_list_add(struct string_list *list, const char *text)
{
    list_take(list, strdup(text));
}

void string_list_format(struct string_list *list, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        abort();
    va_end(args);
    list_take(list, text);
}

void string_list_extend(struct string_list *list, const struct string_list *more)
{
    for (size_t i = 0; i < more->count; i++)
        string_list_add(list, more->items[i]);
}

bool string_list_has(const struct string_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], text) == 0)
            return true;
    return false;
}

char *string_list_join(const struct string_list *list, const char *separator)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        abort();
    for (size_t i = 0; i < list->count; i++)
        fprintf(out, "%s%s", i ? separator : "", list->items[i]);
    if (fclose(out))
        abort();
    return text;
}

void string_list_clear(struct string_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct string_list){0};
}

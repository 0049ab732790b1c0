/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing list of strings that it owns. */
#ifndef SYSCARE_STRING_LIST_H
#define SYSCARE_STRING_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed is empty. items has count entries, none NULL, and a NULL after the last (if not empty). */
struct string_list {
    char **items;
    size_t count;
};

/* Appends a copy of text; aborts when memory runs out. */
void string_list_add(struct string_list *list, const char *text);

/* As string_list_add, with printf. */
void string_list_format(struct string_list *list, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends copies of all of more. */
void string_list_extend(struct string_list *list, const struct string_list *more);

/* True if text is one of the items. */
bool string_list_has(const struct string_list *list, const char *text);

/* All items with separator between them, in a new string ("" for an empty list). */
char *string_list_join(const struct string_list *list, const char *separator);

/* Frees the items and makes the list empty; also for __attribute__((cleanup)). */
void string_list_clear(struct string_list *list);
#define cleanup_strings __attribute__((cleanup(string_list_clear)))

#endif

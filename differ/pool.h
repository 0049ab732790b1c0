/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that lives as long as one comparison, and growing lists in it. The model is a graph in
 * which everything points to everything; freeing it node by node would only invite mistakes.
 */
#ifndef SYSCARE_DIFFER_POOL_H
#define SYSCARE_DIFFER_POOL_H

#include <stddef.h>

struct pool_block;

/* An empty pool is all zero. */
struct pool {
    struct pool_block *blocks;
};

/* Zeroed memory of the pool; never NULL (aborts when memory runs out). */
void *pool_alloc(struct pool *pool, size_t size);
char *pool_string(struct pool *pool, const char *text);
char *pool_format(struct pool *pool, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Frees everything at once. */
void pool_free(struct pool *pool);

/* A growing array of pointers; empty when zeroed. The items are not owned. */
struct list {
    void **items;
    size_t count, room;
};

void list_add(struct pool *pool, struct list *list, void *item);

/* An index by name, made once and then searched. Several items may have one name. */
struct name_entry {
    const char *name;
    void *item;
};
struct name_index {
    struct name_entry *entries;
    size_t count, room;
};

void name_index_add(struct pool *pool, struct name_index *index, const char *name, void *item);
/* Sorts; afterwards entries of one name stand in the order in which they were added. */
void name_index_sort(struct name_index *index);
/* The first entry of the name and in *count how many follow it (with it); NULL and 0 for none. */
struct name_entry *name_index_find(const struct name_index *index, const char *name, size_t *count);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// Memory that lives as long as one comparison, lists and indexes in it.
#include "differ/pool.h"

#include "lib/cleanup.h"

#include <stdarg.h>
#include <string.h>

struct pool_block {
    struct pool_block *next;
    max_align_t data[];
};

void *pool_alloc(struct pool *pool, size_t size)
{
    struct pool_block *block;
    size_t total;

    if (__builtin_add_overflow(sizeof(*block), size, &total) || !(block = calloc(1, total)))
        abort();
    block->next = pool->blocks;
    pool->blocks = block;
    return block->data;
}

char *pool_string(struct pool *pool, const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(pool_alloc(pool, size), text, size);
}

char *pool_format(struct pool *pool, const char *fmt, ...)
{
    cleanup_free char *text = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        abort();
    va_end(args);
    return pool_string(pool, text);
}

void pool_free(struct pool *pool)
{
    while (pool->blocks) {
        struct pool_block *next = pool->blocks->next;

        free(pool->blocks);
        pool->blocks = next;
    }
}

/* Doubles an array of the pool; the old copy stays until the pool goes. */
static void *pool_grow(struct pool *pool, void *old, size_t count, size_t *room, size_t item_size)
{
    void *grown;
    size_t size;

    *room = *room ? 2 * *room : 8;
    if (__builtin_mul_overflow(*room, item_size, &size))
        abort();
    grown = pool_alloc(pool, size);
    if (count)
        memcpy(grown, old, count * item_size);
    return grown;
}

void list_add(struct pool *pool, struct list *list, void *item)
{
    if (list->count == list->room)
        list->items = pool_grow(pool, list->items, list->count, &list->room, sizeof(*list->items));
    list->items[list->count++] = item;
}

void name_index_add(struct pool *pool, struct name_index *index, const char *name, void *item)
{
    if (index->count == index->room)
        index->entries =
            pool_grow(pool, index->entries, index->count, &index->room, sizeof(*index->entries));
    index->entries[index->count++] = (struct name_entry){.name = name, .item = item};
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct name_entry *)a)->name, ((const struct name_entry *)b)->name);
}

void name_index_sort(struct name_index *index)
{
    /* glibc's qsort is a stable merge sort as long as it can allocate; order among equals is only
     * used for messages */
    if (index->count)
        qsort(index->entries, index->count, sizeof(*index->entries), compare_entries);
}

struct name_entry *name_index_find(const struct name_index *index, const char *name, size_t *count)
{
    size_t low = 0, high = index->count, end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(index->entries[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < index->count && strcmp(index->entries[end].name, name) == 0; end++)
        ;
    *count = end - low;
    return *count ? &index->entries[low] : NULL;
}

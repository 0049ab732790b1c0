// SPDX-License-Identifier: GPL-2.0-or-later
// The store of libkv: buckets of entries, each bucket with a lock of its own.
#include "kv.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 64

struct entry {
    struct entry *next;
    char *key;
    char *data;
    size_t size;
};

struct bucket {
    pthread_mutex_t lock;
    struct entry *first;
    size_t count;
};

struct kv_store {
    struct bucket buckets[BUCKETS];
};

/* FNV-1a: short keys, nothing to defend against. */
static unsigned int key_hash(const char *key)
{
    unsigned int hash = 2166136261u;

    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    return hash;
}

static struct bucket *bucket_of(struct kv_store *store, const char *key)
{
    return &store->buckets[key_hash(key) % BUCKETS];
}

/* Where the pointer to key's entry is kept, or would be. The bucket is locked. */
static struct entry **entry_find(struct bucket *bucket, const char *key)
{
    struct entry **place = &bucket->first;

    while (*place && strcmp((*place)->key, key) != 0)
        place = &(*place)->next;
    return place;
}

static void entry_free(struct entry *entry)
{
    free(entry->key);
    free(entry->data);
    free(entry);
}

static struct entry *entry_new(const char *key, const char *data, size_t size)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (!entry)
        return NULL;
    entry->key = strdup(key);
    entry->data = malloc(size + 1);
    entry->size = size;
    if (!entry->key || !entry->data) {
        entry_free(entry);
        return NULL;
    }
    memcpy(entry->data, data, size);
    return entry;
}

struct kv_store *kv_store_new(void)
{
    struct kv_store *store = calloc(1, sizeof(*store));

    for (size_t i = 0; store && i < BUCKETS; i++)
        pthread_mutex_init(&store->buckets[i].lock, NULL);
    return store;
}

void kv_store_free(struct kv_store *store)
{
    for (size_t i = 0; store && i < BUCKETS; i++) {
        struct entry *entry = store->buckets[i].first;

        while (entry) {
            struct entry *next = entry->next;

            entry_free(entry);
            entry = next;
        }
        pthread_mutex_destroy(&store->buckets[i].lock);
    }
    free(store);
}

int kv_store_put(struct kv_store *store, const char *key, const char *data, size_t size)
{
    struct bucket *bucket = bucket_of(store, key);
    struct entry *entry = entry_new(key, data, size), **place;

    if (!entry)
        return -1;
    pthread_mutex_lock(&bucket->lock);
    place = entry_find(bucket, key);
    if (*place) {
        struct entry *old = *place;

        entry->next = old->next;
        entry_free(old);
    } else {
        bucket->count++;
    }
    *place = entry;
    pthread_mutex_unlock(&bucket->lock);
    return 0;
}

long kv_store_get(struct kv_store *store, const char *key, char *data, size_t room)
{
    struct bucket *bucket = bucket_of(store, key);
    struct entry *entry;
    long size = -1;

    pthread_mutex_lock(&bucket->lock);
    entry = *entry_find(bucket, key);
    if (entry) {
        size = (long)entry->size;
        memcpy(data, entry->data, entry->size < room ? entry->size : room);
    }
    pthread_mutex_unlock(&bucket->lock);
    return size;
}

int kv_store_delete(struct kv_store *store, const char *key)
{
    struct bucket *bucket = bucket_of(store, key);
    struct entry **place, *entry;

    pthread_mutex_lock(&bucket->lock);
    place = entry_find(bucket, key);
    entry = *place;
    if (entry) {
        *place = entry->next;
        bucket->count--;
        entry_free(entry);
    }
    pthread_mutex_unlock(&bucket->lock);
    return entry ? 0 : -1;
}

size_t kv_store_count(struct kv_store *store)
{
    size_t count = 0;

    for (size_t i = 0; i < BUCKETS; i++) {
        pthread_mutex_lock(&store->buckets[i].lock);
        count += store->buckets[i].count;
        pthread_mutex_unlock(&store->buckets[i].lock);
    }
    return count;
}

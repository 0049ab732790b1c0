/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libkv: keys and values in memory, and the text protocol in which they are asked for. */
#ifndef KV_H
#define KV_H

#include <stddef.h>

#define KV_LINE_MAX 1024 /* room for one request line with its NUL */
#define KV_REPLY_MAX 2048

/* A store: some locked hash buckets. Its functions may be called from any thread. */
struct kv_store;

struct kv_store *kv_store_new(void);
void kv_store_free(struct kv_store *store);

/* Keeps a copy of size bytes under key. 0, or -1 when memory ran out. */
int kv_store_put(struct kv_store *store, const char *key, const char *data, size_t size);

/* Copies at most room bytes of the value; returns its size, or -1 when there is no such key. */
long kv_store_get(struct kv_store *store, const char *key, char *data, size_t room);

/* 0, or -1 when there is no such key. */
int kv_store_delete(struct kv_store *store, const char *key);

/* How many keys there are. */
size_t kv_store_count(struct kv_store *store);

/*
 * ECHO <size> <text>, SET <key> <size> <text>: size says how long the text is. line holds the
 * arguments after the command, used bytes and a NUL. The reply is written to reply, and its size
 * returned.
 */
size_t kv_echo(const char *line, size_t used, char *reply, size_t room);
size_t kv_set(struct kv_store *store, const char *line, size_t used, char *reply, size_t room);

/* Answers one request line of used bytes with a NUL after them; as above. */
size_t kv_answer(struct kv_store *store, const char *line, size_t used, char *reply, size_t room);

#endif

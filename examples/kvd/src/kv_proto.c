// SPDX-License-Identifier: GPL-2.0-or-later
// The text protocol of libkv: one request line in, one reply out.
#include "kv.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX 64
#define BLOB_MAX 1000

/* Bytes inside a request line, as the client describes them: "<size> <text>". */
struct blob {
    const char *data;
    size_t size;
};

static size_t reply_text(char *reply, size_t room, const char *text)
{
    int n = snprintf(reply, room, "%s\n", text);

    return n < 0 || (size_t)n >= room ? 0 : (size_t)n;
}

/* Writes "$<size> " and the bytes. */
static size_t reply_blob(char *reply, size_t room, const char *data, size_t size)
{
    int n = snprintf(reply, room, "$%zu ", size);

    if (n < 0 || (size_t)n + size + 1 > room)
        return 0;
    memcpy(reply + n, data, size);
    reply[(size_t)n + size] = '\n';
    return (size_t)n + size + 1;
}

/* Reads "<size> <text>" at the start of line, which has used bytes. 0, or -1 when it is not that.
 */
static inline int blob_take(const char *line, size_t used, struct blob *blob)
{
    size_t size = 0, i = 0;

    while (i < used && line[i] >= '0' && line[i] <= '9') {
        size = size * 10 + (size_t)(line[i] - '0');
        if (size > BLOB_MAX)
            return -1;
        i++;
    }
    if (i == 0 || i == used || line[i] != ' ')
        return -1;
    blob->data = line + i + 1;
    blob->size = size;
    return 0;
}

/* Takes the first word of line. Returns how many bytes it and the space after it have, or 0. */
static size_t word_take(const char *line, size_t used, char word[KEY_MAX])
{
    size_t i = 0;

    while (i < used && i < KEY_MAX - 1 && line[i] != ' ') {
        word[i] = line[i];
        i++;
    }
    word[i] = '\0';
    if (i < used && line[i] != ' ')
        return 0;
    return i < used ? i + 1 : i;
}

size_t kv_echo(const char *line, size_t used, char *reply, size_t room)
{
    struct blob blob;

    if (blob_take(line, used, &blob) < 0)
        return reply_text(reply, room, "-ERR usage: ECHO <size> <text>");
    return reply_blob(reply, room, blob.data, blob.size);
}

size_t kv_set(struct kv_store *store, const char *line, size_t used, char *reply, size_t room)
{
    char key[KEY_MAX];
    struct blob blob;
    size_t n = word_take(line, used, key);

    if (n < 2 || blob_take(line + n, used - n, &blob) < 0)
        return reply_text(reply, room, "-ERR usage: SET <key> <size> <text>");
    if (kv_store_put(store, key, blob.data, blob.size) < 0)
        return reply_text(reply, room, "-ERR out of memory");
    return reply_text(reply, room, "+OK");
}

static size_t answer_get(struct kv_store *store, const char *line, size_t used, char *reply,
                         size_t room)
{
    char key[KEY_MAX], data[BLOB_MAX];
    long size;

    if (word_take(line, used, key) == 0)
        return reply_text(reply, room, "-ERR usage: GET <key>");
    size = kv_store_get(store, key, data, sizeof(data));
    if (size < 0)
        return reply_text(reply, room, "-ERR no such key");
    return reply_blob(reply, room, data, (size_t)size);
}

static size_t answer_delete(struct kv_store *store, const char *line, size_t used, char *reply,
                            size_t room)
{
    char key[KEY_MAX];

    if (word_take(line, used, key) == 0 || kv_store_delete(store, key) < 0)
        return reply_text(reply, room, "-ERR no such key");
    return reply_text(reply, room, "+OK");
}

static size_t answer_count(struct kv_store *store, char *reply, size_t room)
{
    int n = snprintf(reply, room, "+%zu keys\n", kv_store_count(store));

    return n < 0 || (size_t)n >= room ? 0 : (size_t)n;
}

size_t kv_answer(struct kv_store *store, const char *line, size_t used, char *reply, size_t room)
{
    char command[KEY_MAX];
    size_t n = word_take(line, used, command);

    if (strcmp(command, "ECHO") == 0)
        return kv_echo(line + n, used - n, reply, room);
    if (strcmp(command, "SET") == 0)
        return kv_set(store, line + n, used - n, reply, room);
    if (strcmp(command, "GET") == 0)
        return answer_get(store, line + n, used - n, reply, room);
    if (strcmp(command, "DEL") == 0)
        return answer_delete(store, line + n, used - n, reply, room);
    if (strcmp(command, "COUNT") == 0)
        return answer_count(store, reply, room);
    if (strcmp(command, "PING") == 0)
        return reply_text(reply, room, "+PONG");
    return reply_text(reply, room, "-ERR unknown command");
}

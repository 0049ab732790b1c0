// SPDX-License-Identifier: GPL-2.0-or-later
// Closes descriptors in a thread of its own.
#include "runtime/fd_closer.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct closer_item {
    int fd;
    uint32_t tag;
};

struct fd_closer {
    pthread_mutex_t lock; /* of the rest */
    pthread_t thread;
    bool started;              /* the thread is there, and to be joined */
    bool running;              /* it has not seen an empty queue yet */
    struct closer_item *items; /* the first is being closed */
    size_t count;
};

struct fd_closer *fd_closer_new(void)
{
    struct fd_closer *closer = calloc(1, sizeof(*closer));

    if (!closer)
        abort();
    pthread_mutex_init(&closer->lock, NULL);
    return closer;
}

/* Ends when there is nothing to do: a daemon has this thread only after a change. */
static void *run(void *data)
{
    struct fd_closer *closer = data;

    pthread_mutex_lock(&closer->lock);
    while (closer->count) {
        int fd = closer->items[0].fd;

        pthread_mutex_unlock(&closer->lock);
        close(fd);
        pthread_mutex_lock(&closer->lock);
        /* New ones go to the end, so the first still is the one that was closed. */
        closer->count--;
        for (size_t i = 0; i < closer->count; i++)
            closer->items[i] = closer->items[i + 1];
    }
    closer->running = false;
    pthread_mutex_unlock(&closer->lock);
    return NULL;
}

/* Makes sure that somebody closes what is queued; the caller holds the lock. */
static void wake(struct fd_closer *closer)
{
    if (closer->running)
        return;
    if (closer->started)
        pthread_join(closer->thread, NULL); /* it is past its last look */
    closer->running = true;
    closer->started = pthread_create(&closer->thread, NULL, run, closer) == 0;
    if (!closer->started)
        abort(); /* no memory for a thread: nothing would work from here on */
}

void fd_closer_add(struct fd_closer *closer, int fd, uint32_t tag)
{
    pthread_mutex_lock(&closer->lock);
    closer->items = reallocarray(closer->items, closer->count + 1, sizeof(*closer->items));
    if (!closer->items)
        abort();
    closer->items[closer->count++] = (struct closer_item){.fd = fd, .tag = tag};
    wake(closer);
    pthread_mutex_unlock(&closer->lock);
}

bool fd_closer_busy(struct fd_closer *closer, uint32_t tag)
{
    bool busy = false;

    pthread_mutex_lock(&closer->lock);
    for (size_t i = 0; !busy && i < closer->count; i++)
        busy = closer->items[i].tag == tag;
    pthread_mutex_unlock(&closer->lock);
    return busy;
}

void fd_closer_free(struct fd_closer *closer)
{
    if (!closer)
        return;
    if (closer->started)
        pthread_join(closer->thread, NULL);
    pthread_mutex_destroy(&closer->lock);
    free(closer->items);
    free(closer);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// The control thread: serves requests one after the other, and between them retries and audits.
#include "runtime/control.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

/* A request that waits, or an answer that is ready. */
struct control_item {
    struct control_item *next;
    uint64_t client;
    enum peer_right right;
    char *text;
    size_t size;
};

struct control {
    struct daemon *daemon;
    pthread_t thread;
    int fd; /* eventfd: answers are ready */
    uint64_t next_audit;
    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t wake;
    bool stopping;
    struct control_item *requests, *answers; /* oldest first */
};

static void append(struct control_item **list, struct control_item *item)
{
    while (*list)
        list = &(*list)->next;
    *list = item;
}

/* Takes text. */
static struct control_item *item_new(uint64_t client, char *text, size_t size)
{
    struct control_item *item = calloc(1, sizeof(*item));

    if (!item)
        abort();
    item->client = client;
    item->text = text;
    item->size = size;
    return item;
}

static void item_free(struct control_item *item)
{
    free(item->text);
    free(item);
}

void control_submit(struct control *control, uint64_t client, enum peer_right right,
                    const char *text, size_t size)
{
    struct control_item *item;
    char *copy = malloc(size + 1);

    if (!copy)
        abort();
    memcpy(copy, text, size);
    copy[size] = '\0';
    item = item_new(client, copy, size);
    item->right = right;
    pthread_mutex_lock(&control->lock);
    append(&control->requests, item);
    pthread_cond_signal(&control->wake);
    pthread_mutex_unlock(&control->lock);
}

char *control_take(struct control *control, uint64_t *client)
{
    struct control_item *item;
    char *text = NULL;
    uint64_t count;

    pthread_mutex_lock(&control->lock);
    item = control->answers;
    if (item) {
        control->answers = item->next;
        *client = item->client;
        text = steal_pointer(&item->text);
        item_free(item);
    } else if (read(control->fd, &count, sizeof(count)) < 0) {
        /* EAGAIN: nothing was signalled since the last look */
    }
    pthread_mutex_unlock(&control->lock);
    return text;
}

int control_fd(const struct control *control)
{
    return control->fd;
}

/* When there is something to do without a request, hold_clock(). */
static uint64_t next_work(const struct control *control)
{
    uint64_t retry = switcher_next_retry(control->daemon->switcher);

    return retry && retry < control->next_audit ? retry : control->next_audit;
}

/* Waits for a request, until the time for other work has come. NULL: that, or the end. */
static struct control_item *wait_request(struct control *control, bool *stopping)
{
    uint64_t until = next_work(control);
    struct timespec when = {.tv_sec = (time_t)(until / 1000000000u),
                            .tv_nsec = (long)(until % 1000000000u)};
    struct control_item *item;
    int timed_out = 0;

    pthread_mutex_lock(&control->lock);
    while (!control->requests && !control->stopping && !timed_out)
        timed_out = pthread_cond_timedwait(&control->wake, &control->lock, &when);
    *stopping = control->stopping;
    item = control->stopping ? NULL : control->requests;
    if (item) {
        control->requests = item->next;
        item->next = NULL;
    }
    pthread_mutex_unlock(&control->lock);
    return item;
}

/* One request from text to text. The item becomes the answer. */
static void serve(struct control *control, struct control_item *item)
{
    cleanup_error struct sc_error *err = NULL;
    const uint64_t one = 1;
    struct request request;
    struct answer answer;

    answer_init(&answer);
    if (request_parse(item->text, item->size, &request, &err) < 0)
        answer_error(&answer, err);
    else
        daemon_serve(control->daemon, &request, item->right, &answer);
    request_clear(&request);
    free(item->text);
    item->text = answer_line(&answer);
    answer_clear(&answer);
    pthread_mutex_lock(&control->lock);
    append(&control->answers, item);
    pthread_mutex_unlock(&control->lock);
    if (write(control->fd, &one, sizeof(one)) < 0)
        abort(); /* an eventfd takes more than we can count */
}

/* What is due. An audit includes every retry. */
static void background_work(struct control *control)
{
    uint64_t now = hold_clock();

    if (now >= control->next_audit) {
        daemon_audit(control->daemon);
        control->next_audit = hold_clock() + control->daemon->options.audit_s * 1000000000ull;
    } else if (now >= next_work(control)) {
        switcher_retry(control->daemon->switcher);
        live_patches_settle(control->daemon);
    }
}

/* The control thread. Requests come first: background work is only done while there are none. */
static void *run(void *data)
{
    struct control *control = data;
    bool stopping = false;

    while (!stopping) {
        struct control_item *item = wait_request(control, &stopping);

        if (item)
            serve(control, item);
        else if (!stopping)
            background_work(control);
    }
    return NULL;
}

struct control *control_start(struct daemon *daemon)
{
    struct control *control = calloc(1, sizeof(*control));
    pthread_condattr_t attributes;

    if (!control)
        abort();
    control->daemon = daemon;
    control->next_audit = hold_clock() + daemon->options.audit_s * 1000000000ull;
    control->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&control->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&control->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (control->fd < 0 || pthread_create(&control->thread, NULL, run, control) != 0)
        abort();
    return control;
}

static void free_items(struct control_item *item)
{
    while (item) {
        struct control_item *next = item->next;

        item_free(item);
        item = next;
    }
}

void control_stop(struct control *control)
{
    if (!control)
        return;
    pthread_mutex_lock(&control->lock);
    control->stopping = true;
    pthread_cond_signal(&control->wake);
    pthread_mutex_unlock(&control->lock);
    pthread_join(control->thread, NULL);
    free_items(control->requests);
    free_items(control->answers);
    pthread_mutex_destroy(&control->lock);
    pthread_cond_destroy(&control->wake);
    close(control->fd);
    free(control);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// The threads that answer held callers.
#include "runtime/lazy.h"

#include "lib/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>

#define WORKERS 2

/*
 * The heartbeat is given once in an audit interval, and whenever there was something to do. After
 * the daemon's death or stop, the first hold that runs into its limit ends all others within a
 * second, and each process is held for nothing at most once (see back_off in hold.bpf.c).
 */
#define BEATS_MISSED 3

/*
 * Every program that starts anywhere maps files: on a busy machine that would wake us a thousand
 * times a second. After one look they wait that long for the next.
 */
#define WATCH_PAUSE_NS 20000000ull

/* The same of callers where nobody waits for the answer. */
#define EVENTS_PAUSE_NS 2000000ull

#define QUEUE_MAX 4096

/* What a worker has to do. */
struct lazy_item {
    bool is_mapping;
    struct hold_event event; /* a held caller */
    struct mapped_file file; /* is_mapping: a file that was mapped */
};

struct lazy {
    struct hold *hold;
    struct map_watch *watch; /* NULL where the kernel cannot */
    struct switcher *switcher;
    const struct log *log;
    uint64_t beat_ns; /* between two heartbeats without events */
    struct injector *injectors[WORKERS];
    pthread_t reader, workers[WORKERS];
    int stop_fd;          /* readable when the reader is to end */
    pthread_mutex_t lock; /* of the rest */
    pthread_cond_t ready;
    bool stopping;
    struct lazy_item *queue; /* QUEUE_MAX, a ring */
    size_t first, count;
};

/* What a worker thread gets. */
struct lazy_worker {
    struct lazy *lazy;
    struct injector *injector;
};

/* Appends; the caller holds the lock. What finds no room is found by the audit. */
static void append(struct lazy *lazy, const struct lazy_item *item)
{
    if (lazy->count == QUEUE_MAX)
        return;
    lazy->queue[(lazy->first + lazy->count++) % QUEUE_MAX] = *item;
    pthread_cond_signal(&lazy->ready);
}

/* Called for each held caller: one entry a process, its other threads are let go with it. */
static void enqueue_event(const struct hold_event *event, void *data)
{
    const struct lazy_item item = {.event = *event};
    struct lazy *lazy = data;
    bool queued = false;

    pthread_mutex_lock(&lazy->lock);
    for (size_t i = 0; !queued && i < lazy->count; i++) {
        const struct lazy_item *other = &lazy->queue[(lazy->first + i) % QUEUE_MAX];

        queued = !other->is_mapping && other->event.tgid == event->tgid &&
                 hold_event_slot(&other->event) == hold_event_slot(event);
    }
    if (!queued)
        append(lazy, &item);
    pthread_mutex_unlock(&lazy->lock);
}

/* Called for each file that any process maps; nearly all are nobody's target. */
static void enqueue_file(const struct mapped_file *file, void *data)
{
    struct lazy_item item = {.is_mapping = true, .file = *file};
    struct lazy *lazy = data;

    if (!switcher_is_target(lazy->switcher, &item.file))
        return;
    pthread_mutex_lock(&lazy->lock);
    append(lazy, &item);
    pthread_mutex_unlock(&lazy->lock);
}

/* Waits for the next event. False when the daemon ends. */
static bool dequeue(struct lazy *lazy, struct lazy_item *item)
{
    bool got;

    pthread_mutex_lock(&lazy->lock);
    while (!lazy->count && !lazy->stopping)
        pthread_cond_wait(&lazy->ready, &lazy->lock);
    got = !lazy->stopping;
    if (got) {
        *item = lazy->queue[lazy->first];
        lazy->first = (lazy->first + 1) % QUEUE_MAX;
        lazy->count--;
    }
    pthread_mutex_unlock(&lazy->lock);
    return got;
}

/* Its injector is started before the first caller is held, not while it waits. */
static void *run_worker(void *data)
{
    struct lazy_worker *worker = data;
    struct lazy_item item;

    injector_prepare(worker->injector);
    while (dequeue(worker->lazy, &item)) {
        if (item.is_mapping)
            switcher_mapped(worker->lazy->switcher, worker->injector, &item.file);
        else if (hold_waits(worker->lazy->hold))
            switcher_answer(worker->lazy->switcher, worker->injector, &item.event);
        else
            switcher_seen(worker->lazy->switcher, worker->injector, &item.event);
        /* A hold may have run into its limit meanwhile: we are late, not dead. */
        hold_alive(worker->lazy->hold, BEATS_MISSED * worker->lazy->beat_ns);
    }
    free(worker);
    return NULL;
}

/* When the reader has to do something without being woken, hold_clock(). */
struct reader_times {
    uint64_t beat;   /* the next heartbeat */
    uint64_t watch;  /* the next look at what was mapped; earlier records wait */
    uint64_t events; /* the next look at callers that nobody holds */
};

/* What has come. now is from before it was waited for, so what comes meanwhile is seen next time.
 */
static void read_events(struct lazy *lazy, bool mapped, struct reader_times *times)
{
    uint64_t now = hold_clock();

    /* Heard from the program, so it hears from us: see back_off in hold.bpf.c. */
    if (hold_events_read(lazy->hold, enqueue_event, lazy) > 0 || now >= times->beat) {
        hold_alive(lazy->hold, BEATS_MISSED * lazy->beat_ns);
        times->beat = now + lazy->beat_ns;
        times->events = hold_waits(lazy->hold) ? 0 : now + EVENTS_PAUSE_NS;
    }
    if (mapped) {
        map_watch_read(lazy->watch, enqueue_file, lazy);
        times->watch = now + WATCH_PAUSE_NS;
    }
}

/* Milliseconds until the next thing to do: what is not waited for now comes first. */
static int wait_ms(const struct reader_times *times, uint64_t now)
{
    uint64_t until = times->beat;

    if (times->watch > now && times->watch < until)
        until = times->watch;
    if (times->events > now && times->events < until)
        until = times->events;
    return until > now ? (int)((until - now) / 1000000) + 1 : 0;
}

/*
 * Never does anything that can wait: the heartbeat says that this thread is alive, so callers may
 * be held.
 */
static void *run_reader(void *data)
{
    struct lazy *lazy = data;
    int watch_fd = lazy->watch ? map_watch_fd(lazy->watch) : -1;
    int events_fd = hold_events_fd(lazy->hold);
    struct pollfd fds[] = {
        {.fd = events_fd, .events = POLLIN},
        {.fd = lazy->stop_fd, .events = POLLIN},
        {.fd = watch_fd, .events = POLLIN},
    };
    struct reader_times times = {0};

    hold_alive(lazy->hold, BEATS_MISSED * lazy->beat_ns);
    times.beat = hold_clock() + lazy->beat_ns;
    while (!(fds[1].revents & POLLIN)) {
        uint64_t now = hold_clock();

        fds[0].fd = now < times.events ? -1 : events_fd;
        fds[2].fd = now < times.watch ? -1 : watch_fd;
        fds[2].revents = 0;
        if (poll(fds, 3, wait_ms(&times, now)) < 0 && errno != EINTR)
            break;
        read_events(lazy, fds[2].revents & POLLIN, &times);
    }
    hold_alive(lazy->hold, 0);
    return NULL;
}

/*
 * A caller burns its time slice while it is held, and other programs want theirs: on a busy machine
 * a thread of normal priority comes too late (3 of 100 holds ran into the limit at load 6 on two
 * processors). The work is short: about a millisecond for each new process.
 */
static void raise_priority(pthread_t thread)
{
    const struct sched_param param = {.sched_priority = 1};

    /* Not allowed in some containers: then it is as it is for everybody. */
    pthread_setschedparam(thread, SCHED_RR | SCHED_RESET_ON_FORK, &param);
}

static void start_thread(pthread_t *thread, void *(*run)(void *), void *data)
{
    int failed = pthread_create(thread, NULL, run, data);

    if (failed)
        abort(); /* at the start of the daemon: nothing was begun */
    raise_priority(*thread);
}

struct lazy *lazy_start(struct hold *hold, struct switcher *switcher, const struct options *options,
                        const struct log *log)
{
    struct lazy *lazy = calloc(1, sizeof(*lazy));
    cleanup_error struct sc_error *err = NULL;

    if (!lazy)
        abort();
    lazy->watch = map_watch_open(&err);
    if (!lazy->watch)
        log_write(log, LOG_WARNING, NULL, "%s: new copies of a target are found by the audit only",
                  err->message);
    lazy->hold = hold;
    lazy->switcher = switcher;
    lazy->log = log;
    lazy->beat_ns = options->audit_s * 1000000000ull;
    lazy->queue = calloc(QUEUE_MAX, sizeof(*lazy->queue));
    lazy->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (!lazy->queue || lazy->stop_fd < 0)
        abort();
    pthread_mutex_init(&lazy->lock, NULL);
    pthread_cond_init(&lazy->ready, NULL);
    for (size_t i = 0; i < WORKERS; i++) {
        struct lazy_worker *worker = malloc(sizeof(*worker));

        if (!worker)
            abort();
        lazy->injectors[i] = injector_new(options->libexec_dir, hold, log);
        injector_set_urgent(lazy->injectors[i]);
        worker->lazy = lazy;
        worker->injector = lazy->injectors[i];
        start_thread(&lazy->workers[i], run_worker, worker);
    }
    start_thread(&lazy->reader, run_reader, lazy);
    return lazy;
}

void lazy_stop(struct lazy *lazy)
{
    const uint64_t one = 1;

    if (!lazy)
        return;
    if (write(lazy->stop_fd, &one, sizeof(one)) < 0)
        abort(); /* an eventfd at 0 takes it */
    pthread_join(lazy->reader, NULL);
    pthread_mutex_lock(&lazy->lock);
    lazy->stopping = true;
    pthread_cond_broadcast(&lazy->ready);
    pthread_mutex_unlock(&lazy->lock);
    for (size_t i = 0; i < WORKERS; i++) {
        pthread_join(lazy->workers[i], NULL);
        injector_free(lazy->injectors[i]);
    }
    pthread_mutex_destroy(&lazy->lock);
    pthread_cond_destroy(&lazy->ready);
    map_watch_close(lazy->watch);
    close(lazy->stop_fd);
    free(lazy->queue);
    free(lazy);
}

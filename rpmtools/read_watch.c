// SPDX-License-Identifier: GPL-2.0-or-later
// Sees by inotify(7) which files a build opens.
#include "rpmtools/read_watch.h"

#include "lib/file.h"

#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

struct watched {
    int wd; /* -1: cannot be watched */
    char *name;
    bool opened;
};

struct read_watch {
    int fd; /* -1: no inotify */
    struct watched *files;
    size_t count;
};

struct read_watch *read_watch_begin(void)
{
    struct read_watch *watch = calloc(1, sizeof(*watch));

    if (!watch)
        abort();
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return watch;
}

void read_watch_add(struct read_watch *watch, const char *path, const char *name)
{
    struct watched *file;

    watch->files = reallocarray(watch->files, watch->count + 1, sizeof(*watch->files));
    if (!watch->files)
        abort();
    file = &watch->files[watch->count++];
    file->name = sc_format("%s", name);
    /* once is enough, and the queue of events stays short */
    file->wd = watch->fd < 0 ? -1 : inotify_add_watch(watch->fd, path, IN_OPEN | IN_ONESHOT);
    file->opened = file->wd < 0;
}

/* Several names may share a watch: hard links, new files of one directory. */
static void mark_opened(struct read_watch *watch, const struct inotify_event *event)
{
    for (size_t i = 0; i < watch->count; i++)
        if ((event->mask & IN_Q_OVERFLOW) ||
            ((event->mask & IN_OPEN) && watch->files[i].wd == event->wd))
            watch->files[i].opened = true;
}

static void read_events(struct read_watch *watch)
{
    char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t size;

    while ((size = read(watch->fd, buffer, sizeof(buffer))) > 0)
        for (ssize_t at = 0; at < size;) {
            const struct inotify_event *event = (const void *)(buffer + at);

            mark_opened(watch, event);
            at += (ssize_t)(sizeof(*event) + event->len);
        }
}

/* The queue holds two events a watch at most: it is read once, after the build. */
void read_watch_end(struct read_watch *watch, struct string_list *opened)
{
    if (watch->fd >= 0)
        read_events(watch);
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->files[i].opened && !string_list_has(opened, watch->files[i].name))
            string_list_add(opened, watch->files[i].name);
        free(watch->files[i].name);
    }
    if (watch->fd >= 0)
        close(watch->fd);
    free(watch->files);
    free(watch);
}

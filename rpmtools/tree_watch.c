// SPDX-License-Identifier: GPL-2.0-or-later
// Sees by inotify(7) which files of a tree a stage of a build opens.
#include "rpmtools/tree_watch.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree_watch {
    int fd;        /* -1: no inotify */
    bool complete; /* nothing was lost so far */
    char **paths;  /* of the directories, relative to root ("" is root itself), by watch */
    size_t count;  /* paths has this many entries; watches are numbered from 1 */
    struct json_object *files, *directories; /* what was opened */
};

/* Numbers of watches are small and go up: the kernel hands them out in order. */
static void keep_path(struct tree_watch *watch, int number, const char *relative)
{
    size_t index = (size_t)number;

    if (index >= watch->count) {
        watch->paths = reallocarray(watch->paths, index + 1, sizeof(*watch->paths));
        if (!watch->paths)
            abort();
        memset(watch->paths + watch->count, 0, (index + 1 - watch->count) * sizeof(*watch->paths));
        watch->count = index + 1;
    }
    free(watch->paths[index]);
    watch->paths[index] = sc_format("%s", relative);
}

/* Symbolic links are not followed: their targets are watched where they are, or are not ours. */
static void watch_directory(struct tree_watch *watch, const char *path, const char *relative)
{
    int number = inotify_add_watch(watch->fd, path, IN_OPEN | IN_ONLYDIR | IN_DONT_FOLLOW);
    DIR *directory = number < 0 ? NULL : opendir(path);
    struct dirent *entry;

    if (!directory) {
        watch->complete = false;
        return;
    }
    keep_path(watch, number, relative);
    while ((entry = readdir(directory))) {
        cleanup_free char *below = sc_format("%s/%s", path, entry->d_name);
        cleanup_free char *name =
            sc_format("%s%s%s", relative, *relative ? "/" : "", entry->d_name);
        struct stat st;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (entry->d_type == DT_DIR ||
            (entry->d_type == DT_UNKNOWN && lstat(below, &st) == 0 && S_ISDIR(st.st_mode)))
            watch_directory(watch, below, name);
    }
    closedir(directory);
}

static void discard_events(const struct tree_watch *watch)
{
    char buffer[16384];

    while (read(watch->fd, buffer, sizeof(buffer)) > 0)
        continue;
}

/* Our own walk opens every directory: what it leaves in the queue is thrown away. */
struct tree_watch *tree_watch_begin(const char *root)
{
    struct tree_watch *watch = calloc(1, sizeof(*watch));

    if (!watch)
        abort();
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    watch->complete = watch->fd >= 0;
    watch->files = json_object_new_object();
    watch->directories = json_object_new_object();
    if (watch->fd >= 0) {
        watch_directory(watch, root, "");
        discard_events(watch);
    }
    return watch;
}

int tree_watch_fd(const struct tree_watch *watch)
{
    return watch->fd;
}

/* An event has the name of the file in the watched directory, or none for that directory. */
static void take_event(struct tree_watch *watch, const struct inotify_event *event)
{
    const char *directory;
    cleanup_free char *path = NULL;

    if (event->mask & IN_Q_OVERFLOW)
        watch->complete = false;
    if (!(event->mask & IN_OPEN) || event->wd < 0 || (size_t)event->wd >= watch->count ||
        !watch->paths[event->wd])
        return;
    directory = watch->paths[event->wd];
    if (!event->len) {
        json_object_object_add(watch->directories, directory, json_object_new_boolean(true));
        return;
    }
    if (event->mask & IN_ISDIR) /* it is watched itself */
        return;
    path = sc_format("%s%s%s", directory, *directory ? "/" : "", event->name);
    json_object_object_add(watch->files, path, json_object_new_boolean(true));
}

void tree_watch_read(struct tree_watch *watch)
{
    char buffer[65536] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t size;

    while (watch->fd >= 0 && (size = read(watch->fd, buffer, sizeof(buffer))) > 0)
        for (ssize_t at = 0; at < size;) {
            const struct inotify_event *event = (const void *)(buffer + at);

            take_event(watch, event);
            at += (ssize_t)(sizeof(*event) + event->len);
        }
}

/* Moves the members of from, which ends, into the member name of opened. */
static void merge(struct json_object *opened, const char *name, struct json_object *from)
{
    struct json_object *to = NULL;

    if (!json_object_object_get_ex(opened, name, &to)) {
        json_object_object_add(opened, name, from);
        return;
    }
    json_object_object_foreach(from, path, value)
    {
        (void)value;
        json_object_object_add(to, path, json_object_new_boolean(true));
    }
    json_object_put(from);
}

void tree_watch_end(struct tree_watch *watch, struct json_object *opened)
{
    struct json_object *before = NULL;
    bool complete =
        !json_object_object_get_ex(opened, "complete", &before) || json_object_get_boolean(before);

    tree_watch_read(watch);
    json_object_object_add(opened, "complete",
                           json_object_new_boolean(complete && watch->complete));
    merge(opened, "files", watch->files);
    merge(opened, "directories", watch->directories);
    for (size_t i = 0; i < watch->count; i++)
        free(watch->paths[i]);
    free(watch->paths);
    if (watch->fd >= 0)
        close(watch->fd);
    free(watch);
}

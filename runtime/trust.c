// SPDX-License-Identifier: GPL-2.0-or-later
// Opens files that only root can have written: each step of the way to them is looked at.
#include "runtime/trust.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* Refuses what others could have written or could exchange. last: it is not only on the way. */
static int check_open(int fd, const char *path, bool last, struct sc_error **err)
{
    struct stat st;
    bool shared;

    if (fstat(fd, &st) < 0)
        return sc_error_errno(err, "cannot stat %s", path);
    /* In a sticky directory, root's entries can be exchanged by root alone. */
    shared = (st.st_mode & (S_IWGRP | S_IWOTH)) &&
             (last || !S_ISDIR(st.st_mode) || !(st.st_mode & S_ISVTX));
    if (S_ISLNK(st.st_mode))
        return sc_error_set(err, SC_REFUSED, "untrusted-file: %s is a symbolic link", path);
    if (st.st_uid != 0 || shared)
        return sc_error_set(err, SC_REFUSED,
                            "untrusted-file: %s can be written by others than root", path);
    return 0;
}

/* One step: opens name in dir, which is closed. */
static int step(int dir, const char *name, int flags, const char *path, struct sc_error **err)
{
    int fd = openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
        sc_error_set(err, SC_REFUSED, "untrusted-file: %s is a symbolic link, or no directory",
                     path);
    else if (fd < 0)
        sc_error_errno(err, "cannot open %s", path);
    close(dir);
    return fd;
}

/* The length of path up to the end of the step that begins at `at`. */
static size_t step_end(const char *path, size_t at)
{
    return at + strcspn(path + at, "/");
}

static bool is_below(const char *base, const char *path)
{
    size_t length = strlen(base);

    return strcmp(base, "/") == 0 ||
           (strncmp(base, path, length) == 0 && (path[length] == '/' || path[length] == '\0'));
}

/* The directory to begin at, and how much of path it is. */
static int open_base(const char *base, const char *path, size_t *at, struct sc_error **err)
{
    int fd;

    if (path[0] != '/' || !is_below(base, path) || strlen(path) >= PATH_MAX)
        return sc_error_set(err, SC_FAILED, "%s is not a path below %s", path, base);
    fd = open(base, O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0)
        return sc_error_errno(err, "cannot open %s", base);
    *at = strcmp(base, "/") == 0 ? 0 : strlen(base);
    if (check_open(fd, base, path[*at] == '\0', err) == 0)
        return fd;
    close(fd);
    return -1;
}

int trust_open(const char *base, const char *path, int flags, struct sc_error **err)
{
    cleanup_free char *so_far = sc_format("%s", path); /* cut off behind each step, for messages */
    size_t at = 0;
    int fd = open_base(base, path, &at, err);

    while (fd >= 0 && path[at + strspn(path + at, "/")]) {
        size_t begin = at + strspn(path + at, "/");
        char name[NAME_MAX + 1];
        bool last;

        at = step_end(path, begin);
        last = path[at + strspn(path + at, "/")] == '\0';
        snprintf(name, sizeof(name), "%.*s", (int)(at - begin), path + begin);
        memcpy(so_far, path, at);
        so_far[at] = '\0';
        fd = step(fd, name, last ? flags : O_PATH | O_DIRECTORY, so_far, err);
        if (fd >= 0 && check_open(fd, so_far, last, err) < 0) {
            close(fd);
            return -1;
        }
    }
    return fd;
}

int trust_check(const char *base, const char *path, struct sc_error **err)
{
    int fd = trust_open(base, path, O_PATH, err);

    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

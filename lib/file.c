// SPDX-License-Identifier: GPL-2.0-or-later
// Whole files, directories and trees.
#include "lib/file.h"

#include "lib/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <libgen.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

char *sc_format(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&text, fmt, args) < 0)
        abort();
    va_end(args);
    return text;
}

int sc_write_all(int fd, const void *data, size_t size)
{
    const char *from = data;

    while (size) {
        ssize_t n = write(fd, from, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        from += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Fills data with size bytes from fd; a short file is an error. */
static int read_exactly(int fd, char *data, size_t size, const char *path, struct sc_error **err)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = read(fd, data + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sc_error_errno(err, "cannot read %s", path);
        if (n == 0)
            return sc_error_set(err, SC_FAILED, "%s became shorter while it was read", path);
        done += (size_t)n;
    }
    return 0;
}

int sc_file_read(const char *path, size_t max, char **data, size_t *size, struct sc_error **err)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    cleanup_free char *buffer = NULL;
    struct stat st;

    if (fd < 0)
        return sc_error_errno(err, "cannot open %s", path);
    if (fstat(fd, &st) < 0)
        return sc_error_errno(err, "cannot stat %s", path);
    if (!S_ISREG(st.st_mode))
        return sc_error_set(err, SC_FAILED, "%s is not a regular file", path);
    if ((size_t)st.st_size > max)
        return sc_error_set(err, SC_FAILED, "%s is larger than %zu bytes", path, max);
    buffer = malloc((size_t)st.st_size + 1);
    if (!buffer)
        return sc_error_errno(err, "cannot read %s", path);
    if (read_exactly(fd, buffer, (size_t)st.st_size, path, err) < 0)
        return -1;
    buffer[st.st_size] = '\0';
    *size = (size_t)st.st_size;
    *data = steal_pointer(&buffer);
    return 0;
}

/* fsync of the directory that holds path, so that a rename in it survives a power cut. */
static int sync_parent(const char *path, struct sc_error **err)
{
    cleanup_free char *copy = sc_format("%s", path);
    cleanup_close int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) < 0)
        return sc_error_errno(err, "cannot sync the directory of %s", path);
    return 0;
}

int sc_file_replace(const char *path, const void *data, size_t size, mode_t mode,
                    struct sc_error **err)
{
    cleanup_free char *temporary = sc_format("%s.XXXXXX", path);
    cleanup_close int fd = mkostemp(temporary, O_CLOEXEC);

    if (fd < 0)
        return sc_error_errno(err, "cannot create a file beside %s", path);
    if (fchmod(fd, mode) < 0 || sc_write_all(fd, data, size) < 0 || fsync(fd) < 0 ||
        rename(temporary, path) < 0) {
        sc_error_errno(err, "cannot write %s", path);
        unlink(temporary);
        return -1;
    }
    return sync_parent(path, err);
}

/* Copies until the end of in; copy_file_range(2) first, so that file systems can share extents. */
static int copy_contents(int in, int out)
{
    char buffer[65536];
    ssize_t n;

    do
        n = copy_file_range(in, NULL, out, NULL, 1 << 30, 0);
    while (n > 0);
    while ((n = read(in, buffer, sizeof(buffer))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || sc_write_all(out, buffer, (size_t)n) < 0)
            return -1;
    }
    return 0;
}

int sc_file_copy(const char *from, const char *to, struct sc_error **err)
{
    cleanup_close int in = open(from, O_RDONLY | O_CLOEXEC);
    cleanup_close int out = -1;
    struct stat st;

    if (in < 0 || fstat(in, &st) < 0)
        return sc_error_errno(err, "cannot open %s", from);
    if (!S_ISREG(st.st_mode))
        return sc_error_set(err, SC_FAILED, "%s is not a regular file", from);
    if (unlink(to) < 0 && errno != ENOENT)
        return sc_error_errno(err, "cannot replace %s", to);
    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0)
        return sc_error_errno(err, "cannot create %s", to);
    if (copy_contents(in, out) < 0 || fchmod(out, st.st_mode & 07777) < 0)
        return sc_error_errno(err, "cannot copy %s to %s", from, to);
    return 0;
}

int sc_dir_make(const char *path, mode_t mode, struct sc_error **err)
{
    cleanup_free char *copy = sc_format("%s", path);
    char *slash = copy;

    while ((slash = strchr(slash + 1, '/'))) {
        *slash = '\0';
        if (mkdir(copy, mode) < 0 && errno != EEXIST)
            return sc_error_errno(err, "cannot make directory %s", copy);
        *slash = '/';
    }
    if (mkdir(copy, mode) < 0 && errno != EEXIST)
        return sc_error_errno(err, "cannot make directory %s", copy);
    return 0;
}

int sc_tree_remove(const char *path, struct sc_error **err)
{
    char *roots[] = {(char *)path, NULL};
    FTS *tree;
    FTSENT *entry;
    int failed = 0;

    if (access(path, F_OK) < 0 && errno == ENOENT && unlink(path) < 0)
        return 0;
    tree = fts_open(roots, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
    if (!tree)
        return sc_error_errno(err, "cannot read %s", path);
    while ((entry = fts_read(tree))) {
        if (entry->fts_info == FTS_D) {
            /* packages ship directories without write permission */
            (void)chmod(entry->fts_accpath, 0700);
            continue;
        }
        if (entry->fts_info == FTS_DP ? rmdir(entry->fts_accpath) : unlink(entry->fts_accpath))
            failed = sc_error_errno(err, "cannot remove %s", entry->fts_path);
    }
    fts_close(tree);
    return failed;
}

static int compare_names(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

int sc_tree_walk(const char *root, sc_tree_visit visit, void *data, struct sc_error **err)
{
    char *roots[] = {(char *)root, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, compare_names);
    size_t skip = strlen(root);
    FTSENT *entry;
    int result = 0;

    if (!tree)
        return sc_error_errno(err, "cannot read %s", root);
    while (result == 0 && (entry = fts_read(tree))) {
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
            errno = entry->fts_errno;
            result = sc_error_errno(err, "cannot read %s", entry->fts_path);
        } else if (entry->fts_info == FTS_F) {
            const char *relative = entry->fts_path + skip;

            result = visit(entry->fts_path, relative + (*relative == '/'), data, err);
        }
    }
    fts_close(tree);
    return result;
}

bool sc_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

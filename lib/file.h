/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole files, directories and trees. */
#ifndef SYSCARE_FILE_H
#define SYSCARE_FILE_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* printf into a new string; never NULL (aborts when memory runs out). The caller frees it. */
char *sc_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Reads a whole regular file of at most max bytes into *data (malloc'd, with a NUL after the last
 * byte that *size does not count). Returns 0, or -1 with err set (cannot be read, too large).
 */
int sc_file_read(const char *path, size_t max, char **data, size_t *size, struct sc_error **err);

/*
 * Replaces path by size bytes of data atomically: a temporary file in the same directory, fsync,
 * rename(2), fsync of the directory. On failure the old file is untouched and err is set.
 */
int sc_file_replace(const char *path, const void *data, size_t size, mode_t mode,
                    struct sc_error **err);

/* Copies the contents and mode of a regular file; an existing destination is replaced. */
int sc_file_copy(const char *from, const char *to, struct sc_error **err);

/* mkdir -p: makes path and its parents with the mode given; an existing directory is success. */
int sc_dir_make(const char *path, mode_t mode, struct sc_error **err);

/* rm -rf without crossing into other file systems; a missing path is success. */
int sc_tree_remove(const char *path, struct sc_error **err);

/*
 * Calls visit for each regular file below root, in byte order of the path (so the order is the
 * same everywhere); path is root-joined, relative starts after root and its slash. A visit that
 * returns non-zero ends the walk, and its value is returned; -1 with err set on other failures.
 * Symbolic links are not followed and not visited.
 */
typedef int (*sc_tree_visit)(const char *path, const char *relative, void *data,
                             struct sc_error **err);
int sc_tree_walk(const char *root, sc_tree_visit visit, void *data, struct sc_error **err);

/* True if path exists (symbolic links followed). */
bool sc_file_exists(const char *path);

/* Writes all of data to fd, whatever write(2) takes at a time. 0, or -1 with errno set. */
int sc_write_all(int fd, const void *data, size_t size);

#endif

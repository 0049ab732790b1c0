/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells whether files were read in the meantime, by their access times: what a build does not read
 * cannot change what it makes. Access times are set far into the past, so that relatime mounts
 * update them (atime <= mtime: inode(7), mount(8) "relatime").
 */
#ifndef SYSCARE_READ_MARKS_H
#define SYSCARE_READ_MARKS_H

#include <stdbool.h>

/* Marks a file or directory as not read. False when it is not there or cannot be marked. */
bool read_mark_set(const char *path);

/* True if the file was read, or the directory listed, since it was marked; true when in doubt. */
bool read_mark_was_read(const char *path);

/*
 * True if reading and copying a file below directory can be seen by its mark. False on noatime
 * mounts, and where cp(1) shares the blocks of files without reading them.
 */
bool read_marks_work(const char *directory);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells which files are opened in the meantime, by inotify(7): what a build does not open cannot
 * change what it makes. (Access times would not do: overlays do not update them for
 * copy_file_range(2), file systems that share blocks not for reflinks, noatime mounts never.)
 */
#ifndef SYSCARE_READ_WATCH_H
#define SYSCARE_READ_WATCH_H

#include "lib/string_list.h"

#include <stdbool.h>

/* Files and directories that are watched. */
struct read_watch;

/* Never NULL; where inotify is not to be had, every file counts as opened. */
struct read_watch *read_watch_begin(void);

/*
 * Watches a file, or a directory: that counts as opened when it or a file in it is. name is what
 * read_watch_end calls it. What cannot be watched counts as opened.
 */
void read_watch_add(struct read_watch *watch, const char *path, const char *name);

/* Appends the names of all that was opened, each once, and frees watch. */
void read_watch_end(struct read_watch *watch, struct string_list *opened);

#endif

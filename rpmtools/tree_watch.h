/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells which files of a whole tree are opened while a stage of a build runs, by inotify(7): what
 * no stage opens cannot change what the build makes. A watch for each directory, read all the time.
 */
#ifndef SYSCARE_TREE_WATCH_H
#define SYSCARE_TREE_WATCH_H

#include "lib/error.h"

#include <json-c/json.h>
#include <stdbool.h>

struct tree_watch;

/*
 * Watches all directories that are below root now. What cannot be watched (no inotify, too many
 * directories for fs.inotify.max_user_watches) makes the result incomplete. Never NULL.
 */
struct tree_watch *tree_watch_begin(const char *root);

/* A file descriptor that is readable when tree_watch_read has something to do; -1 without inotify.
 */
int tree_watch_fd(const struct tree_watch *watch);

/* Takes what has happened so far. Must be called while the stage runs, or the kernel's queue ends.
 */
void tree_watch_read(struct tree_watch *watch);

/*
 * Ends and frees the watch. Adds what was opened to opened, an object
 * {"complete":bool, "files":{PATH:true…}, "directories":{PATH:true…}} with paths relative to root;
 * complete becomes false when something may be missing. Directories count when they are listed.
 */
void tree_watch_end(struct tree_watch *watch, struct json_object *opened);

#endif

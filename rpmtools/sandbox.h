/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Namespaces and mounts of a build: user_namespaces(7), mount_namespaces(7), overlayfs. */
#ifndef SYSCARE_SANDBOX_H
#define SYSCARE_SANDBOX_H

#include "lib/error.h"
#include "lib/string_list.h"

#include <stdbool.h>

/*
 * Moves the process into mount and UTS namespaces of its own, in a user namespace too where it has
 * no privilege; *user says which. User and group stay what they are, so programs started later have
 * no capabilities. False when the host allows neither: nothing was changed then.
 */
bool sandbox_enter(bool *user);

/*
 * An empty directory of the host that can be covered by a mount without anybody missing it: not
 * one of avoid nor above one of them. NULL when there is none.
 */
const char *sandbox_find_place(const struct string_list *avoid);

/* Bind mount (not recursive). 0, or -1 with errno set. */
int sandbox_bind(const char *from, const char *to);

/*
 * Makes path a directory that can be mounted on, for this process and its children only: where a
 * part of it is missing, the directory above is replaced by a new one that holds the same entries.
 * scratch: a directory of our own, made. 0, or -1 with err set.
 */
int sandbox_provide(const char *path, const char *scratch, struct sc_error **err);

/* Detaches the topmost mount at path, even if some process still has files open there. */
int sandbox_unmount(const char *path, struct sc_error **err);

/*
 * Mounts an overlay at the absolute path where. lower ("a:b", topmost first) and layer, which gets
 * upper/ and work/, are relative to root, so that no character in root needs care. Without a layer
 * (NULL) the overlay is for reading only, and lower must name two directories at least.
 */
int sandbox_overlay(const char *root, const char *lower, const char *layer, const char *where,
                    bool user, struct sc_error **err);

/* True if files of an overlay inside root can be written, replaced and removed. */
bool sandbox_overlay_works(const char *root, bool user);

#endif

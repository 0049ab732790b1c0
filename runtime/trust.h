/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens files that only root can have written: each step of the way to them is looked at. */
#ifndef SYSCARE_RUNTIME_TRUST_H
#define SYSCARE_RUNTIME_TRUST_H

#include "lib/error.h"

/*
 * Opens path, absolute and without "." and "..", with flags (O_CLOEXEC and O_NOFOLLOW are added),
 * going from directory to directory by openat(2) so that nobody can exchange one of them between
 * look and use. base is "/" or a leading part of path: it, and everything below it on the way, must
 * be root's and not writable by others; a directory like /tmp, where only owners can rename, will
 * do on the way. Symbolic links are refused.
 *
 * The descriptor, or -1 with err set (SC_REFUSED "untrusted-file", or SC_FAILED).
 */
int trust_open(const char *base, const char *path, int flags, struct sc_error **err);

/* The same without keeping it open. 0, or -1. */
int trust_check(const char *base, const char *path, struct sc_error **err);

#endif

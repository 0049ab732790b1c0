/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives a process an open file without any path that it would have to see. */
#ifndef SYSCARE_INJECT_DESCRIPTOR_H
#define SYSCARE_INJECT_DESCRIPTOR_H

#include "runtime/inject/infect.h"

/*
 * Makes the patch file an open, close-on-exec descriptor of the target: *fd. A socketpair is made
 * there, one end taken by pidfd_getfd(2), the file sent through it. 0, or -1 with the reply set;
 * nothing stays open on failure.
 */
int descriptor_send(struct job *job, struct infection *infection, int *fd);

/* close(2) in the target. */
int descriptor_close(struct job *job, struct infection *infection, int fd);

#endif

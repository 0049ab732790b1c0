/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives a process an open file without any path that it would have to see. */
#ifndef SYSCARE_INJECT_DESCRIPTOR_H
#define SYSCARE_INJECT_DESCRIPTOR_H

#include "runtime/inject/infect.h"

/* The patch file in the target, and the sockets that it came through. */
struct descriptor {
    int fd;      /* in the target; -1: closed */
    int pair[2]; /* in the target; -1: closed */
    int taken;   /* ours: the other end of pair[0], or -1 */
};

#define DESCRIPTOR_NONE                                                                            \
    {                                                                                              \
        -1, {-1, -1}, -1                                                                           \
    }

/*
 * Makes the patch file an open, close-on-exec descriptor of the target. A socketpair is made there,
 * one end taken by pidfd_getfd(2), the file sent through it. 0, or -1 with the reply set. End with
 * descriptor_end in any case.
 */
int descriptor_send(struct job *job, struct infection *infection, struct descriptor *descriptor);

/*
 * Closes what is open, by injected calls as long as the host is in our hands. The reply is kept,
 * unless closing fails. 0 or -1.
 */
int descriptor_end(struct job *job, struct infection *infection, struct descriptor *descriptor);

/*
 * The same as calls of a chain, which make descriptor->taken readable: at most
 * DESCRIPTOR_CALLS. Returns their number.
 */
#define DESCRIPTOR_CALLS 4
size_t descriptor_end_calls(const struct infection *infection, const struct descriptor *descriptor,
                            struct arch_call *calls);

#endif

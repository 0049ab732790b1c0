/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is at the other end of a socket, and what they may ask for. */
#ifndef SYSCARE_RUNTIME_PEER_H
#define SYSCARE_RUNTIME_PEER_H

#include <sys/types.h>

enum peer_right {
    PEER_NONE,  /* nothing */
    PEER_QUERY, /* what changes nothing: list, info, target, status, check */
    PEER_ALL,
};

#define PEER_NO_GROUP ((gid_t)-1)

/*
 * What the process that connected to the unix socket fd may ask for: root all, members of
 * query_group (by primary or supplementary group; PEER_NO_GROUP: none) queries. The kernel says who
 * it is, as it was when it connected: SO_PEERCRED and SO_PEERGROUPS, unix(7).
 */
enum peer_right peer_right_get(int fd, gid_t query_group);

/* The group of that name; PEER_NO_GROUP when there is none. */
gid_t peer_group_find(const char *name);

#endif

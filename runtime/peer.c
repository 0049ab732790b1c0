// SPDX-License-Identifier: GPL-2.0-or-later
// Who is at the other end of a socket, and what they may ask for.
#include "runtime/peer.h"

#include "lib/cleanup.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <sys/socket.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 /* asm-generic/socket.h, Linux 4.13 */
#endif

gid_t peer_group_find(const char *name)
{
    const struct group *group = *name ? getgrnam(name) : NULL;

    return group ? group->gr_gid : PEER_NO_GROUP;
}

/* True if the peer has the group among its supplementary ones. */
static bool has_group(int fd, gid_t wanted)
{
    cleanup_free gid_t *groups = NULL;
    socklen_t size = 0;

    /* With too little room the kernel tells how much there has to be. */
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) < 0 && errno != ERANGE)
        return false;
    groups = malloc(size ? size : 1);
    if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
        return false;
    for (size_t i = 0; i < size / sizeof(*groups); i++)
        if (groups[i] == wanted)
            return true;
    return false;
}

enum peer_right peer_right_get(int fd, gid_t query_group)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || size != sizeof(peer))
        return PEER_NONE;
    if (peer.uid == 0)
        return PEER_ALL;
    if (query_group != PEER_NO_GROUP && (peer.gid == query_group || has_group(fd, query_group)))
        return PEER_QUERY;
    return PEER_NONE;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Asks an injector for one thing and prints what it answered: result, functions, text.
//
// usage: imports-tool INJECTOR apply|lazy|revert|query PID PATCH
// lazy: apply as for a first call that is being held
#include "runtime/inject/protocol.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const results[] = {
    [INJECT_PATCHED] = "PATCHED",     [INJECT_ALREADY] = "ALREADY",
    [INJECT_REVERTED] = "REVERTED",   [INJECT_NOT_MAPPED] = "NOT_MAPPED",
    [INJECT_GONE] = "GONE",           [INJECT_TRACED] = "TRACED",
    [INJECT_BITS32] = "BITS32",       [INJECT_BUSY] = "BUSY",
    [INJECT_FROZEN] = "FROZEN",       [INJECT_MISMATCH] = "MISMATCH",
    [INJECT_NO_MEMORY] = "NO_MEMORY", [INJECT_UNSUPPORTED] = "UNSUPPORTED",
    [INJECT_FAILED] = "FAILED",       [INJECT_UNPATCHED] = "UNPATCHED",
    [INJECT_PARTIAL] = "PARTIAL",     [INJECT_READY] = "READY",
};

static int die(const char *what)
{
    perror(what);
    exit(99);
}

static int injector_start(const char *path)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        die("socketpair");
    switch (fork()) {
    case -1:
        return die("fork");
    case 0:
        if (pair[1] == INJECT_SOCKET_FD)
            fcntl(INJECT_SOCKET_FD, F_SETFD, 0);
        else
            dup2(pair[1], INJECT_SOCKET_FD);
        execl(path, path, NULL);
        _exit(127);
    default:
        close(pair[1]);
        return pair[0];
    }
}

static struct inject_reply ask(int socket, struct inject_request request, int patch)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec iov = {&request, sizeof(request)};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
    struct inject_reply reply;

    if (patch >= 0) {
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof(control.bytes);
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        control.align.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.align), &patch, sizeof(patch));
    }
    if (sendmsg(socket, &header, MSG_NOSIGNAL) < 0 ||
        recv(socket, &reply, sizeof(reply), 0) != (ssize_t)sizeof(reply))
        die("injector");
    return reply;
}

int main(int argc, char **argv)
{
    struct inject_request request = {.version = INJECT_PROTOCOL_VERSION, .op = INJECT_INIT};
    struct inject_reply reply;
    int patch, socket;

    if (argc != 5)
        return 99;
    patch = open(argv[4], O_RDONLY | O_CLOEXEC);
    if (patch < 0)
        die(argv[4]);
    socket = injector_start(argv[1]);
    ask(socket, request, -1);
    request.op = strcmp(argv[2], "query") == 0    ? INJECT_QUERY
                 : strcmp(argv[2], "revert") == 0 ? INJECT_REVERT
                                                  : INJECT_APPLY;
    request.flags = strcmp(argv[2], "lazy") == 0 ? INJECT_LAZY : 0;
    request.pid = (int32_t)atoi(argv[3]);
    request.deadline_ms = 3000;
    reply = ask(socket, request, patch);
    printf("%s %u %s\n",
           reply.result < sizeof(results) / sizeof(results[0]) ? results[reply.result] : "?",
           reply.functions, reply.text);
    close(socket);
    wait(NULL);
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Sends the patch file into the target by SCM_RIGHTS, unix(7).
#include "runtime/inject/descriptor.h"
#include "lib/cleanup.h"
#include "runtime/inject/fault.h"
#include "runtime/inject/memory.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* Numbers of Linux 5.3 and 5.6, the same on all architectures; 6.9 added threads. */
#define NR_PIDFD_OPEN 434
#define NR_PIDFD_GETFD 438
#define OPEN_THREAD 0200 /* PIDFD_THREAD is O_EXCL */

/* What recvmsg(2) works on, in the scratch memory of the target. */
struct receive {
    struct msghdr header;
    struct iovec iov;
    uint64_t byte;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
};

_Static_assert(sizeof(struct receive) <= INFECT_SCRATCH, "the message fits the scratch memory");

static int remote_close(struct job *job, struct infection *infection, int *fd)
{
    const uint64_t arguments[6] = {(uint64_t)*fd};
    int64_t result;

    if (*fd < 0)
        return 0;
    *fd = -1;
    return infect_call(job, infection, SYS_close, arguments, &result);
}

static int remote_socketpair(struct job *job, struct infection *infection, int pair[2])
{
    const uint64_t arguments[6] = {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, infection->scratch};
    int64_t result;

    if (infect_call(job, infection, SYS_socketpair, arguments, &result) < 0)
        return -1;
    if (result < 0)
        return reply_set(job->reply, INJECT_FAILED, "socketpair in the process: %s",
                         strerror((int)-result));
    if (!process_read(job->process, infection->scratch, pair, 2 * sizeof(int)) || pair[0] < 0 ||
        pair[1] < 0)
        return reply_set(job->reply, INJECT_FAILED, "its memory cannot be read");
    return 0;
}

/*
 * Our copy of a descriptor of the host. A pidfd names the process; only where the host has left
 * the descriptor table of its leader (CLONE_FILES undone, leader gone) the thread must be named.
 */
static int descriptor_take(struct job *job, const struct tracee *host, int fd)
{
    bool shared =
        host->tid == host->tgid || syscall(SYS_kcmp, host->tgid, host->tid, KCMP_FILES, 0, 0) == 0;
    cleanup_close int pidfd =
        (int)syscall(NR_PIDFD_OPEN, shared ? host->tgid : host->tid, shared ? 0 : OPEN_THREAD);
    int taken;

    if (pidfd < 0)
        return reply_set(job->reply, INJECT_UNSUPPORTED, "pidfd_open: %s", strerror(errno));
    taken = (int)syscall(NR_PIDFD_GETFD, pidfd, fd, 0);
    if (taken < 0)
        return reply_set(job->reply, errno == ENOSYS ? INJECT_UNSUPPORTED : INJECT_FAILED,
                         "pidfd_getfd: %s", strerror(errno));
    return taken;
}

static int file_send(struct job *job, int socket)
{
    struct receive message = {.header = {0}};
    struct cmsghdr *cmsg;

    message.iov = (struct iovec){&message.byte, 1};
    message.header.msg_iov = &message.iov;
    message.header.msg_iovlen = 1;
    message.header.msg_control = message.control.bytes;
    message.header.msg_controllen = sizeof(message.control);
    cmsg = CMSG_FIRSTHDR(&message.header);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(cmsg), &job->patch_fd, sizeof(int));
    fault_point(job->injector);
    if (sendmsg(socket, &message.header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return reply_set(job->reply, INJECT_FAILED, "sending the patch file: %s", strerror(errno));
    return 0;
}

static int remote_receive(struct job *job, struct infection *infection, int socket, int *fd)
{
    const uint64_t arguments[6] = {(uint64_t)socket, infection->scratch,
                                   MSG_DONTWAIT | MSG_CMSG_CLOEXEC};
    uint64_t scratch = infection->scratch;
    struct receive message = {.header = {0}};
    int64_t result;

    message.iov.iov_base = (void *)(scratch + offsetof(struct receive, byte));
    message.iov.iov_len = 1;
    message.header.msg_iov = (void *)(scratch + offsetof(struct receive, iov));
    message.header.msg_iovlen = 1;
    message.header.msg_control = (void *)(scratch + offsetof(struct receive, control));
    message.header.msg_controllen = sizeof(message.control);
    if (memory_write(job, infection->host->tid, scratch, &message, sizeof(message)) < 0)
        return reply_set(job->reply, INJECT_FAILED, "its memory cannot be written");
    if (infect_call(job, infection, SYS_recvmsg, arguments, &result) < 0)
        return -1;
    if (result < 0)
        return reply_set(job->reply, INJECT_FAILED, "recvmsg in the process: %s",
                         strerror((int)-result));
    if (!process_read(job->process, scratch, &message, sizeof(message)) ||
        message.header.msg_controllen < CMSG_LEN(sizeof(int)) ||
        message.control.align.cmsg_type != SCM_RIGHTS)
        return reply_set(job->reply, INJECT_FAILED,
                         "the process was not allowed to receive the patch file");
    memcpy(fd, message.control.bytes + CMSG_LEN(0), sizeof(*fd));
    return 0;
}

int descriptor_send(struct job *job, struct infection *infection, struct descriptor *descriptor)
{
    if (remote_socketpair(job, infection, descriptor->pair) < 0)
        return -1;
    descriptor->taken = descriptor_take(job, infection->host, descriptor->pair[1]);
    if (descriptor->taken < 0 || file_send(job, descriptor->taken) < 0)
        return -1;
    return remote_receive(job, infection, descriptor->pair[0], &descriptor->fd);
}

int descriptor_end(struct job *job, struct infection *infection, struct descriptor *descriptor)
{
    int *const fds[] = {&descriptor->fd, &descriptor->pair[0], &descriptor->pair[1]};
    struct inject_reply reply = *job->reply;

    if (descriptor->taken >= 0)
        close(descriptor->taken);
    descriptor->taken = -1;
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]) && infection->host->stopped; i++)
        if (remote_close(job, infection, fds[i]) < 0)
            return -1;
    *job->reply = reply;
    return 0;
}

size_t descriptor_end_calls(const struct infection *infection, const struct descriptor *descriptor,
                            struct arch_call *calls)
{
    const struct arch_call end[DESCRIPTOR_CALLS] = {
        {SYS_close, {(uint64_t)descriptor->fd}},
        {SYS_close, {(uint64_t)descriptor->pair[1]}},
        /* one byte, whichever */
        {SYS_sendto,
         {(uint64_t)descriptor->pair[0], infection->scratch, 1, MSG_DONTWAIT | MSG_NOSIGNAL}},
        {SYS_close, {(uint64_t)descriptor->pair[0]}},
    };

    memcpy(calls, end, sizeof(end));
    return DESCRIPTOR_CALLS;
}

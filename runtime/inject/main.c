// SPDX-License-Identifier: GPL-2.0-or-later
// syscare-inject: takes requests from syscared and changes processes by ptrace.
#include "lib/cleanup.h"
#include "runtime/inject/below.h"
#include "runtime/inject/injector.h"
#include "runtime/inject/job.h"
#include "runtime/inject/patch_cache.h"
#include "runtime/inject/recent.h"
#include "runtime/inject/release.h"
#include "runtime/inject/stop.h"
#include "runtime/inject/task.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define DEADLINE_MAX_MS 60000u

int reply_set(struct inject_reply *reply, enum inject_result result, const char *fmt, ...)
{
    va_list args;

    reply->result = result;
    va_start(args, fmt);
    vsnprintf(reply->text, sizeof(reply->text), fmt, args);
    va_end(args);
    return -1;
}

void reply_function(struct job *job, size_t func)
{
    snprintf(job->reply->function, sizeof(job->reply->function), "%s",
             patch_func_name(job->patch, &job->patch->funcs[func]));
}

/* What earlier rounds wrote about threads in the way does not belong into a success. */
static void reply_finish(struct inject_reply *reply)
{
    switch (reply->result) {
    case INJECT_PATCHED:
    case INJECT_ALREADY:
    case INJECT_REVERTED:
    case INJECT_UNPATCHED:
    case INJECT_PARTIAL:
        reply->tid = 0;
        reply->tracer = 0;
        reply->function[0] = '\0';
        break;
    default:
        break;
    }
}

static void job_run(struct job *job)
{
    switch (job->request->op) {
    case INJECT_APPLY:
        job_apply(job);
        break;
    case INJECT_REVERT:
        job_revert(job);
        break;
    default:
        job_query(job);
        break;
    }
}

/* However it went, nobody waits for us any longer; with INJECT_STAY only the next request's end. */
static void job_end(struct job *job)
{
    threads_leave(job, true);
    if (!(job->request->flags & INJECT_STAY))
        hold_release(job);
    job_free(job);
    reply_finish(job->reply);
}

static int request_check(const struct inject_request *request, size_t size,
                         struct inject_reply *reply)
{
    if (size != sizeof(*request) || request->version != INJECT_PROTOCOL_VERSION)
        return reply_set(reply, INJECT_FAILED, "request of another version (%zu bytes)", size);
    if (request->op < INJECT_INIT || request->op > INJECT_QUERY)
        return reply_set(reply, INJECT_FAILED, "unknown request %u", request->op);
    if (request->op == INJECT_INIT)
        return 0;
    if (request->pid <= 0 || request->deadline_ms < 1 || request->deadline_ms > DEADLINE_MAX_MS)
        return reply_set(reply, INJECT_FAILED, "pid or deadline out of range");
    if (request->flags & ~(uint32_t)(INJECT_LAZY | INJECT_REPLACE | INJECT_UNMAP | INJECT_PREPARE |
                                     INJECT_STAY) ||
        (request->flags & INJECT_LAZY && request->flags & INJECT_PREPARE))
        return reply_set(reply, INJECT_FAILED, "unknown flags");
    return 0;
}

/* What came with a request. */
struct message {
    struct inject_request request;
    size_t size;
    int fds[1 + INJECT_BELOW_MAX];
    size_t fd_count;
};

static void message_close(struct message *message)
{
    for (size_t i = 0; i < message->fd_count; i++)
        if (message->fds[i] >= 0)
            close(message->fds[i]);
    message->fd_count = 0;
}

/* Takes the maps: the descriptors of the message are ours from now on. */
static void injector_init(struct injector *injector, struct message *message,
                          struct inject_reply *reply)
{
    int *const maps[] = {&injector->release_map, &injector->cuts_map};

    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
        if (*maps[i] >= 0)
            close(*maps[i]);
        *maps[i] = i < message->fd_count ? message->fds[i] : -1;
        if (i < message->fd_count)
            message->fds[i] = -1;
    }
    injector->initialised = true;
    reply_set(reply, INJECT_READY, "%s", "");
}

/* The patch objects of the request. 0, or -1 with the reply set. */
static int patches_get(struct job *job, struct patch_cache *cache, const struct message *message)
{
    if (message->fd_count == 0)
        return reply_set(job->reply, INJECT_FAILED, "the request carries no patch object");
    job->patch_fd = message->fds[0];
    job->patch = patch_cache_get(cache, message->fds[0], job->reply);
    job->belows = calloc(message->fd_count, sizeof(*job->belows));
    if (!job->patch || !job->belows)
        return -1;
    for (size_t i = 1; i < message->fd_count; i++) {
        job->belows[job->below_count].patch = patch_cache_get(cache, message->fds[i], job->reply);
        if (!job->belows[job->below_count++].patch)
            return -1;
    }
    return 0;
}

/* Answers one request. Its descriptor is kept only by INIT. */
static void request_answer(struct injector *injector, struct patch_cache *cache,
                           struct message *message, struct inject_reply *reply)
{
    const struct inject_request *request = &message->request;
    uint64_t begin = clock_now();
    struct job job = {.injector = injector, .request = request, .reply = reply, .patch_fd = -1};

    *reply = (struct inject_reply){
        .version = INJECT_PROTOCOL_VERSION,
        .op = request->op,
        .id = request->id,
        .pid = request->pid,
        .result = INJECT_FAILED,
    };
    if (request_check(request, message->size, reply) < 0)
        return;
    if (request->op == INJECT_INIT) {
        injector_init(injector, message, reply);
        return;
    }
    injector->fault_step = request->fault_step;
    injector->fault_count = 0;
    job.pid = request->pid;
    job.deadline = begin + (uint64_t)request->deadline_ms * 1000000;
    if (patches_get(&job, cache, message) == 0) {
        parked_take(&job);
        job_run(&job);
    }
    belows_free(&job);
    job_end(&job);
    reply->total_ns = clock_now() - begin;
}

/* Takes the descriptors of a message; those that have no room are closed. */
static void descriptors_take(struct msghdr *header, struct message *message)
{
    message->fd_count = 0;
    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg; cmsg = CMSG_NXTHDR(header, cmsg)) {
        size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
            if (message->fd_count < 1 + INJECT_BELOW_MAX)
                message->fds[message->fd_count++] = fd;
            else
                close(fd);
        }
    }
}

/* 1 with a request, 0 at the end of the connection, -1 on failure. */
static int request_receive(struct message *message)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE((1 + INJECT_BELOW_MAX) * sizeof(int))];
    } control;
    struct iovec iov = {&message->request, sizeof(message->request)};
    struct msghdr header = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    ssize_t n = recvmsg(INJECT_SOCKET_FD, &header, MSG_CMSG_CLOEXEC | MSG_TRUNC);

    if (n < 0)
        return errno == EINTR ? 1 : -1;
    descriptors_take(&header, message);
    message->size = (size_t)n;
    return n > 0;
}

static int serve(struct injector *injector)
{
    struct patch_cache cache = {0};
    int result = 1;

    while (result > 0) {
        struct pollfd poll_fd = {.fd = INJECT_SOCKET_FD, .events = POLLIN};
        int wait = pending_any(injector) ? 1 : parked_wait(injector);
        struct message message = {0};
        struct inject_reply reply;

        /* Threads that could not be detached yet are looked after meanwhile. */
        if (poll(&poll_fd, 1, wait) <= 0) {
            if (parked_wait(injector) == 0)
                parked_release(injector);
            pending_poll(injector, 0);
            continue;
        }
        result = request_receive(&message);
        if (result > 0) {
            request_answer(injector, &cache, &message, &reply);
            if (send(INJECT_SOCKET_FD, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
                result = errno == EPIPE || errno == ECONNRESET ? 0 : -1;
        }
        message_close(&message);
        pending_poll(injector, 0);
    }
    patch_cache_clear(&cache);
    return result;
}

/*
 * We end when the socket is closed, never by a signal of a terminal or of a stopping service in the
 * middle of a change. SIGCHLD is waited for: see stop.c.
 */
static void process_prepare(void)
{
    cleanup_close int oom = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    sigset_t set;

    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    prctl(PR_SET_TIMERSLACK, 1);
    /* Threads stand still while we wait for the processor: be ahead of them, if it is allowed. */
    setpriority(PRIO_PROCESS, 0, -20);
    /* Allowed only to a privileged injector; otherwise the default has to do. */
    if (oom >= 0 && write(oom, "-1000", 5) < 0)
        errno = 0;
}

int main(void)
{
    struct injector injector = {.release_map = -1, .cuts_map = -1};
    struct stat st;
    int result;

    if (fstat(INJECT_SOCKET_FD, &st) < 0 || !S_ISSOCK(st.st_mode)) {
        fprintf(stderr, "syscare-inject is started by syscared, with a socket as descriptor 3\n");
        return SC_USAGE;
    }
    fcntl(INJECT_SOCKET_FD, F_SETFD, FD_CLOEXEC);
    process_prepare();
    cgroup_mounts_find(&injector);
    result = serve(&injector);
    if (result < 0)
        fprintf(stderr, "syscare-inject: %s\n", strerror(errno));
    free(injector.freezer_v1);
    free(injector.cgroup_v2);
    free(injector.pending.items);
    recent_free(injector.recent);
    return result < 0 ? SC_FAILED : SC_OK;
}

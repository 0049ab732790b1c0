// SPDX-License-Identifier: GPL-2.0-or-later
// syscare-inject: takes requests from syscared and changes processes by ptrace.
#include "lib/cleanup.h"
#include "runtime/inject/injector.h"
#include "runtime/inject/job.h"
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

/* The patch object of the last request: an eager pass asks with the same file for each process. */
struct patch_cache {
    struct patch_object *patch;
    struct stat st;
};

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

static bool stat_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* The patch in fd, from the cache if the file has not changed. NULL with the reply set. */
static const struct patch_object *patch_get(struct patch_cache *cache, int fd,
                                            struct inject_reply *reply)
{
    cleanup_error struct sc_error *err = NULL;
    struct stat st;

    if (fstat(fd, &st) < 0) {
        reply_set(reply, INJECT_FAILED, "the patch object: %s", strerror(errno));
        return NULL;
    }
    if (cache->patch && stat_same(&st, &cache->st))
        return cache->patch;
    patch_object_close(cache->patch);
    cache->patch = patch_object_open(fd, &err);
    cache->st = st;
    if (!cache->patch)
        reply_set(reply, INJECT_FAILED, "%s", err->message);
    return cache->patch;
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
    if (request->flags & ~(uint32_t)(INJECT_LAZY | INJECT_REPLACE | INJECT_UNMAP))
        return reply_set(reply, INJECT_FAILED, "unknown flags");
    return 0;
}

static void injector_init(struct injector *injector, int *fd, struct inject_reply *reply)
{
    if (injector->release_map >= 0)
        close(injector->release_map);
    injector->release_map = *fd;
    *fd = -1;
    injector->initialised = true;
    reply_set(reply, INJECT_READY, "%s", "");
}

/* Answers one request. fd is its descriptor or -1; it is taken only by INIT. */
static void request_answer(struct injector *injector, struct patch_cache *cache,
                           const struct inject_request *request, size_t size, int *fd,
                           struct inject_reply *reply)
{
    uint64_t begin = clock_now();
    struct job job = {.injector = injector, .request = request, .reply = reply, .patch_fd = *fd};

    *reply = (struct inject_reply){
        .version = INJECT_PROTOCOL_VERSION,
        .op = request->op,
        .id = request->id,
        .pid = request->pid,
        .result = INJECT_FAILED,
    };
    if (request_check(request, size, reply) < 0)
        return;
    if (request->op == INJECT_INIT) {
        injector_init(injector, fd, reply);
        return;
    }
    injector->fault_step = request->fault_step;
    injector->fault_count = 0;
    job.pid = request->pid;
    job.deadline = begin + (uint64_t)request->deadline_ms * 1000000;
    job.patch = *fd >= 0 ? patch_get(cache, *fd, reply) : NULL;
    if (job.patch)
        job_run(&job);
    else if (*fd < 0)
        reply_set(reply, INJECT_FAILED, "the request carries no patch object");
    hold_release(&job);
    reply->total_ns = clock_now() - begin;
}

/* Takes the first descriptor of a message; any others are closed. */
static int descriptors_take(struct msghdr *header)
{
    int taken = -1;

    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg; cmsg = CMSG_NXTHDR(header, cmsg)) {
        size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
            if (taken < 0)
                taken = fd;
            else
                close(fd);
        }
    }
    return taken;
}

/* 1 with a request, 0 at the end of the connection, -1 on failure. */
static int request_receive(struct inject_request *request, size_t *size, int *fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct iovec iov = {request, sizeof(*request)};
    struct msghdr header = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes),
    };
    ssize_t n = recvmsg(INJECT_SOCKET_FD, &header, MSG_CMSG_CLOEXEC | MSG_TRUNC);

    *fd = -1;
    if (n < 0)
        return errno == EINTR ? 1 : -1;
    *fd = descriptors_take(&header);
    *size = (size_t)n;
    return n > 0;
}

static int serve(struct injector *injector)
{
    struct patch_cache cache = {0};
    int result = 1;

    while (result > 0) {
        struct pollfd poll_fd = {.fd = INJECT_SOCKET_FD, .events = POLLIN};
        struct inject_request request = {0};
        cleanup_close int fd = -1;
        struct inject_reply reply;
        size_t size = 0;

        /* Threads that could not be detached yet are looked after meanwhile. */
        if (poll(&poll_fd, 1, pending_any(injector) ? 1 : -1) <= 0) {
            pending_poll(injector, 0);
            continue;
        }
        result = request_receive(&request, &size, &fd);
        if (result <= 0)
            break;
        request_answer(injector, &cache, &request, size, &fd, &reply);
        if (send(INJECT_SOCKET_FD, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
            result = errno == EPIPE || errno == ECONNRESET ? 0 : -1;
        pending_poll(injector, 0);
    }
    patch_object_close(cache.patch);
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
    struct injector injector = {.release_map = -1};
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

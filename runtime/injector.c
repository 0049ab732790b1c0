// SPDX-License-Identifier: GPL-2.0-or-later
// Injector processes, as the daemon uses them.
#include "runtime/injector.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* An injector that overruns its deadline by that much is taken for hung, and killed. */
#define GRACE_MS 5000
#define START_MS 5000

struct injector {
    char *program;
    struct hold *hold; /* not owned */
    struct log log;
    bool urgent;
    pid_t pid; /* 0: not running */
    int fd;    /* our end of the socketpair, or -1 */
    uint64_t next_id;
};

struct injector *injector_new(const char *libexec_dir, struct hold *hold, const struct log *log)
{
    struct injector *injector = calloc(1, sizeof(*injector));

    if (!injector)
        abort();
    injector->program = sc_format("%s/syscare-inject", libexec_dir);
    injector->hold = hold;
    injector->log = *log;
    injector->fd = -1;
    return injector;
}

/* Reaps the process; kill_it when it may still run. */
static void injector_stop(struct injector *injector, bool kill_it)
{
    if (injector->fd >= 0)
        close(injector->fd);
    injector->fd = -1;
    if (!injector->pid)
        return;
    if (kill_it)
        kill(injector->pid, SIGKILL);
    while (waitpid(injector->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (injector->hold)
        hold_include(injector->hold, injector->pid);
    injector->pid = 0;
}

void injector_free(struct injector *injector)
{
    if (!injector)
        return;
    /* It ends by itself at the end of the socket, after what it is doing. */
    injector_stop(injector, false);
    free(injector->program);
    free(injector);
}

void injector_set_urgent(struct injector *injector)
{
    injector->urgent = true;
}

/* Threads that are held compete with it for the processors. */
static void raise_priority(pid_t pid)
{
    const struct sched_param param = {.sched_priority = 1};

    sched_setscheduler(pid, SCHED_RR | SCHED_RESET_ON_FORK, &param); /* if it is allowed */
}

/* Memory shortage must not kill it while it holds a process. */
static void protect_from_oom(pid_t pid)
{
    cleanup_free char *path = sc_format("/proc/%d/oom_score_adj", pid);
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd >= 0 && write(fd, "-1000", 5) < 0)
        return; /* not allowed in some containers: then it is as likely as others */
}

/* posix_spawn: the daemon has threads, so nothing else may run between fork and exec. */
static int spawn(struct injector *injector, int child_end, struct sc_error **err)
{
    char *argv[] = {injector->program, NULL};
    char *envp[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int failed;

    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, child_end, INJECT_SOCKET_FD);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    /* A group of its own: Ctrl-C at a daemon in the foreground must not reach it. */
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    failed = posix_spawn(&injector->pid, injector->program, &actions, &attributes, argv, envp);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) {
        injector->pid = 0;
        errno = failed;
        return sc_error_errno(err, "cannot start %s", injector->program);
    }
    protect_from_oom(injector->pid);
    if (injector->urgent)
        raise_priority(injector->pid);
    return 0;
}

/* Descriptors that go with a request. */
struct passengers {
    int fds[1 + INJECT_BELOW_MAX];
    size_t count;
};

/* Sends one request, with its descriptors. */
static int send_request(const struct injector *injector, struct inject_request *request,
                        const struct passengers *passengers)
{
    char control[CMSG_SPACE(sizeof(passengers->fds))] = {0};
    struct iovec data = {.iov_base = request, .iov_len = sizeof(*request)};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    size_t size = passengers->count * sizeof(int);
    ssize_t n;

    if (size) {
        struct cmsghdr *header;

        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(size);
        header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(header), passengers->fds, size);
    }
    do
        n = sendmsg(injector->fd, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(*request) ? 0 : -1;
}

/* Waits for the reply to the request. */
static int receive_reply(const struct injector *injector, const struct inject_request *request,
                         unsigned timeout_ms, struct inject_reply *reply, struct sc_error **err)
{
    struct pollfd poll_fd = {.fd = injector->fd, .events = POLLIN};
    uint64_t end = hold_clock() + timeout_ms * 1000000ull;
    ssize_t n;

    do {
        uint64_t now = hold_clock();
        int ready = poll(&poll_fd, 1, now < end ? (int)((end - now) / 1000000 + 1) : 0);

        if (ready == 0)
            return sc_error_set(err, SC_FAILED, "the injector did not answer in time");
        if (ready < 0 && errno != EINTR)
            return sc_error_errno(err, "poll");
        n = ready > 0 ? recv(injector->fd, reply, sizeof(*reply), 0) : -1;
        if (n == 0 || (n < 0 && ready > 0 && errno != EINTR))
            return sc_error_set(err, SC_FAILED, "the injector died");
    } while (n < 0);
    reply->text[INJECT_TEXT_MAX - 1] = '\0';
    reply->function[INJECT_FUNCTION_MAX - 1] = '\0';
    if (n != (ssize_t)sizeof(*reply) || reply->version != INJECT_PROTOCOL_VERSION ||
        reply->id != request->id || reply->op != request->op)
        return sc_error_set(err, SC_FAILED, "the injector's answer is not understood");
    return 0;
}

/* One request and its reply. */
static int exchange(struct injector *injector, struct inject_request *request,
                    const struct passengers *passengers, unsigned timeout_ms,
                    struct inject_reply *reply, struct sc_error **err)
{
    request->version = INJECT_PROTOCOL_VERSION;
    request->id = ++injector->next_id;
    if (send_request(injector, request, passengers) < 0)
        return sc_error_errno(err, "cannot reach the injector");
    return receive_reply(injector, request, timeout_ms, reply, err);
}

/*
 * Starts the process and waits until it is ready. It is excluded from holds before it can meet one.
 */
static int injector_start(struct injector *injector, struct sc_error **err)
{
    struct inject_request request = {.op = INJECT_INIT, .deadline_ms = START_MS};
    struct passengers passengers = {.count = 0};
    struct inject_reply reply;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return sc_error_errno(err, "socketpair");
    injector->fd = ends[0];
    if (spawn(injector, ends[1], err) < 0) {
        close(ends[1]);
        injector_stop(injector, false);
        return -1;
    }
    close(ends[1]);
    /* There are none without BPF. */
    if (injector->hold && hold_release_fd(injector->hold) >= 0) {
        passengers.fds[passengers.count++] = hold_release_fd(injector->hold);
        passengers.fds[passengers.count++] = hold_cuts_fd(injector->hold);
    }
    if ((injector->hold && hold_exclude(injector->hold, injector->pid, err) < 0) ||
        exchange(injector, &request, &passengers, START_MS, &reply, err) < 0) {
        injector_stop(injector, true);
        return -1;
    }
    if (reply.result != INJECT_READY) {
        sc_error_set(err, SC_FAILED, "the injector refused to start: %s", reply.text);
        injector_stop(injector, true);
        return -1;
    }
    return 0;
}

void injector_prepare(struct injector *injector)
{
    if (!injector->pid)
        injector_start(injector, NULL);
}

/* Its end of the socket is closed: it was killed, or crashed. */
static bool is_gone(const struct injector *injector)
{
    struct pollfd poll_fd = {.fd = injector->fd, .events = POLLIN};

    return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLHUP | POLLERR));
}

/* One try. *died tells an injector that is gone from one that did not answer or start. */
static int run_once(struct injector *injector, const struct injector_job *job,
                    struct inject_reply *reply, bool *died, struct sc_error **err)
{
    struct inject_request request = {
        .op = job->op,
        .pid = job->pid,
        .flags = job->flags,
        .start_time = job->start_time,
        .deadline_ms = job->deadline_ms,
        .slot = job->slot,
    };
    struct passengers passengers = {.fds = {job->patch_fd}, .count = 1};
    unsigned timeout_ms = job->deadline_ms + GRACE_MS;

    for (size_t i = 0; i < job->below_count && i < INJECT_BELOW_MAX; i++)
        passengers.fds[passengers.count++] = job->below_fds[i];
    if (job->covered)
        memcpy(request.covered, job->covered, sizeof(request.covered));
    *died = false;
    memset(reply, 0, sizeof(*reply));
    if (!injector->pid && injector_start(injector, err) < 0)
        return -1;
    if (exchange(injector, &request, &passengers, timeout_ms, reply, err) == 0)
        return 0;
    *died = is_gone(injector);
    return -1;
}

enum inject_result injector_run(struct injector *injector, const struct injector_job *job,
                                struct inject_reply *reply)
{
    const struct log_about about = {.pid = job->pid, .result = "failed"};
    cleanup_error struct sc_error *err = NULL;
    bool died = true;

    /*
     * One that was killed leaves the process running, and every step of its work can be done again:
     * so a second one finishes it. Two in a row have a reason that a third would meet as well.
     */
    for (int attempt = 0; attempt < 2 && died; attempt++) {
        if (run_once(injector, job, reply, &died, &err) == 0)
            return (enum inject_result)reply->result;
        log_write(&injector->log, LOG_ERR, &about, "%s", err->message);
        injector_stop(injector, true);
    }
    memset(reply, 0, sizeof(*reply));
    reply->result = INJECT_FAILED;
    reply->pid = job->pid;
    snprintf(reply->text, sizeof(reply->text), "%s", err->message);
    return INJECT_FAILED;
}

const char *inject_result_name(enum inject_result result)
{
    static const char *const names[] = {
        [INJECT_PATCHED] = "patched",     [INJECT_ALREADY] = "already",
        [INJECT_REVERTED] = "reverted",   [INJECT_NOT_MAPPED] = "not-mapped",
        [INJECT_GONE] = "gone",           [INJECT_TRACED] = "traced",
        [INJECT_BITS32] = "bits32",       [INJECT_BUSY] = "busy",
        [INJECT_FROZEN] = "frozen",       [INJECT_MISMATCH] = "mismatch",
        [INJECT_NO_MEMORY] = "no-memory", [INJECT_UNSUPPORTED] = "unsupported",
        [INJECT_FAILED] = "failed",       [INJECT_UNPATCHED] = "unpatched",
        [INJECT_PARTIAL] = "partial",     [INJECT_READY] = "ready",
    };

    if ((size_t)result >= sizeof(names) / sizeof(names[0]) || !names[result])
        return "unknown";
    return names[result];
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Starts targets and injectors for the tests of the runtime.
#include "tests/inject-support.h"

#include <stdint.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void sleep_ms(int milliseconds)
{
    struct timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};

    nanosleep(&time, NULL);
}

const char *fixtures_dir(void)
{
    static char dir[4096];

    if (!dir[0])
        snprintf(dir, sizeof(dir), "%s/tests/inject-fixtures", getenv("top_builddir"));
    return dir;
}

/* In the child: the status memory as descriptor 3, everything else as the program wants it. */
static void target_exec(const char *program, int status, int threads, int kind, const char *option)
{
    char path[4200], library[4200], count[16], number[16];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(path, sizeof(path), "%s/%s", fixtures_dir(), program);
    snprintf(library, sizeof(library), "%s/library.so", fixtures_dir());
    snprintf(count, sizeof(count), "%d", threads);
    snprintf(number, sizeof(number), "%d", kind);
    dup2(status, TARGET_STATUS_FD);
    execl(path, path, count, number, option, library, NULL);
    _exit(127);
}

struct target target_start(const char *program, int threads, int kind, const char *option)
{
    struct target target;
    int status = memfd_create("status", 0);

    assert_int_equal(ftruncate(status, sizeof(*target.status)), 0);
    target.status =
        mmap(NULL, sizeof(*target.status), PROT_READ | PROT_WRITE, MAP_SHARED, status, 0);
    target.pid = fork();
    if (target.pid == 0)
        target_exec(program, status, threads, kind, option);
    close(status);
    for (int i = 0; i < 5000 && target.status->ready < (uint32_t)threads; i++) {
        sleep_ms(1);
        if (!target_alive(&target))
            break;
    }
    return target;
}

bool target_alive(const struct target *target)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)target->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

void target_end(struct target *target)
{
    kill(target->pid, SIGKILL);
    waitpid(target->pid, NULL, 0);
    munmap(target->status, sizeof(*target->status));
}

void target_run(const struct target *target, int milliseconds)
{
    sleep_ms(milliseconds);
    for (int i = 0; i < 5000 && target_alive(target); i++) {
        uint32_t calling = 0;

        for (size_t t = 0; t < TARGET_THREADS_MAX; t++)
            calling += target->status->threads[t].old_calls + target->status->threads[t].new_calls >
                       4 * TARGET_FUNCTIONS;
        if (calling >= target->status->ready)
            return;
        sleep_ms(1);
    }
}

void target_reset(const struct target *target)
{
    for (size_t t = 0; t < TARGET_THREADS_MAX; t++) {
        target->status->threads[t].old_calls = 0;
        target->status->threads[t].new_calls = 0;
    }
}

uint64_t target_sum(const struct target *target, size_t field)
{
    uint64_t sum = 0;

    for (size_t t = 0; t < TARGET_THREADS_MAX; t++)
        sum += *(const volatile uint64_t *)((const char *)&target->status->threads[t] + field);
    return sum;
}

void target_assert_clean(const struct target *target)
{
    assert_true(target_alive(target));
    assert_int_equal(TARGET_SUM(target, wrong), 0);
    assert_int_equal(TARGET_SUM(target, eintr), 0);
    assert_int_equal(TARGET_SUM(target, failed), 0);
    assert_int_equal(TARGET_SUM(target, state_lost), 0);
}

struct injector_process injector_start(bool faults)
{
    return injector_start_without(faults, -1);
}

struct injector_process injector_start_without(bool faults, int capability)
{
    struct injector_process injector;
    struct inject_request request = {.version = INJECT_PROTOCOL_VERSION, .op = INJECT_INIT};
    struct inject_reply reply;
    char path[4200];
    int pair[2];

    snprintf(path, sizeof(path), "%s/%s", getenv("top_builddir"),
             faults ? "tests/inject-faulty" : "runtime/syscare-inject");
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    injector.pid = fork();
    if (injector.pid == 0) {
        dup2(pair[1], INJECT_SOCKET_FD);
        if (pair[1] == INJECT_SOCKET_FD)
            fcntl(INJECT_SOCKET_FD, F_SETFD, 0);
        if (capability >= 0)
            prctl(PR_CAPBSET_DROP, capability);
        execl(path, path, NULL);
        _exit(127);
    }
    close(pair[1]);
    injector.socket = pair[0];
    assert_true(injector_ask(&injector, request, NULL, &reply));
    assert_int_equal(reply.result, INJECT_READY);
    return injector;
}

void injector_end(struct injector_process *injector)
{
    close(injector->socket);
    waitpid(injector->pid, NULL, 0);
}

bool injector_ask(const struct injector_process *injector, struct inject_request request,
                  const char *patch, struct inject_reply *reply)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec iov = {&request, sizeof(request)};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
    char path[4200];
    ssize_t received;
    int fd = -1;

    if (patch) {
        struct cmsghdr *cmsg = &control.align;

        snprintf(path, sizeof(path), "%s%s%s", patch[0] == '/' ? "" : fixtures_dir(),
                 patch[0] == '/' ? "" : "/", patch);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof(control.bytes);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
    }
    if (sendmsg(injector->socket, &header, MSG_NOSIGNAL) < 0)
        received = -1;
    else
        received = recv(injector->socket, reply, sizeof(*reply), 0);
    if (fd >= 0)
        close(fd);
    return received == (ssize_t)sizeof(*reply);
}

enum inject_result injector_do(const struct injector_process *injector, enum inject_op op,
                               const struct target *target, const char *patch, unsigned flags,
                               unsigned deadline_ms, struct inject_reply *reply)
{
    struct inject_reply own;
    struct inject_request request = {
        .version = INJECT_PROTOCOL_VERSION,
        .op = op,
        .id = 42,
        .pid = target->pid,
        .flags = flags,
        .deadline_ms = deadline_ms,
    };

    reply = reply ? reply : &own;
    assert_true(injector_ask(injector, request, patch, reply));
    assert_int_equal(reply->id, 42);
    if (getenv("INJECT_VERBOSE"))
        print_message(
            "# op %u: %u, %s; threads %u retries %u functions %u, %.0f us stopped of %.0f\n", op,
            reply->result, reply->text, reply->threads, reply->retries, reply->functions,
            (double)reply->stopped_ns / 1000, (double)reply->total_ns / 1000);
    return reply->result;
}

bool target_has_wx(const struct target *target)
{
    char path[64], line[8192], mode[8];
    bool found = false;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/maps", target->pid);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "%*s %7s", mode) == 1 && mode[1] == 'w' && mode[2] == 'x')
            found = true;
    fclose(file);
    return found;
}

int target_descriptors(const struct target *target)
{
    char path[64];
    int count = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/fd", target->pid);
    dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

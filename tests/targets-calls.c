// SPDX-License-Identifier: GPL-2.0-or-later
// A target whose threads sleep in each kind of system call: none may see that it was interrupted.
#include "tests/targets-target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Longer than a round of apply and revert takes, so that most calls are met while they sleep. */
#define WAIT_MS 150
static const struct timespec wait_time = {0, WAIT_MS * 1000000};
static const struct timeval wait_val = {0, WAIT_MS * 1000};

/* A result that only means that the time is over. */
static long timed(long result)
{
    return result < 0 && (errno == ETIMEDOUT || errno == EAGAIN) ? 0 : result;
}

static long in_nanosleep(void)
{
    return nanosleep(&wait_time, NULL);
}

static long in_clock_nanosleep(void)
{
    int failed = clock_nanosleep(CLOCK_MONOTONIC, 0, &wait_time, NULL);

    errno = failed;
    return failed ? -1 : 0;
}

static long in_epoll(void)
{
    static __thread int fd;
    struct epoll_event event;

    if (!fd)
        fd = epoll_create1(0);
    return epoll_wait(fd, &event, 1, WAIT_MS);
}

static long in_epoll_pwait(void)
{
    static __thread int fd;
    struct epoll_event event;
    sigset_t none;

    if (!fd)
        fd = epoll_create1(0);
    sigemptyset(&none);
    return epoll_pwait(fd, &event, 1, WAIT_MS, &none);
}

static long in_poll(void)
{
    return poll(NULL, 0, WAIT_MS);
}

static long in_ppoll(void)
{
    sigset_t none;

    sigemptyset(&none);
    return ppoll(NULL, 0, &wait_time, &none);
}

static long in_select(void)
{
    struct timeval time = wait_val;

    return select(0, NULL, NULL, NULL, &time);
}

static long in_pselect(void)
{
    sigset_t none;

    sigemptyset(&none);
    return pselect(0, NULL, NULL, NULL, &wait_time, &none);
}

static long in_futex(void)
{
    static int word;

    return timed(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &wait_time, NULL, 0));
}

static long in_futex_bitset(void)
{
    static int word;
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += 1;
    return timed(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &until, NULL, ~0));
}

static long in_sigtimedwait(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMAX);
    return timed(sigtimedwait(&set, NULL, &wait_time));
}

static long in_semtimedop(void)
{
    static __thread int id = -1;
    struct sembuf down = {0, -1, 0};

    if (id < 0) {
        id = semget(IPC_PRIVATE, 1, 0600);
        if (id < 0)
            return -1;
    }
    return timed(semtimedop(id, &down, 1, &wait_time));
}

static int pair_with_timeouts(void)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return -1;
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &wait_val, sizeof(wait_val));
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &wait_val, sizeof(wait_val));
    return pair[0];
}

static long in_recv(void)
{
    static __thread int fd;
    char byte;

    if (!fd)
        fd = pair_with_timeouts();
    return timed(recv(fd, &byte, 1, 0));
}

static long in_recvmsg(void)
{
    static __thread int fd;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (!fd)
        fd = pair_with_timeouts();
    return timed(recvmsg(fd, &message, 0));
}

static long in_read_socket(void)
{
    static __thread int fd;
    char byte;

    if (!fd)
        fd = pair_with_timeouts();
    return timed(read(fd, &byte, 1));
}

/* The other end never reads: this sleeps as soon as its buffer is full. */
static long in_send(void)
{
    static __thread int fd;
    char bytes[4096] = {0};

    if (!fd)
        fd = pair_with_timeouts();
    return timed(send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL));
}

static int listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait_val, sizeof(wait_val));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
        return -1;
    return fd;
}

static long in_accept(void)
{
    static __thread int fd;

    if (!fd)
        fd = listener();
    return timed(accept(fd, NULL, NULL));
}

static long in_recv_udp(void)
{
    static __thread int fd;
    char byte;

    if (!fd) {
        fd = socket(AF_INET, SOCK_DGRAM, 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait_val, sizeof(wait_val));
    }
    return timed(recvfrom(fd, &byte, 1, 0, NULL, NULL));
}

static long in_timerfd(void)
{
    static __thread int fd;
    struct itimerspec time = {{0, 0}, wait_time};
    uint64_t count;

    if (!fd)
        fd = timerfd_create(CLOCK_MONOTONIC, 0);
    timerfd_settime(fd, 0, &time, NULL);
    return read(fd, &count, sizeof(count));
}

static long in_io_getevents(void)
{
    static __thread aio_context_t context;
    struct io_event event;
    struct timespec time = wait_time;

    if (!context && syscall(SYS_io_setup, 1, &context) < 0)
        return -1;
    return syscall(SYS_io_getevents, context, 1, 1, &event, &time);
}

static long in_mq(void)
{
    static __thread mqd_t queue = -1;
    struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 8};
    struct timespec until;
    char name[32], message[8];

    if (queue == -1) {
        snprintf(name, sizeof(name), "/targets-%d", getpid());
        queue = mq_open(name, O_CREAT | O_RDWR, 0600, &attributes);
        mq_unlink(name);
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    return timed(mq_timedreceive(queue, message, sizeof(message), NULL, &until));
}

/* The rest sleep for ever: they may not come back at all. */

static long in_pause(void)
{
    return pause();
}

static long in_sigsuspend(void)
{
    sigset_t none;

    sigemptyset(&none);
    return sigsuspend(&none);
}

static long in_sigwaitinfo(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMAX - 1);
    return sigwaitinfo(&set, NULL);
}

static long in_pipe(void)
{
    int pair[2];
    char byte;

    return pipe(pair) < 0 ? -1 : read(pair[0], &byte, 1);
}

static long in_eventfd(void)
{
    uint64_t value;

    return read(eventfd(0, 0), &value, sizeof(value));
}

static long in_signalfd(void)
{
    struct signalfd_siginfo information;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMAX - 2);
    return read(signalfd(-1, &set, 0), &information, sizeof(information));
}

static long in_msgrcv(void)
{
    struct {
        long type;
        char text[8];
    } message;
    int id = msgget(IPC_PRIVATE, 0600);

    return id < 0 ? -1 : msgrcv(id, &message, sizeof(message.text), 0, 0);
}

static long in_semop(void)
{
    int id = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf down = {0, -1, 0};

    return id < 0 ? -1 : semop(id, &down, 1);
}

static long in_wait(void)
{
    pid_t child = fork();

    if (child == 0) {
        /* It has no threads that could be asked, so it just waits to be ended with its parent. */
        while (getppid() != 1 && atomic_load(&self->pid))
            rest_ms(200);
        _exit(0);
    }
    return waitpid(child, NULL, 0);
}

/* Two descriptions of one file: the second lock waits for the first. */
static long in_flock(void)
{
    int first = memfd_create("lock", 0);
    char path[64];
    int second;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", first);
    second = open(path, O_RDWR);
    return flock(first, LOCK_EX) < 0 ? -1 : flock(second, LOCK_EX);
}

static long in_fcntl(void)
{
    int first = memfd_create("lock", 0);
    struct flock lock = {.l_type = F_WRLCK};
    char path[64];
    int second;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", first);
    second = open(path, O_RDWR);
    return fcntl(first, F_OFD_SETLK, &lock) < 0 ? -1 : fcntl(second, F_OFD_SETLKW, &lock);
}

static const struct call {
    const char *name;
    long (*call)(void);
} calls[] = {
    {"nanosleep", in_nanosleep},
    {"clock_nanosleep", in_clock_nanosleep},
    {"epoll_wait", in_epoll},
    {"epoll_pwait", in_epoll_pwait},
    {"poll", in_poll},
    {"ppoll", in_ppoll},
    {"select", in_select},
    {"pselect", in_pselect},
    {"futex", in_futex},
    {"futex bitset", in_futex_bitset},
    {"sigtimedwait", in_sigtimedwait},
    {"semtimedop", in_semtimedop},
    {"recv", in_recv},
    {"recvmsg", in_recvmsg},
    {"read of a socket", in_read_socket},
    {"send", in_send},
    {"accept", in_accept},
    {"recvfrom", in_recv_udp},
    {"read of a timerfd", in_timerfd},
    {"io_getevents", in_io_getevents},
    {"mq_timedreceive", in_mq},
    {"pause", in_pause},
    {"sigsuspend", in_sigsuspend},
    {"sigwaitinfo", in_sigwaitinfo},
    {"read of a pipe", in_pipe},
    {"read of an eventfd", in_eventfd},
    {"read of a signalfd", in_signalfd},
    {"msgrcv", in_msgrcv},
    {"semop", in_semop},
    {"waitpid", in_wait},
    {"flock", in_flock},
    {"fcntl", in_fcntl},
};

static void *call_run(void *data)
{
    const struct call *call = data;
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (;;) {
        call_check(call->name, call->call());
        round_once();
    }
    return NULL;
}

/* calls [FIRST]: all calls, each in a thread; or a single one in the only thread */
static void run_calls(char **arguments)
{
    pthread_t thread;

    if (arguments[0]) {
        round_once();
        call_run((void *)&calls[strtoul(arguments[0], NULL, 10)]);
    }
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (pthread_create(&thread, NULL, call_run, (void *)&calls[i]) != 0)
            fail("pthread_create");
    rounds_forever();
}

const struct kind kinds_call[] = {{"calls", run_calls}, {0}};

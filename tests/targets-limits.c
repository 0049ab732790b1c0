// SPDX-License-Identifier: GPL-2.0-or-later
// Targets that restrict themselves, and targets with memory of special kinds.
#include "tests/targets-target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096

/* Strict mode: anything but read, write, exit and sigreturn kills. Another process wakes it. */
static void run_seccomp_strict(char **arguments)
{
    int tick[2];
    char byte;

    (void)arguments;
    if (pipe(tick) < 0)
        fail("pipe");
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            rest_ms(5);
            if (write(tick[1], "x", 1) != 1)
                _exit(0);
        }
    }
    if (prctl(PR_SET_SECCOMP, 1) < 0)
        fail("seccomp");
    for (;;) {
        round_once();
        call_check("read", read(tick[0], &byte, 1));
    }
}

/* A filter that kills for whatever a patcher might call. */
static void run_seccomp_filter(char **arguments)
{
#define KILL_FOR(name)                                                                             \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                         \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        KILL_FOR(mmap),
        KILL_FOR(munmap),
        KILL_FOR(mprotect),
        KILL_FOR(socket),
        KILL_FOR(socketpair),
        KILL_FOR(recvmsg),
        KILL_FOR(close),
        KILL_FOR(openat),
        KILL_FOR(open),
        KILL_FOR(sendmsg),
        KILL_FOR(ptrace),
        KILL_FOR(memfd_create),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};

    (void)arguments;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, 2, &filter) < 0)
        fail("seccomp");
    rounds_forever();
}

/* What MemoryDenyWriteExecute= of systemd asks of a newer kernel. */
static void run_mdwe(char **arguments)
{
    (void)arguments;
    if (prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0) < 0)
        fail("PR_SET_MDWE");
    rounds_forever();
}

/* A hard limit cannot be raised without privilege: then it stays. */
static void limit_set(int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit now;

    if (getrlimit(resource, &now) == 0 && now.rlim_max < hard)
        hard = now.rlim_max;
    if (setrlimit(resource, &(struct rlimit){soft, hard}) < 0)
        fail("setrlimit");
}

/* No address space, no data, no descriptor may be added. With an argument: never again. */
static void run_limit_as(char **arguments)
{
    limit_set(RLIMIT_AS, 4096, arguments[0] ? 4096 : RLIM_INFINITY);
    rounds_forever();
}

static void run_limit_data(char **arguments)
{
    limit_set(RLIMIT_DATA, 0, arguments[0] ? 0 : RLIM_INFINITY);
    rounds_forever();
}

static void run_limit_files(char **arguments)
{
    limit_set(RLIMIT_NOFILE, 0, arguments[0] ? 0 : 1024);
    rounds_forever();
}

/* All descriptors that it may have are open. */
static void run_files_full(char **arguments)
{
    (void)arguments;
    limit_set(RLIMIT_NOFILE, 64, 1024);
    while (dup(0) >= 0)
        ;
    rounds_forever();
}

static void privileges_drop(void)
{
    if (setgid(65534) < 0 || setuid(65534) < 0)
        fail("setuid");
}

/* Without the capability to lock more memory than the limit says. */
static void lock_privilege_drop(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &header, data) < 0)
        fail("capget");
    data[0].effective &= ~(1u << CAP_IPC_LOCK);
    data[0].permitted &= ~(1u << CAP_IPC_LOCK);
    if (syscall(SYS_capset, &header, data) < 0)
        fail("capset");
}

/* All memory is locked, also what comes, and no more may be. */
static void run_mlockall(char **arguments)
{
    (void)arguments;
    if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
        fail("mlockall");
    limit_set(RLIMIT_MEMLOCK, 4096, 1 << 24);
    lock_privilege_drop();
    rounds_forever();
}

/* What a set-user-id program is: other credentials, not dumpable. */
static void run_nondumpable(char **arguments)
{
    (void)arguments;
    privileges_drop();
    prctl(PR_SET_DUMPABLE, 0);
    rounds_forever();
}

/* A page that nobody fills, in memory that a patcher may want to look through. */
static void run_userfault(char **arguments)
{
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register area = {.mode = UFFDIO_REGISTER_MODE_MISSING};
    char *memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)arguments;
    area.range.start = (uintptr_t)memory;
    area.range.len = 4 * PAGE;
    if (fd < 0 || memory == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) < 0 ||
        ioctl(fd, UFFDIO_REGISTER, &area) < 0)
        fail("userfaultfd");
    rounds_forever();
}

/* io_uring with a kernel thread that polls: a task of this process that never runs user code. */
static void run_uring(char **arguments)
{
    struct io_uring_params parameters = {.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 60000};

    (void)arguments;
    if (syscall(SYS_io_uring_setup, 4, &parameters) < 0)
        fail("io_uring_setup");
    rounds_forever();
}

/* Its code has been moved to anonymous memory, as programs do that want huge pages for it. */
static void run_text_moved(char **arguments)
{
    uintptr_t page = (uintptr_t)program.answer[0] & ~(uintptr_t)(PAGE - 1);
    char *from = (char *)page;
    char *copy = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)arguments;
    if (copy == MAP_FAILED)
        fail("mmap");
    memcpy(copy, from, PAGE);
    if (mprotect(copy, PAGE, PROT_READ | PROT_EXEC) < 0 ||
        mremap(copy, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, from) != from)
        fail("mremap");
    rounds_forever();
}

/* Eats its control group's memory up, all but a few pages. */
static void run_memory_full(char **arguments)
{
    size_t size = strtoul(arguments[0], NULL, 10);
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED)
        fail("mmap");
    memset(memory, 1, size);
    rounds_forever();
}

const struct kind kinds_limit[] = {
    {"seccomp-strict", run_seccomp_strict},
    {"seccomp-filter", run_seccomp_filter},
    {"mdwe", run_mdwe},
    {"limit-as", run_limit_as},
    {"limit-data", run_limit_data},
    {"limit-files", run_limit_files},
    {"files-full", run_files_full},
    {"mlockall", run_mlockall},
    {"nondumpable", run_nondumpable},
    {"userfault", run_userfault},
    {"uring", run_uring},
    {"text-moved", run_text_moved},
    {"memory-full", run_memory_full},
    {0},
};

// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the resolver of an indirect function in a jail.
//
// A resolver looks at what the dynamic linker has found out about the processor, and returns one of
// several functions. It cannot be called in the target: a thread that stands anywhere may hold any
// lock. With the same code and the same data at the same addresses it returns the same address in a
// process of ours, and whatever else it does happens there.
#include "runtime/inject/resolver.h"
#include "lib/cleanup.h"
#include "runtime/arch/arch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TIMEOUT_MS 500
#define RESULT_FD 3
#define ROUNDS_MAX 16
#define COPY_MAX (UINT64_C(64) << 20)
#define FIXED_NOREPLACE 0x100000

/* Code comes from the file: memory that was writable may not become executable everywhere. */
static bool code_map(const struct process *process, const struct process_map *map)
{
    cleanup_close int fd = -1;
    char path[96];

    snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", process->pid,
             (unsigned long long)map->start, (unsigned long long)map->end);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && mmap((void *)map->start, map->end - map->start, PROT_READ | PROT_EXEC,
                           MAP_PRIVATE | MAP_FIXED | FIXED_NOREPLACE, fd,
                           (off_t)map->offset) == (void *)map->start;
}

static bool data_map(const struct process *process, const struct process_map *map)
{
    size_t size = map->end - map->start;

    return size <= COPY_MAX &&
           mmap((void *)map->start, size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | FIXED_NOREPLACE, -1,
                0) == (void *)map->start &&
           process_read(process, map->start, (void *)map->start, size);
}

/* What the jail has copies of: all of two libraries, and what the resolver turned out to need. */
struct jail {
    const struct process_modules *modules;
    const struct symbol_match *match;
    size_t loader;
    uint64_t needed[ROUNDS_MAX]; /* addresses in mappings of the target */
    size_t needed_count;
    int result; /* a message comes out here */
};

/* What the child says, once. */
struct message {
    uint64_t fault; /* 1: the resolver touched `value`, which was not there. 0: it returned it */
    uint64_t value;
};

static bool map_wanted(const struct jail *jail, const struct process_map *map)
{
    const struct process_elf *owner = &jail->modules->items[jail->match->module].elf;
    const struct process_elf *loader = &jail->modules->items[jail->loader].elf;

    if (!(map->prot & PROT_READ))
        return false;
    if ((map->start >= owner->low && map->end <= owner->high) ||
        (map->start >= loader->low && map->end <= loader->high))
        return true;
    for (size_t i = 0; i < jail->needed_count; i++)
        if (jail->needed[i] >= map->start && jail->needed[i] < map->end)
            return true;
    return false;
}

/* The vdso has no file; nobody executes it here, but its symbols are looked up. */
static bool maps_copy(const struct jail *jail)
{
    const struct process *process = jail->modules->process;

    for (size_t i = 0; i < process->map_count; i++) {
        const struct process_map *map = &process->maps[i];
        bool code = (map->prot & PROT_EXEC) && map->kind == PROCESS_MAP_FILE;

        if (map_wanted(jail, map) && !(code ? code_map(process, map) : data_map(process, map)))
            return false;
    }
    return true;
}

/*
 * Only write(2) and exit(2) are left. A filter and not SECCOMP_MODE_STRICT, which cannot be had in
 * a process that has a filter already: systemd gives the daemon one.
 */
static bool jail_lock(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch_audit(), 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Nothing of ours stays open but the pipe; time, files and memory dumps are limited. */
static bool jail_close(int result)
{
    struct rlimit none = {0, 0};
    struct rlimit second = {1, 1};

    if (dup2(result, RESULT_FD) < 0)
        return false;
    for (int fd = 0; fd < 1024; fd++)
        if (fd != RESULT_FD)
            close(fd);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_NOFILE, &none);
    setrlimit(RLIMIT_CPU, &second);
    return jail_lock();
}

static void jail_say(uint64_t fault, uint64_t value)
{
    struct message message = {fault, value};
    ssize_t written = write(RESULT_FD, &message, sizeof(message));

    syscall(SYS_exit, written == sizeof(message) ? 0 : 1);
}

static void jail_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    jail_say(1, (uint64_t)info->si_addr);
}

/* In the child; ends by the system call exit(2), the only one that the filter has left. */
static void jail_run(const struct jail *jail)
{
    struct sigaction action = {.sa_sigaction = jail_fault, .sa_flags = SA_SIGINFO};
    uint64_t (*resolver)(void) = (uint64_t(*)(void))jail->match->address;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!maps_copy(jail) || sigaction(SIGSEGV, &action, NULL) < 0 || !jail_close(jail->result))
        _exit(1);
    jail_say(0, resolver());
}

/* What the child says within the time, or false. */
static bool jail_wait(pid_t child, int result, struct message *message)
{
    struct pollfd poll_result = {.fd = result, .events = POLLIN};
    bool done = poll(&poll_result, 1, TIMEOUT_MS) == 1 &&
                read(result, message, sizeof(*message)) == sizeof(*message);

    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return done;
}

/* One child. False when nothing came out of it. */
static bool jail_try(struct jail *jail, struct message *message)
{
    int ends[2];
    pid_t child;
    bool done;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    jail->result = ends[1];
    child = fork();
    if (child == 0)
        jail_run(jail);
    close(ends[1]);
    done = child > 0 && jail_wait(child, ends[0], message);
    close(ends[0]);
    return done;
}

int resolver_run(const struct process_modules *modules, const struct symbol_match *match,
                 uint64_t *address, struct sc_error **err)
{
    struct jail jail = {.modules = modules, .match = match};
    struct message message;

    jail.loader = module_by_bias(modules, modules->loader);
    if (jail.loader == MODULE_NONE)
        return sc_error_set(err, SC_REFUSED, "its dynamic linker is not to be found");
    while (jail_try(&jail, &message)) {
        if (!message.fault) {
            *address = message.value;
            return 0;
        }
        /* time(2) is looked up in the vdso by way of lists that ld.so keeps somewhere */
        if (jail.needed_count == ROUNDS_MAX || !process_map_at(modules->process, message.value))
            break;
        jail.needed[jail.needed_count++] = message.value;
    }
    return sc_error_set(err, SC_REFUSED, "its resolver does not work outside the process");
}

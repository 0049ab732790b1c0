// SPDX-License-Identifier: GPL-2.0-or-later
// Runs the resolver of an indirect function in a jail.
//
// A resolver looks at what the dynamic linker has found out about the processor, and returns one of
// several functions. It cannot be called in the target: a thread that stands anywhere may hold any
// lock. With the same code and the same data at the same addresses it returns the same address in a
// process of ours, and whatever else it does happens there.
#include "runtime/inject/resolver.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TIMEOUT_MS 500
#define RESULT_FD 3
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

/* A copy of everything that is mapped for one library. */
static bool module_copy(const struct process *process, const struct process_module *module)
{
    for (size_t i = 0; i < process->map_count; i++) {
        const struct process_map *map = &process->maps[i];

        if (map->start < module->elf.low || map->end > module->elf.high || !(map->prot & PROT_READ))
            continue;
        if (!(map->prot & PROT_EXEC ? code_map(process, map) : data_map(process, map)))
            return false;
    }
    return true;
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
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0;
}

/* In the child; ends by the system call exit(2), the only one that the filter has left. */
static void jail_run(const struct process_modules *modules, const struct symbol_match *match,
                     size_t loader, int result)
{
    uint64_t (*resolver)(void) = (uint64_t(*)(void))match->address;
    uint64_t address;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!module_copy(modules->process, &modules->items[match->module]) ||
        (loader != match->module && !module_copy(modules->process, &modules->items[loader])) ||
        !jail_close(result))
        _exit(1);
    address = resolver();
    if (write(RESULT_FD, &address, sizeof(address)) != sizeof(address))
        syscall(SYS_exit, 1);
    syscall(SYS_exit, 0);
}

/* What the child writes within the time, or false. */
static bool jail_wait(pid_t child, int result, uint64_t *address)
{
    struct pollfd poll_result = {.fd = result, .events = POLLIN};
    bool done = poll(&poll_result, 1, TIMEOUT_MS) == 1 &&
                read(result, address, sizeof(*address)) == sizeof(*address);

    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return done;
}

int resolver_run(const struct process_modules *modules, const struct symbol_match *match,
                 uint64_t *address, struct sc_error **err)
{
    size_t loader = module_by_bias(modules, modules->loader);
    int ends[2];
    pid_t child;
    bool done;

    if (loader == MODULE_NONE)
        return sc_error_set(err, SC_REFUSED, "its dynamic linker is not to be found");
    if (pipe2(ends, O_CLOEXEC) < 0)
        return sc_error_errno(err, "pipe");
    child = fork();
    if (child == 0)
        jail_run(modules, match, loader, ends[1]);
    close(ends[1]);
    done = child > 0 && jail_wait(child, ends[0], address);
    close(ends[0]);
    return done ? 0
                : sc_error_set(err, SC_REFUSED, "its resolver does not work outside the process");
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Which processes can share the memory of a process, without a look at all of them.
#include "runtime/inject/recent.h"
#include "lib/cleanup.h"
#include "runtime/inject/task.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PF_FORKNOEXEC 0x00000040 /* include/linux/sched.h: has not called exec since its fork */

/*
 * Ids tell the order for less than the time in which all of them are given once: no processor makes
 * a hundred tasks in a millisecond.
 */
#define TASKS_PER_MS 100
#define RECENT_MAX_NS 1000000000u

/* Two comparisons with all within that time make it worth to find out about all at once. */
#define FULL_NS 100000000u

/* More than that many ids are no faster than all processes. */
#define RANGE_MAX 1024

/* What was found out about all processes at one moment. */
struct vm_snapshot {
    uint64_t recent_ns; /* for how long it counts */
    uint64_t at;        /* clock_now() when it was begun */
    pid_t last;         /* the process id that had been given last by then */
    pid_t *alone;       /* ascending: processes that shared their memory with no other */
    size_t count;
    uint64_t full; /* when recent_range was last of no help */
};

/* A number at the end of a short file in /proc; 0 when it cannot be read. */
static pid_t read_last_number(const char *path)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[128];
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    const char *space;

    if (size <= 0)
        return 0;
    text[size] = '\0';
    space = strrchr(text, ' ');
    return (pid_t)strtol(space ? space + 1 : text, NULL, 10);
}

/* The process id that was given last, of the whole system: proc_loadavg(5). */
static pid_t read_last_pid(void)
{
    return read_last_number("/proc/loadavg");
}

pid_t recent_pid_max(void)
{
    return read_last_number("/proc/sys/kernel/pid_max");
}

void recent_free(struct vm_snapshot *snapshot)
{
    if (!snapshot)
        return;
    free(snapshot->alone);
    free(snapshot);
}

/* False for those that have ended. */
static bool is_comparable(pid_t pid)
{
    return syscall(SYS_kcmp, pid, pid, KCMP_VM, 0, 0) == 0;
}

/* All processes that can be compared. NULL when memory runs out. */
static pid_t *list_processes(size_t *count)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    pid_t *pids = NULL;
    size_t room = 0;

    *count = 0;
    while (dir && (entry = readdir(dir))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (*count == room) {
            pid_t *more = realloc(pids, (room + 256) * sizeof(*pids));

            if (!more)
                break;
            pids = more;
            room += 256;
        }
        if (pid > 0 && is_comparable(pid))
            pids[(*count)++] = pid;
    }
    if (dir)
        closedir(dir);
    return pids;
}

/* By address space, as kcmp(2) orders them; what has ended meanwhile comes before all others. */
static bool vm_is_less(pid_t a, pid_t b)
{
    long order = syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0);

    return order == 1 || (order != 0 && order != 2 && !is_comparable(a));
}

/*
 * Merges the sorted pids[0..middle) and pids[middle..count). Processes end all the time: because
 * one that has ended is taken at once when it is at the head, the others stay in their order. No
 * library's sort promises that.
 */
static void merge_vm(pid_t *pids, size_t middle, size_t count, pid_t *out)
{
    size_t left = 0, right = middle;

    for (size_t i = 0; i < count; i++) {
        bool take_right = left == middle || (right < count && vm_is_less(pids[right], pids[left]));

        out[i] = take_right ? pids[right++] : pids[left++];
    }
}

/* Puts processes in the order of their address spaces. False when memory runs out. */
static bool sort_vm(pid_t *pids, size_t count)
{
    cleanup_free pid_t *out = calloc(count + 1, sizeof(*out));

    for (size_t width = 1; out && width < count; width *= 2) {
        for (size_t at = 0; at < count; at += 2 * width) {
            size_t part = count - at < 2 * width ? count - at : 2 * width;

            merge_vm(pids + at, part < width ? part : width, part, out + at);
        }
        memcpy(pids, out, count * sizeof(*pids));
    }
    return out;
}

static int compare_pids(const void *a, const void *b)
{
    pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;

    return left < right ? -1 : left > right;
}

/* Keeps of pids, which are in the order of their address spaces, those that are alone in theirs. */
static size_t keep_alone(pid_t *pids, size_t count)
{
    bool same = false;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        long order = i + 1 < count ? syscall(SYS_kcmp, pids[i], pids[i + 1], KCMP_VM, 0, 0) : 1;
        bool next = order != 1 && order != 2; /* the same, or nobody knows */

        if (!same && !next)
            pids[kept++] = pids[i];
        same = next;
    }
    return kept;
}

/* Leaves out those that have ended: between two that share they would hide it. */
static size_t keep_living(pid_t *pids, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (is_comparable(pids[i]))
            pids[kept++] = pids[i];
    return kept;
}

static void snapshot_take(struct vm_snapshot *snapshot)
{
    free(snapshot->alone);
    snapshot->at = clock_now();
    snapshot->last = read_last_pid();
    snapshot->alone = list_processes(&snapshot->count);
    if (!snapshot->alone || !sort_vm(snapshot->alone, snapshot->count)) {
        snapshot->count = 0;
        return;
    }
    snapshot->count = keep_living(snapshot->alone, snapshot->count);
    snapshot->count = keep_alone(snapshot->alone, snapshot->count);
    if (snapshot->count)
        qsort(snapshot->alone, snapshot->count, sizeof(pid_t), compare_pids);
}

/* True if the snapshot is fresh and the process was alone in its memory then. */
static bool was_alone(const struct vm_snapshot *snapshot, pid_t pid)
{
    return snapshot->count && snapshot->last && clock_now() - snapshot->at < snapshot->recent_ns &&
           bsearch(&pid, snapshot->alone, snapshot->count, sizeof(pid), compare_pids);
}

/* True if the process is young, and has its memory from an exec: only its own clones can share. */
static bool is_young(pid_t pid, uint64_t recent_ns)
{
    uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
    struct task_stat stat;
    struct timespec up;
    uint64_t born, now;

    clock_gettime(CLOCK_BOOTTIME, &up);
    now = (uint64_t)up.tv_sec * 1000000000u + (uint64_t)up.tv_nsec;
    if (!task_stat_read(pid, pid, &stat) || stat.flags & PF_FORKNOEXEC || !ticks)
        return false;
    born = stat.start_time * (1000000000u / ticks);
    return now >= born && now - born < recent_ns;
}

static size_t range_size(pid_t after, pid_t last)
{
    pid_t max = last < after ? recent_pid_max() : 0;

    return (size_t)(last >= after ? last - after : max - after + last);
}

static struct vm_snapshot *snapshot_new(void)
{
    struct vm_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    long processors = sysconf(_SC_NPROCESSORS_CONF);
    uint64_t per_ms = TASKS_PER_MS * (uint64_t)(processors > 0 ? processors : 1);
    uint64_t max = (uint64_t)recent_pid_max() / per_ms * 1000000u;

    if (snapshot)
        snapshot->recent_ns = max < RECENT_MAX_NS ? max : RECENT_MAX_NS;
    return snapshot;
}

bool recent_range(struct job *job, pid_t *after, pid_t *last)
{
    struct vm_snapshot *snapshot = job->injector->recent;
    uint64_t now = clock_now();

    if (!snapshot)
        snapshot = job->injector->recent = snapshot_new();
    *last = read_last_pid();
    if (!snapshot || !*last)
        return false;
    *after = job->pid;
    if (!was_alone(snapshot, job->pid) && is_young(job->pid, snapshot->recent_ns))
        return range_size(*after, *last) <= RANGE_MAX;
    /* Once in a while a comparison with all is cheaper than finding out about all. */
    if (!was_alone(snapshot, job->pid) && now - snapshot->full < FULL_NS &&
        now - snapshot->at >= snapshot->recent_ns / 2)
        snapshot_take(snapshot);
    *after = snapshot->last;
    if (was_alone(snapshot, job->pid) && range_size(*after, *last) <= RANGE_MAX)
        return true;
    snapshot->full = now;
    return false;
}

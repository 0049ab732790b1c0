// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the processes that share an address space, kcmp(2).
#include "runtime/inject/sharers.h"
#include "runtime/inject/recent.h"
#include "runtime/inject/stop.h"
#include "runtime/inject/task.h"

#include <dirent.h>
#include <errno.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * To compare with a leader that has ended would find all tasks without memory: kernel threads. So
 * does a task that has just lost its own, but then there is nothing left to be shared.
 */
static pid_t memory_task(const struct job *job)
{
    return job->process ? job->process->task : process_memory_task(job->pid);
}

/* Called with each process that shares the memory. Non-zero ends the walk, and is its result. */
typedef int (*sharer_visit)(struct job *job, pid_t pid);

/* True for the leader of another process than the job's: threads share with their own. */
static bool is_other_process(const struct job *job, pid_t id)
{
    uint64_t tgid;

    return id != job->pid && task_status_value(id, id, "Tgid:", 10, &tgid) && (pid_t)tgid == id;
}

/* Looks at the ids after `after` up to last, in the order in which they are given. */
static int sharers_walk_range(struct job *job, pid_t after, pid_t last, sharer_visit visit)
{
    const pid_t task = memory_task(job), max = last < after ? recent_pid_max() : 0;
    int result = 0;

    for (pid_t id = after; id != last && result == 0;) {
        id = id + 1 == max ? 1 : id + 1;
        if (syscall(SYS_kcmp, task, id, KCMP_VM, 0, 0) == 0 && is_other_process(job, id))
            result = visit(job, id);
    }
    return result;
}

/*
 * Visits each process that shares the memory. A task shares it or not for as long as it lives or
 * until it calls exec, so a process that ends meanwhile is no loss.
 */
static int sharers_walk(struct job *job, sharer_visit visit)
{
    const pid_t task = memory_task(job);
    struct dirent *entry;
    pid_t after, last;
    int result = 0;
    DIR *dir;

    if (recent_range(job, &after, &last))
        return sharers_walk_range(job, after, last, visit);
    dir = opendir("/proc");

    if (!dir)
        return reply_set(job->reply, INJECT_FAILED, "/proc cannot be read");
    while (result == 0 && (entry = readdir(dir))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        long compared;

        if (pid <= 0 || pid == job->pid)
            continue;
        compared = syscall(SYS_kcmp, task, pid, KCMP_VM, 0, 0);
        if (compared == 0)
            result = visit(job, pid);
        else if (compared < 0 && errno == ENOSYS)
            result = reply_set(job->reply, INJECT_UNSUPPORTED,
                               "the kernel has no kcmp(2): sharers of the memory are unknown");
    }
    closedir(dir);
    return result;
}

/* How many new threads of the sharer; more than none ends the walk, which then starts anew. */
static int sharer_interrupt(struct job *job, pid_t pid)
{
    return threads_interrupt(job, pid);
}

int sharers_interrupt(struct job *job)
{
    int added;
    int total = 0;

    while ((added = sharers_walk(job, sharer_interrupt)) > 0)
        total += added;
    return added < 0 ? -1 : total;
}

static int sharer_first(struct job *job, pid_t pid)
{
    (void)job;
    return pid;
}

pid_t sharer_find(struct job *job)
{
    int found = sharers_walk(job, sharer_first);

    return found > 0 ? found : 0;
}

bool sharer_is(struct job *job, pid_t tid)
{
    return syscall(SYS_kcmp, memory_task(job), tid, KCMP_VM, 0, 0) == 0;
}

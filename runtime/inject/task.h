/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What /proc says about processes and threads. */
#ifndef SYSCARE_INJECT_TASK_H
#define SYSCARE_INJECT_TASK_H

#include "runtime/inject/injector.h"

/* Fields of /proc/PID/stat that matter here. */
struct task_stat {
    char state;          /* R, S, D, T, t, Z, X … */
    uint64_t start_time; /* clock ticks after boot */
    uint64_t flags;      /* PF_* */
};

/* tgid == tid for a process. False when there is no such task. */
bool task_stat_read(pid_t tgid, pid_t tid, struct task_stat *stat);

/* True for a task that has ended but is still in the list, or is ending. */
bool task_is_dead(pid_t tgid, pid_t tid);

/*
 * True for a live task that runs code of the program. Threads of the kernel that work for it
 * (io_uring, vhost) are listed among its own since Linux 5.12, but never leave the kernel.
 */
bool task_runs_program(pid_t tgid, pid_t tid);

/* True for a task that SIGKILL is on its way to, or that is in exit(2). */
bool task_is_killed(pid_t tgid, pid_t tid);

/* The text of /proc/PID/task/TID/status: for several values, because the kernel takes its time. */
struct task_status {
    char text[8192];
};

/* False when it cannot be read; the text is empty then. */
bool task_status_read(pid_t tgid, pid_t tid, struct task_status *status);

/* task_status_value of a text that was read; and whether a line of it contains the word. */
bool task_status_find(const struct task_status *status, const char *key, int base, uint64_t *value);
bool task_status_has(const struct task_status *status, const char *key, const char *word);

/*
 * A numeric or hexadecimal value of /proc/PID/task/TID/status, e.g. "TracerPid:". False when there
 * is no such line.
 */
bool task_status_value(pid_t tgid, pid_t tid, const char *key, int base, uint64_t *value);

/* True if a signal is waiting for the thread that it does not block. */
bool task_signal_pending(pid_t tgid, pid_t tid);

/* The threads of a process: *tids is malloc'd. The number; -1 when the process is gone. */
int task_list(pid_t tgid, pid_t **tids);

/* Finds the mount points of the cgroup hierarchies that can freeze. */
void cgroup_mounts_find(struct injector *injector);

/* True if the process is in a frozen cgroup (v1 freezer or v2). */
bool cgroup_frozen(const struct injector *injector, pid_t pid);

#endif

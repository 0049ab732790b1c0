// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the state of processes and threads from /proc.
#include "runtime/inject/task.h"
#include "lib/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* include/linux/sched.h, shown in /proc/PID/stat */
#define PF_EXITING 0x00000004
#define PF_IO_WORKER 0x00000010   /* of io_uring, Linux 5.12 */
#define PF_USER_WORKER 0x00004000 /* the same and vhost, Linux 6.4 */

/* Reads a small file of /proc as text. False when it is not there (any more). */
static bool text_read(const char *path, char *text, size_t size)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t done = 0;

    if (fd < 0)
        return false;
    while (done < size - 1) {
        ssize_t n = read(fd, text + done, size - 1 - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    text[done] = '\0';
    return done > 0;
}

static bool task_text(pid_t tgid, pid_t tid, const char *name, char *text, size_t size)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", tgid, tid, name);
    return text_read(path, text, size);
}

bool task_stat_read(pid_t tgid, pid_t tid, struct task_stat *stat)
{
    char text[1024];
    unsigned long long flags, start;
    const char *after;

    if (!task_text(tgid, tid, "stat", text, sizeof(text)))
        return false;
    /* The name may contain spaces and parentheses: the fields begin after the last one. */
    after = strrchr(text, ')');
    if (!after)
        return false;
    if (sscanf(after + 1,
               " %c %*d %*d %*d %*d %*d %llu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &stat->state, &flags, &start) != 3)
        return false;
    stat->flags = flags;
    stat->start_time = start;
    return true;
}

bool task_is_dead(pid_t tgid, pid_t tid)
{
    struct task_stat stat;

    return !task_stat_read(tgid, tid, &stat) || stat.state == 'Z' || stat.state == 'X';
}

bool task_runs_program(pid_t tgid, pid_t tid)
{
    struct task_stat stat;

    return task_stat_read(tgid, tid, &stat) && stat.state != 'Z' && stat.state != 'X' &&
           !(stat.flags & (PF_IO_WORKER | PF_USER_WORKER));
}

/* The text after "key" at the start of a line, or NULL. */
static const char *line_find(const char *text, const char *key)
{
    size_t size = strlen(key);

    while (text) {
        if (strncmp(text, key, size) == 0)
            return text + size;
        text = strchr(text, '\n');
        if (text)
            text++;
    }
    return NULL;
}

bool task_status_read(pid_t tgid, pid_t tid, struct task_status *status)
{
    if (task_text(tgid, tid, "status", status->text, sizeof(status->text)))
        return true;
    status->text[0] = '\0';
    return false;
}

bool task_status_find(const struct task_status *status, const char *key, int base, uint64_t *value)
{
    const char *line = line_find(status->text, key);

    if (!line)
        return false;
    *value = strtoull(line, NULL, base);
    return true;
}

bool task_status_has(const struct task_status *status, const char *key, const char *word)
{
    const char *line = line_find(status->text, key);
    const char *found = line ? strstr(line, word) : NULL;

    return found && found < line + strcspn(line, "\n");
}

bool task_status_value(pid_t tgid, pid_t tid, const char *key, int base, uint64_t *value)
{
    struct task_status status;

    return task_status_read(tgid, tid, &status) && task_status_find(&status, key, base, value);
}

bool task_is_killed(pid_t tgid, pid_t tid)
{
    struct task_stat stat;
    uint64_t pending = 0;

    if (!task_stat_read(tgid, tid, &stat) || (stat.flags & PF_EXITING))
        return true;
    return task_status_value(tgid, tid, "SigPnd:", 16, &pending) &&
           (pending & UINT64_C(1) << (SIGKILL - 1));
}

bool task_signal_pending(pid_t tgid, pid_t tid)
{
    uint64_t own = 0, shared = 0, blocked = 0;
    struct task_status status;

    /* A task that cannot be read any more is treated as having a signal: nothing is repeated. */
    if (!task_status_read(tgid, tid, &status) || !task_status_find(&status, "SigPnd:", 16, &own) ||
        !task_status_find(&status, "ShdPnd:", 16, &shared) ||
        !task_status_find(&status, "SigBlk:", 16, &blocked))
        return true;
    return ((own | shared) & ~blocked) != 0;
}

int task_list(pid_t tgid, pid_t **tids)
{
    char path[64];
    size_t count = 0, capacity = 0;
    struct dirent *entry;
    DIR *dir;

    *tids = NULL;
    snprintf(path, sizeof(path), "/proc/%d/task", tgid);
    dir = opendir(path);
    if (!dir)
        return -1;
    while ((entry = readdir(dir))) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (tid <= 0)
            continue;
        if (count == capacity) {
            pid_t *more = realloc(*tids, (capacity = capacity * 2 + 16) * sizeof(*more));

            if (!more)
                break;
            *tids = more;
        }
        (*tids)[count++] = tid;
    }
    closedir(dir);
    return (int)count;
}

/* proc_pid_mountinfo(5): "… mount-point options … - type source super-options". */
static void mount_line(struct injector *injector, char *line)
{
    char *separator = strstr(line, " - ");
    char *point = line;
    char *end;

    if (!separator)
        return;
    for (int field = 0; field < 4 && point; field++) {
        point = strchr(point, ' ');
        point = point ? point + 1 : NULL;
    }
    end = point ? strchr(point, ' ') : NULL;
    if (!end)
        return;
    *end = '\0';
    if (strncmp(separator, " - cgroup2 ", 11) == 0 && !injector->cgroup_v2)
        injector->cgroup_v2 = strdup(point);
    else if (strncmp(separator, " - cgroup ", 10) == 0 && strstr(separator, "freezer") &&
             !injector->freezer_v1)
        injector->freezer_v1 = strdup(point);
}

void cgroup_mounts_find(struct injector *injector)
{
    cleanup_file FILE *file = fopen("/proc/self/mountinfo", "re");
    cleanup_free char *line = NULL;
    size_t size = 0;

    while (file && getline(&line, &size, file) >= 0)
        mount_line(injector, line);
}

/* True if the file of the cgroup holds the text. */
static bool cgroup_says(const char *mount, const char *group, const char *name, const char *text)
{
    char contents[512];
    char path[4096];

    snprintf(path, sizeof(path), "%s%.*s/%s", mount, (int)strcspn(group, "\n"), group, name);
    return text_read(path, contents, sizeof(contents)) && strstr(contents, text);
}

/* A line of /proc/PID/cgroup: "number:controllers:path". */
static bool group_frozen(const struct injector *injector, const char *line)
{
    const char *controllers = strchr(line, ':');
    const char *group = controllers ? strchr(controllers + 1, ':') : NULL;

    if (!group)
        return false;
    controllers++;
    group++;
    if (controllers[0] == ':' && injector->cgroup_v2)
        return cgroup_says(injector->cgroup_v2, group, "cgroup.events", "frozen 1");
    if (strncmp(controllers, "freezer:", 8) == 0 && injector->freezer_v1)
        return cgroup_says(injector->freezer_v1, group, "freezer.state", "FR");
    return false;
}

bool cgroup_frozen(const struct injector *injector, pid_t pid)
{
    char text[8192];
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    if (!text_read(path, text, sizeof(text)))
        return false;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (group_frozen(injector, line))
            return true;
    }
    return false;
}

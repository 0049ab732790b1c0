// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the mappings and the memory of another process.
#include "runtime/process_maps.h"
#include "lib/cleanup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* 65530 mappings (vm.max_map_count) of at most a long path each; more is refused. */
#define MAPS_TEXT_MAX (64u << 20)

static int proc_open(pid_t pid, const char *name, int flags, struct sc_error **err)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    fd = open(path, flags | O_CLOEXEC);
    return fd < 0 ? sc_error_errno(err, "%s", path) : fd;
}

/* The whole of a /proc file, NUL-terminated; its size cannot be known before. */
static char *text_read(int fd, struct sc_error **err)
{
    size_t capacity = 32768;
    size_t size = 0;
    cleanup_free char *text = malloc(capacity);

    while (text) {
        ssize_t n = read(fd, text + size, capacity - size - 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            sc_error_errno(err, "reading the mappings");
            return NULL;
        }
        size += (size_t)n;
        text[size] = '\0';
        if (n == 0)
            return steal_pointer(&text);
        if (capacity - size < 4096) {
            char *more = capacity < MAPS_TEXT_MAX ? realloc(text, capacity * 2) : NULL;

            if (!more)
                break;
            text = more;
            capacity *= 2;
        }
    }
    sc_error_set(err, SC_FAILED, "out of memory");
    return NULL;
}

static enum process_map_kind map_kind(const char *name, uint64_t inode)
{
    if (inode)
        return PROCESS_MAP_FILE;
    if (strncmp(name, "[heap]", 6) == 0)
        return PROCESS_MAP_HEAP;
    if (strncmp(name, "[stack]", 7) == 0)
        return PROCESS_MAP_STACK;
    if (strncmp(name, "[vdso]", 6) == 0)
        return PROCESS_MAP_VDSO;
    if (name[0] == '[' && strncmp(name, "[anon:", 6) != 0 && strncmp(name, "[anon_shmem:", 12) != 0)
        return PROCESS_MAP_SPECIAL;
    return PROCESS_MAP_ANONYMOUS;
}

/* "start-end rwxp offset major:minor inode   name": false when the line is not like that. */
static bool map_parse(const char *line, struct process_map *map)
{
    char *at;
    uint64_t major, minor;

    map->start = strtoull(line, &at, 16);
    if (*at++ != '-')
        return false;
    map->end = strtoull(at, &at, 16);
    if (*at++ != ' ' || strnlen(at, 5) < 5)
        return false;
    map->prot = (at[0] == 'r' ? PROT_READ : 0) | (at[1] == 'w' ? PROT_WRITE : 0) |
                (at[2] == 'x' ? PROT_EXEC : 0);
    map->shared = at[3] == 's';
    map->offset = strtoull(at + 5, &at, 16);
    major = strtoull(at, &at, 16);
    if (*at++ != ':')
        return false;
    minor = strtoull(at, &at, 16);
    map->device = major << 32 | minor;
    map->inode = strtoull(at, &at, 10);
    while (*at == ' ')
        at++;
    map->kind = map_kind(at, map->inode);
    return map->start < map->end;
}

static size_t line_count(const char *text)
{
    size_t count = 0;

    for (const char *at = text; (at = strchr(at, '\n')); at++)
        count++;
    return count;
}

/* True if the task still has memory: a zombie and a kernel thread have none. */
static bool task_has_memory(pid_t task)
{
    cleanup_close int fd = proc_open(task, "maps", O_RDONLY, NULL);
    char byte;

    return fd >= 0 && read(fd, &byte, 1) == 1;
}

pid_t process_memory_task(pid_t pid)
{
    struct dirent *entry;
    pid_t found = pid;
    struct stat st;
    char path[64];
    DIR *dir;

    if (task_has_memory(pid))
        return pid;
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    /* Two links and one for each thread: kernel threads, the many, have a single one. */
    dir = stat(path, &st) < 0 || st.st_nlink <= 3 ? NULL : opendir(path);
    if (!dir)
        return pid;
    /* A thread's id also works where only leaders are listed: /proc/TID, proc(5). */
    while (found == pid && (entry = readdir(dir)))
        if (isdigit((unsigned char)entry->d_name[0]) &&
            task_has_memory((pid_t)strtol(entry->d_name, NULL, 10)))
            found = (pid_t)strtol(entry->d_name, NULL, 10);
    closedir(dir);
    return found;
}

int process_maps_read(struct process *process, struct sc_error **err)
{
    cleanup_close int fd = proc_open(process->task, "maps", O_RDONLY, err);
    cleanup_free char *text = fd < 0 ? NULL : text_read(fd, err);
    struct process_map *maps;
    size_t count = 0;

    if (!text)
        return -1;
    maps = calloc(line_count(text) + 1, sizeof(*maps));
    if (!maps)
        return sc_error_set(err, SC_FAILED, "out of memory");
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (!map_parse(line, &maps[count])) {
            free(maps);
            return sc_error_set(err, SC_FAILED, "/proc/%d/maps: not understood", process->pid);
        }
        count++;
    }
    free(process->maps);
    process->maps = maps;
    process->map_count = count;
    return 0;
}

struct process *process_open(pid_t pid, struct sc_error **err)
{
    cleanup_process struct process *process = calloc(1, sizeof(*process));

    if (!process) {
        sc_error_set(err, SC_FAILED, "out of memory");
        return NULL;
    }
    process->pid = pid;
    process->task = process_memory_task(pid);
    /* Memory first: if the process calls exec in between, reads fail instead of misleading. */
    process->mem = proc_open(process->task, "mem", O_RDWR, err);
    if (process->mem < 0 || process_maps_read(process, err) < 0)
        return NULL;
    return steal_pointer(&process);
}

void process_close(struct process *process)
{
    if (!process)
        return;
    if (process->mem >= 0)
        close(process->mem);
    free(process->maps);
    free(process);
}

void process_cleanup(struct process **process)
{
    process_close(*process);
}

const struct process_map *process_map_at(const struct process *process, uint64_t address)
{
    size_t low = 0;
    size_t high = process->map_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct process_map *map = &process->maps[middle];

        if (address < map->start)
            high = middle;
        else if (address >= map->end)
            low = middle + 1;
        else
            return map;
    }
    return NULL;
}

size_t process_read_some(const struct process *process, uint64_t address, void *data, size_t size)
{
    size_t done = 0;

    while (done < size && address + done <= INT64_MAX) {
        ssize_t n = pread(process->mem, (char *)data + done, size - done, (off_t)(address + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

bool process_read(const struct process *process, uint64_t address, void *data, size_t size)
{
    return process_read_some(process, address, data, size) == size;
}

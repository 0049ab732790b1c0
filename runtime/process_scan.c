// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the processes that map an ELF file with a given build-id, from /proc alone.
#include "runtime/process_scan.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/process_maps.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define CACHE_BUCKETS 1024
#define CACHE_MAX 65536

/* A file that was looked into. Its identity changes whenever its contents may have. */
struct cached_file {
    struct cached_file *next;
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec changed;
    struct build_id id; /* size 0: has none, or is no 64-bit ELF */
};

struct build_id_cache {
    pthread_mutex_t lock;
    size_t count;
    struct cached_file *buckets[CACHE_BUCKETS];
};

/* A file as /proc/PID/maps names it, within one scan: the same pair is the same file. */
struct seen_file {
    unsigned long dev, ino;
    ssize_t wanted; /* -1: none of the wanted ones */
};

/* What one scan carries along. */
struct scan {
    struct build_id_cache *cache;
    const struct build_id *wanted;
    size_t wanted_count;
    scan_file_fn visit_file;
    void *data;
    struct scan_list *list;
    struct seen_file *seen;
    size_t seen_count, seen_room;
};

struct build_id_cache *build_id_cache_new(void)
{
    struct build_id_cache *cache = calloc(1, sizeof(*cache));

    if (!cache)
        abort();
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static void cache_empty(struct build_id_cache *cache)
{
    for (size_t i = 0; i < CACHE_BUCKETS; i++) {
        while (cache->buckets[i]) {
            struct cached_file *file = cache->buckets[i];

            cache->buckets[i] = file->next;
            free(file);
        }
    }
    cache->count = 0;
}

void build_id_cache_free(struct build_id_cache *cache)
{
    if (!cache)
        return;
    cache_empty(cache);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* An inode number is used again after a file was deleted; its change time is not. */
static bool same_file(const struct cached_file *file, const struct stat *st)
{
    return file->dev == st->st_dev && file->ino == st->st_ino && file->size == st->st_size &&
           file->changed.tv_sec == st->st_ctim.tv_sec &&
           file->changed.tv_nsec == st->st_ctim.tv_nsec;
}

/* Reads the build-id from a file; size 0 where there is none. */
static void read_build_id(int fd, struct build_id *id)
{
    cleanup_free char *path = sc_format("/proc/self/fd/%d", fd);
    cleanup_elf struct elf_file *elf = elf_file_open(path, NULL);
    int size = elf ? elf_build_id(elf, id->bytes, NULL) : 0;

    id->size = size > 0 ? (size_t)size : 0;
}

/* The build-id of the open file, from the cache where it is known. */
static void find_build_id(struct build_id_cache *cache, int fd, const struct stat *st,
                          struct build_id *id)
{
    size_t bucket = (st->st_ino ^ st->st_dev * 31) % CACHE_BUCKETS;
    struct cached_file *file;

    pthread_mutex_lock(&cache->lock);
    for (file = cache->buckets[bucket]; file && !same_file(file, st); file = file->next)
        ;
    if (!file) {
        if (cache->count >= CACHE_MAX)
            cache_empty(cache);
        file = calloc(1, sizeof(*file));
        if (!file)
            abort();
        file->dev = st->st_dev;
        file->ino = st->st_ino;
        file->size = st->st_size;
        file->changed = st->st_ctim;
        read_build_id(fd, &file->id);
        file->next = cache->buckets[bucket];
        cache->buckets[bucket] = file;
        cache->count++;
    }
    *id = file->id;
    pthread_mutex_unlock(&cache->lock);
}

void build_id_cache_find(struct build_id_cache *cache, int fd, struct build_id *id)
{
    struct stat st;

    id->size = 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        find_build_id(cache, fd, &st, id);
}

/* The index of the build-id among those wanted, or -1. */
static ssize_t match_wanted(const struct scan *scan, const struct build_id *id)
{
    for (size_t i = 0; id->size && i < scan->wanted_count; i++)
        if (id->size == scan->wanted[i].size &&
            memcmp(id->bytes, scan->wanted[i].bytes, id->size) == 0)
            return (ssize_t)i;
    return -1;
}

/* The process ended or unmapped the file meanwhile: nothing is known of the file yet. */
#define MAPPING_GONE (-2)

/* Opens the mapped file itself, whatever became of its path, and compares its build-id. */
static ssize_t examine_mapping(struct scan *scan, pid_t pid, unsigned long start, unsigned long end)
{
    cleanup_free char *path = sc_format("/proc/%d/map_files/%lx-%lx", pid, start, end);
    struct build_id id;
    struct stat st;
    ssize_t wanted;

    /* stat first: devices must not be opened. */
    if (stat(path, &st) < 0)
        return MAPPING_GONE;
    if (!S_ISREG(st.st_mode))
        return -1;
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return MAPPING_GONE;
    find_build_id(scan->cache, fd, &st, &id);
    wanted = match_wanted(scan, &id);
    if (wanted >= 0 && scan->visit_file)
        scan->visit_file(fd, (size_t)wanted, scan->data);
    return wanted;
}

/* Which wanted file a mapping is of; looked up once for each file and scan. */
static ssize_t find_mapping(struct scan *scan, pid_t pid, unsigned long start, unsigned long end,
                            unsigned long dev, unsigned long ino)
{
    struct seen_file *file;
    ssize_t wanted;

    for (size_t i = 0; i < scan->seen_count; i++)
        if (scan->seen[i].ino == ino && scan->seen[i].dev == dev)
            return scan->seen[i].wanted;
    wanted = examine_mapping(scan, pid, start, end);
    if (wanted == MAPPING_GONE)
        return wanted; /* another process may still map it: look again there */
    if (scan->seen_count == scan->seen_room) {
        scan->seen_room = scan->seen_room ? 2 * scan->seen_room : 256;
        scan->seen = reallocarray(scan->seen, scan->seen_room, sizeof(*scan->seen));
        if (!scan->seen)
            abort();
    }
    file = &scan->seen[scan->seen_count++];
    file->dev = dev;
    file->ino = ino;
    file->wanted = wanted;
    return wanted;
}

/* A process maps the same file several times: it is listed once. */
static void add_process(struct scan_list *list, pid_t pid, uint64_t start_time, size_t wanted)
{
    for (size_t i = list->count; i-- > 0 && list->items[i].pid == pid;)
        if (list->items[i].wanted == wanted)
            return;
    list->items = reallocarray(list->items, list->count + 1, sizeof(*list->items));
    if (!list->items)
        abort();
    list->items[list->count].pid = pid;
    list->items[list->count].start_time = start_time;
    list->items[list->count++].wanted = wanted;
}

/*
 * True for code, and for what a program that has moved its code to (huge) anonymous pages still
 * has of its file: the read-only beginning, with the ELF header.
 */
static bool may_be_elf(const char permissions[5], unsigned long offset)
{
    return permissions[2] == 'x' || (offset == 0 && strcmp(permissions, "r--p") == 0);
}

/* The mappings of one process, read through one of its tasks. Returns how many lines there were. */
static size_t scan_maps(struct scan *scan, pid_t pid, pid_t task)
{
    cleanup_free char *path = sc_format("/proc/%d/maps", task);
    cleanup_file FILE *maps = fopen(path, "re");
    uint64_t start_time = process_start_time(pid);
    cleanup_free char *line = NULL;
    size_t room = 0, lines = 0;

    for (; maps && getline(&line, &room, maps) >= 0; lines++) {
        unsigned long start, end, offset, ino;
        unsigned major_dev, minor_dev;
        char permissions[5];
        ssize_t wanted;

        if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu", &start, &end, permissions, &offset,
                   &major_dev, &minor_dev, &ino) != 7 ||
            !may_be_elf(permissions, offset) || !ino)
            continue;
        wanted = find_mapping(scan, task, start, end, makedev(major_dev, minor_dev), ino);
        if (wanted >= 0 && start_time)
            add_process(scan->list, pid, start_time, (size_t)wanted);
    }
    return lines;
}

/* A leader that has ended has no mappings any more; its threads may have. */
static void scan_process(struct scan *scan, pid_t pid)
{
    pid_t task;

    if (scan_maps(scan, pid, pid))
        return;
    task = process_memory_task(pid);
    if (task != pid)
        scan_maps(scan, pid, task);
}

int process_scan(struct build_id_cache *cache, const struct build_id *wanted, size_t wanted_count,
                 scan_file_fn visit_file, void *data, struct scan_list *list, struct sc_error **err)
{
    struct scan scan = {
        .cache = cache,
        .wanted = wanted,
        .wanted_count = wanted_count,
        .visit_file = visit_file,
        .data = data,
        .list = list,
    };
    DIR *proc = opendir("/proc");
    struct dirent *entry;

    if (!proc)
        return sc_error_errno(err, "cannot read /proc");
    while ((entry = readdir(proc)))
        if (isdigit((unsigned char)entry->d_name[0]))
            scan_process(&scan, (pid_t)atol(entry->d_name));
    closedir(proc);
    free(scan.seen);
    return 0;
}

void scan_list_clear(struct scan_list *list)
{
    free(list->items);
    list->items = NULL;
    list->count = 0;
}

uint64_t process_start_time(pid_t pid)
{
    cleanup_free char *path = sc_format("/proc/%d/stat", pid);
    cleanup_file FILE *file = fopen(path, "re");
    unsigned long long start = 0;
    char text[1024], *after;
    size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

    text[size] = '\0';
    /* The name in parentheses may hold anything, so count from the last one. proc(5), stat. */
    after = strrchr(text, ')');
    if (!after || sscanf(after + 1,
                         " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d"
                         " %*d %llu",
                         &start) != 1)
        return 0;
    return start;
}

void process_name(pid_t pid, char name[16])
{
    cleanup_free char *path = sc_format("/proc/%d/comm", pid);
    cleanup_file FILE *file = fopen(path, "re");
    size_t size = file ? fread(name, 1, 15, file) : 0;

    name[size] = '\0';
    name[strcspn(name, "\n")] = '\0';
    for (char *c = name; *c; c++)
        if (!isprint((unsigned char)*c))
            *c = '?';
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Control groups that have no memory left for probes and patches (cgroup-v1/memory.rst,
// cgroup-v2.rst).
#include "runtime/memory_room.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#define PAGE 4096ull

/* The page of instructions that run elsewhere, a patch's private pages and the page tables. */
#define PROCESS_NEED (12 * PAGE)

/* The hierarchy that counts memory. */
struct hierarchy {
    char *root; /* where it is mounted; NULL: nowhere */
    bool unified;
};

/* What one group would need. */
struct group {
    char *path; /* below the root; "" for that itself */
    uint64_t need;
    pid_t pid; /* one of its processes */
};

struct group_list {
    struct group *items;
    size_t count;
};

static void group_list_clear(struct group_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].path);
    free(list->items);
}

/* True if the word is one of a list with commas. */
static bool has_word(const char *list, const char *word)
{
    size_t size = strlen(word);

    for (const char *at = strstr(list, word); at; at = strstr(at + 1, word))
        if ((at == list || at[-1] == ',') && (at[size] == ',' || !at[size]))
            return true;
    return false;
}

/* The old hierarchy with the controller counts where there is one, not the unified one. */
static struct hierarchy find_hierarchy(void)
{
    struct hierarchy found = {0};
    cleanup_file FILE *file = fopen("/proc/self/mounts", "re");
    char line[2 * PATH_MAX], at[PATH_MAX], type[32], options[1024];

    while (file && fgets(line, sizeof(line), file)) {
        bool old;

        if (sscanf(line, "%*s %4095s %31s %1023s", at, type, options) != 3)
            continue;
        old = strcmp(type, "cgroup") == 0 && has_word(options, "memory");
        if (!old && (strcmp(type, "cgroup2") != 0 || found.root))
            continue;
        free(found.root);
        found.root = sc_format("%s", at);
        found.unified = !old;
        if (old)
            break;
    }
    return found;
}

/* The group of a process, in a new string; NULL: it is gone, or this cannot be told. */
static char *group_of(const struct hierarchy *hierarchy, pid_t pid)
{
    cleanup_free char *path = sc_format("/proc/%d/cgroup", pid);
    cleanup_file FILE *file = fopen(path, "re");
    char line[PATH_MAX + 256];

    while (file && fgets(line, sizeof(line), file)) {
        char *controllers = strchr(line, ':'), *group;

        group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        group[strcspn(group, "\n")] = '\0';
        if (hierarchy->unified ? strcmp(controllers, ":") == 0
                               : has_word(controllers + 1, "memory"))
            /* "/../x" lies outside our own cgroup namespace. */
            return strstr(group, "/..") ? NULL : sc_format("%s", strcmp(group, "/") ? group : "");
    }
    return NULL;
}

/* A number in a file of a group; UINT64_MAX for "max", for one that is not there, and too large. */
static uint64_t read_number(const char *dir, const char *name)
{
    cleanup_free char *path = sc_format("%s/%s", dir, name);
    cleanup_file FILE *file = fopen(path, "re");
    uint64_t value;

    return file && fscanf(file, "%" SCNu64, &value) == 1 ? value : UINT64_MAX;
}

/* The sum of some lines of a file with a name and a number in each; 0 without them. */
static uint64_t read_sum(const char *path, const char *first, const char *second)
{
    cleanup_file FILE *file = fopen(path, "re");
    char line[256], name[64];
    uint64_t value, sum = 0;

    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "%63s %" SCNu64, name, &value) == 2 &&
            (strcmp(name, first) == 0 || strcmp(name, second) == 0))
            sum += value;
    return sum;
}

static uint64_t difference(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The old hierarchy says "none" with the largest number of pages. */
static uint64_t limit_of(const struct hierarchy *hierarchy, const char *dir)
{
    uint64_t limit = read_number(dir, hierarchy->unified ? "memory.max" : "memory.limit_in_bytes");

    return limit >= INT64_MAX - PAGE ? UINT64_MAX : limit;
}

/* True if any group is limited: there are fewer of them than processes. */
static bool has_limits(const struct hierarchy *hierarchy)
{
    char *const roots[] = {hierarchy->root, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
    bool found = false;
    FTSENT *entry;

    while (tree && !found && (entry = fts_read(tree)))
        found = entry->fts_info == FTS_D && limit_of(hierarchy, entry->fts_accpath) != UINT64_MAX;
    if (tree)
        fts_close(tree);
    return found;
}

/* What could be swapped out. */
static uint64_t swap_room(const struct hierarchy *hierarchy, const char *dir)
{
    uint64_t room = read_sum("/proc/meminfo", "SwapFree:", "") * 1024;

    if (room == 0)
        return 0;
    if (hierarchy->unified)
        return smaller(room, difference(read_number(dir, "memory.swap.max"),
                                        read_number(dir, "memory.swap.current")));
    return smaller(room, difference(read_number(dir, "memory.memsw.limit_in_bytes"),
                                    read_number(dir, "memory.memsw.usage_in_bytes")));
}

/* What a group may have more; UINT64_MAX where it is not limited. */
static uint64_t room_of(const struct hierarchy *hierarchy, const struct group *group)
{
    bool unified = hierarchy->unified;
    cleanup_free char *dir = sc_format("%s%s", hierarchy->root, group->path);
    cleanup_free char *stat = sc_format("%s/memory.stat", dir);
    uint64_t limit = limit_of(hierarchy, dir);
    uint64_t usage = read_number(dir, unified ? "memory.current" : "memory.usage_in_bytes");

    if (usage == UINT64_MAX || limit == UINT64_MAX)
        return UINT64_MAX;
    if (difference(limit, usage) >= group->need)
        return limit - usage;
    return difference(limit, usage) +
           read_sum(stat, unified ? "inactive_file" : "total_inactive_file",
                    unified ? "active_file" : "total_active_file") +
           swap_room(hierarchy, dir);
}

/* Adds what a process needs to its group and to all above that. */
static void add_process(struct group_list *list, const struct hierarchy *hierarchy, pid_t pid,
                        uint64_t need)
{
    cleanup_free char *path = group_of(hierarchy, pid);

    while (path) {
        char *slash = strrchr(path, '/');

        list->items = reallocarray(list->items, list->count + 1, sizeof(*list->items));
        if (!list->items)
            abort();
        list->items[list->count++] = (struct group){sc_format("%s", path), need, pid};
        if (!slash)
            break;
        *slash = '\0';
    }
}

static int compare_groups(const void *a, const void *b)
{
    const struct group *left = a, *right = b;

    return strcmp(left->path, right->path);
}

/* One entry for each group, with the sum of what its processes need. */
static void sum_up(struct group_list *list)
{
    size_t kept = 0;

    if (list->count)
        qsort(list->items, list->count, sizeof(*list->items), compare_groups);
    for (size_t i = 0; i < list->count; i++) {
        if (kept && strcmp(list->items[kept - 1].path, list->items[i].path) == 0) {
            list->items[kept - 1].need += list->items[i].need;
            free(list->items[i].path);
        } else {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

/* At most a page for each probe, and what a patch needs besides. */
static uint64_t patch_need(const struct live_patch *patch)
{
    return PROCESS_NEED + patch->probe_count * PAGE;
}

static int compare_rooms(const struct hierarchy *hierarchy, const struct group_list *list,
                         struct sc_error **err)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct group *group = &list->items[i];
        uint64_t room = room_of(hierarchy, group);
        char name[16];

        if (room >= group->need)
            continue;
        process_name(group->pid, name);
        return sc_error_set(err, SC_REFUSED,
                            "no-memory: the control group %s of %s (%d) may have %" PRIu64
                            " kB more and the patch needs up to %" PRIu64
                            " kB there: the kernel would end processes of it; raise its limit"
                            " (or --force)",
                            *group->path ? group->path : "/", name, group->pid, room / 1024,
                            group->need / 1024);
    }
    return 0;
}

int memory_room_check(struct build_id_cache *cache, const struct live_list *patches,
                      struct sc_error **err)
{
    struct hierarchy hierarchy = find_hierarchy();
    cleanup_free char *root = hierarchy.root;
    cleanup_free struct build_id *targets = calloc(patches->count + 1, sizeof(*targets));
    cleanup_scan struct scan_list processes = {0};
    struct group_list groups = {0};
    int result = 0;

    if (!targets)
        abort();
    for (size_t i = 0; i < patches->count; i++)
        targets[i] = patches->items[i]->target;
    if (!root || patches->count == 0 || !has_limits(&hierarchy))
        return 0;
    if (process_scan(cache, targets, patches->count, NULL, NULL, &processes, err) < 0)
        return -1;
    for (size_t i = 0; i < processes.count; i++)
        for (size_t j = 0; j < patches->count; j++)
            if (live_patch_same_target(patches->items[processes.items[i].wanted],
                                       patches->items[j]))
                add_process(&groups, &hierarchy, processes.items[i].pid,
                            patch_need(patches->items[j]));
    sum_up(&groups);
    result = compare_rooms(&hierarchy, &groups, err);
    group_list_clear(&groups);
    return result;
}

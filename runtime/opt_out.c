// SPDX-License-Identifier: GPL-2.0-or-later
// Which processes the configuration leaves alone: by executable, control group or user.
#include "runtime/opt_out.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <fnmatch.h>
#include <fts.h>
#include <glob.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* More are learnt one by one. */
#define KEYS_MAX (HOLD_SKIPS_MAX / 2)

static bool list_matches(const struct string_list *globs, const char *text)
{
    for (size_t i = 0; i < globs->count; i++)
        if (fnmatch(globs->items[i], text, 0) == 0)
            return true;
    return false;
}

/* The path of the executable of a process. False when it has none, or is gone. */
static bool read_exe(pid_t pid, char exe[PATH_MAX])
{
    cleanup_free char *path = sc_format("/proc/%d/exe", pid);
    ssize_t size = readlink(path, exe, PATH_MAX - 1);

    if (size <= 0)
        return false;
    exe[size] = '\0';
    return true;
}

static bool path_matches(const struct string_list *globs, pid_t pid)
{
    char exe[PATH_MAX];

    return globs->count && read_exe(pid, exe) && list_matches(globs, exe);
}

/* The path in a line of /proc/PID/cgroup, "id:controllers:path", cut off at its end; NULL: none. */
static char *line_cgroup(char *line)
{
    char *path = strchr(line, ':');

    path = path ? strchr(path + 1, ':') : NULL;
    line[strcspn(line, "\n")] = '\0';
    return path ? path + 1 : NULL;
}

/* True if one of the cgroups of the process, of any hierarchy, matches. */
static bool cgroup_matches(const struct string_list *globs, pid_t pid)
{
    cleanup_free char *path = sc_format("/proc/%d/cgroup", pid);
    cleanup_file FILE *file = globs->count ? fopen(path, "re") : NULL;
    cleanup_free char *line = NULL;
    size_t room = 0;

    while (file && getline(&line, &room, file) >= 0) {
        const char *cgroup = line_cgroup(line);

        if (cgroup && list_matches(globs, cgroup))
            return true;
    }
    return false;
}

/* The real user of a process, as the BPF program sees it; -1 when the process is gone. */
static long process_user(pid_t pid)
{
    cleanup_free char *path = sc_format("/proc/%d/status", pid);
    cleanup_file FILE *file = fopen(path, "re");
    char line[256];

    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, "Uid:", 4) == 0)
            return atol(line + 4);
    return -1;
}

static bool user_matches(const struct string_list *users, pid_t pid)
{
    long user = users->count ? process_user(pid) : -1;

    for (size_t i = 0; user >= 0 && i < users->count; i++)
        if (atol(users->items[i]) == user)
            return true;
    return false;
}

const char *opt_out_reason(const struct options *options, pid_t pid)
{
    if (path_matches(&options->skip_paths, pid))
        return "the configuration says so (skip-path)";
    if (cgroup_matches(&options->skip_cgroups, pid))
        return "the configuration says so (skip-cgroup)";
    if (user_matches(&options->skip_users, pid))
        return "the configuration says so (skip-user)";
    return NULL;
}

/* Keys for the BPF program, in the making. */
struct key_list {
    struct hold_skip items[KEYS_MAX];
    size_t count;
};

static void add_key(struct key_list *list, uint32_t kind, uint32_t dev, uint64_t id)
{
    if (list->count < KEYS_MAX)
        list->items[list->count++] = (struct hold_skip){.kind = kind, .dev = dev, .id = id};
}

/*
 * An executable. The kernel packs device numbers in another way than stat(2). A file with several
 * names may have one that is not left out.
 */
static void add_file(struct key_list *list, const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
        add_key(list, HOLD_SKIP_FILE, major(st.st_dev) << 20 | minor(st.st_dev), st.st_ino);
}

static void add_files(struct key_list *list, const struct string_list *globs)
{
    for (size_t i = 0; i < globs->count; i++) {
        glob_t found;

        if (glob(globs->items[i], GLOB_NOSORT, NULL, &found) == 0)
            for (size_t j = 0; j < found.gl_pathc; j++)
                add_file(list, found.gl_pathv[j]);
        globfree(&found);
    }
}

/* Where the unified hierarchy is mounted, in a new string; NULL where it is not. */
static char *find_cgroup_root(void)
{
    cleanup_file FILE *file = fopen("/proc/self/mounts", "re");
    char line[PATH_MAX + 256], at[PATH_MAX], type[32];

    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "%*s %4095s %31s", at, type) == 2 && strcmp(type, "cgroup2") == 0)
            return sc_format("%s", at);
    return NULL;
}

/* The inode number of its directory is the number of a control group. */
static void add_cgroups(struct key_list *list, const struct string_list *globs)
{
    cleanup_free char *root = globs->count ? find_cgroup_root() : NULL;
    FTS *tree = root ? fts_open((char *[]){root, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    FTSENT *entry;

    while (tree && (entry = fts_read(tree))) {
        const char *path = entry->fts_path + strlen(root);

        if (entry->fts_info == FTS_D && list_matches(globs, *path ? path : "/"))
            add_key(list, HOLD_SKIP_CGROUP, 0, entry->fts_statp->st_ino);
    }
    if (tree)
        fts_close(tree);
}

void opt_out_teach(const struct options *options, struct hold *hold)
{
    struct key_list list = {.count = 0};

    for (size_t i = 0; i < options->skip_users.count; i++)
        add_key(&list, HOLD_SKIP_USER, 0, strtoul(options->skip_users.items[i], NULL, 10));
    add_files(&list, &options->skip_paths);
    add_cgroups(&list, &options->skip_cgroups);
    hold_skip_set(hold, list.items, list.count);
}

/* The process's group in the unified hierarchy, if it is that one which matches. */
static void add_cgroup_of(struct key_list *list, const struct string_list *globs, pid_t pid)
{
    cleanup_free char *path = sc_format("/proc/%d/cgroup", pid);
    cleanup_free char *root = globs->count ? find_cgroup_root() : NULL;
    cleanup_file FILE *file = root ? fopen(path, "re") : NULL;
    cleanup_free char *line = NULL;
    size_t room = 0;

    while (file && getline(&line, &room, file) >= 0) {
        const char *cgroup = strncmp(line, "0::", 3) == 0 ? line_cgroup(line) : NULL;
        cleanup_free char *dir = sc_format("%s%s", root, cgroup ? cgroup : "");
        struct stat st;

        if (cgroup && list_matches(globs, cgroup) && stat(dir, &st) == 0)
            add_key(list, HOLD_SKIP_CGROUP, 0, st.st_ino);
    }
}

void opt_out_learn(const struct options *options, struct hold *hold, pid_t pid)
{
    struct key_list list = {.count = 0};
    cleanup_free char *exe = sc_format("/proc/%d/exe", pid);

    if (path_matches(&options->skip_paths, pid))
        add_file(&list, exe);
    add_cgroup_of(&list, &options->skip_cgroups, pid);
    for (size_t i = 0; i < list.count; i++)
        hold_skip_add(hold, &list.items[i]);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Enters namespaces and mounts what a build needs in them.
#include "rpmtools/sandbox.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Writes a file of /proc, in one write(2) as the kernel wants it. */
static bool write_text(const char *path, const char *text)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Identity maps: files keep their owner, and exec(2) drops the capabilities of a non-root user. */
static bool map_ids(uid_t uid, gid_t gid)
{
    cleanup_free char *users = sc_format("%u %u 1\n", uid, uid);
    cleanup_free char *groups = sc_format("%u %u 1\n", gid, gid);

    return write_text("/proc/self/setgroups", "deny") && write_text("/proc/self/uid_map", users) &&
           write_text("/proc/self/gid_map", groups);
}

/*
 * In a child first, because an unshare(2) that worked while the maps did not, or without the right
 * to mount, cannot be undone.
 */
static bool namespaces_work(int flags)
{
    int status = 1;
    pid_t pid = fork();

    if (pid == 0) {
        uid_t uid = geteuid();
        gid_t gid = getegid();

        _exit(unshare(flags) < 0 || ((flags & CLONE_NEWUSER) && !map_ids(uid, gid)) ||
              mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* First without a user namespace: root keeps the right to do what packages expect of root. */
bool sandbox_enter(bool *user)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int flags = CLONE_NEWNS | CLONE_NEWUTS;

    *user = false;
    if (!namespaces_work(flags)) {
        flags |= CLONE_NEWUSER;
        if (!namespaces_work(flags))
            return false;
        *user = true;
    }
    if (unshare(flags) < 0 || (*user && !map_ids(uid, gid)))
        return false;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* What cannot be read counts as not empty: it may be in use. */
static bool is_empty_directory(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    bool empty = directory != NULL;

    while (directory && (entry = readdir(directory)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            empty = false;
    if (directory)
        closedir(directory);
    return empty;
}

static bool is_or_holds(const char *path, const char *other)
{
    size_t length = strlen(path);

    return strncmp(path, other, length) == 0 && (other[length] == '/' || !other[length]);
}

/* Looked for in a fixed order, so that the same machine gives the same path. */
const char *sandbox_find_place(const struct string_list *avoid)
{
    /* FHS directories that are for the administrator; packages do not build from them */
    static const char *const places[] = {"/builddir", "/srv", "/mnt", "/media", NULL};

    for (size_t i = 0; places[i]; i++) {
        struct stat st;
        bool wanted = false;

        for (size_t j = 0; j < avoid->count; j++)
            wanted |= is_or_holds(places[i], avoid->items[j]);
        if (!wanted && lstat(places[i], &st) == 0 && S_ISDIR(st.st_mode) &&
            is_empty_directory(places[i]))
            return places[i];
    }
    return NULL;
}

int sandbox_bind(const char *from, const char *to)
{
    return mount(from, to, NULL, MS_BIND, NULL);
}

/* An entry of a directory, in the new directory: links as they are, everything else by a mount. */
static int mirror_entry(const char *from, const char *to, struct sc_error **err)
{
    char target[PATH_MAX];
    struct stat st;
    int made = -1;

    if (lstat(from, &st) < 0)
        return 0; /* gone in the meantime */
    if (S_ISLNK(st.st_mode)) {
        ssize_t n = readlink(from, target, sizeof(target) - 1);

        target[n < 0 ? 0 : n] = '\0';
        return symlink(target, to) < 0 ? sc_error_errno(err, "cannot make %s", to) : 0;
    }
    if (S_ISDIR(st.st_mode)) {
        made = mkdir(to, 0755);
    } else {
        cleanup_close int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        made = fd < 0 ? -1 : 0;
    }
    if (made < 0 || mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0)
        return sc_error_errno(err, "cannot mount %s on %s", from, to);
    return 0;
}

static int mirror_directory(const char *from, const char *to, struct sc_error **err)
{
    DIR *directory = opendir(from);
    struct dirent *entry;
    struct stat st;
    int result = 0;

    if (!directory || stat(from, &st) < 0)
        return sc_error_errno(err, "cannot read %s", from);
    (void)chmod(to, st.st_mode & 07777);
    while (result == 0 && (entry = readdir(directory))) {
        cleanup_free char *one = sc_format("%s/%s", from, entry->d_name);
        cleanup_free char *other = sc_format("%s/%s", to, entry->d_name);

        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = mirror_entry(one, other, err);
    }
    closedir(directory);
    return result;
}

/* The tmpfs at scratch takes the place of a directory, also of the root. */
static int take_place(const char *scratch, const char *directory, struct sc_error **err)
{
    if (strcmp(directory, "/") != 0)
        return mount(scratch, directory, NULL, MS_MOVE, NULL) < 0
                   ? sc_error_errno(err, "cannot replace %s", directory)
                   : 0;
    if (chdir(scratch) < 0 || mount(scratch, "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
        chdir("/") < 0)
        return sc_error_errno(err, "cannot replace the root directory");
    return 0;
}

/* The nearest directory above path that is there, in a new string. */
static char *nearest_directory(const char *path)
{
    char *above = sc_format("%s", path);
    struct stat st;

    while (stat(above, &st) < 0 || !S_ISDIR(st.st_mode)) {
        char *slash = strrchr(above, '/');

        if (!slash || slash == above)
            return strcpy(above, "/");
        *slash = '\0';
    }
    return above;
}

/*
 * Nothing of the host is written to, and root is not needed for it: /builddir, where mock builds,
 * can appear in a user namespace.
 */
int sandbox_provide(const char *path, const char *scratch, struct sc_error **err)
{
    cleanup_free char *above = nearest_directory(path);
    cleanup_free char *inside =
        sc_format("%s%s", scratch, strcmp(above, "/") == 0 ? path : path + strlen(above));
    cleanup_free char *here = getcwd(NULL, 0);

    if (strcmp(above, path) == 0)
        return 0;
    if (sc_dir_make(scratch, 0755, err) < 0)
        return -1;
    if (mount("tmpfs", scratch, "tmpfs", 0, "mode=0755") < 0)
        return sc_error_errno(err, "cannot mount a tmpfs on %s", scratch);
    if (mount(NULL, scratch, NULL, MS_PRIVATE, NULL) < 0)
        return sc_error_errno(err, "cannot make %s private", scratch);
    if (mirror_directory(above, scratch, err) < 0)
        return -1;
    if (sc_dir_make(inside, 0755, err) < 0 || take_place(scratch, above, err) < 0)
        return -1;
    /* the recursive mounts brought the tmpfs along, at the place where it was made */
    (void)umount2(scratch, MNT_DETACH);
    return here && chdir(here) < 0 ? sc_error_errno(err, "%s", here) : 0;
}

/* MNT_DETACH: a compiler server that a build left behind must not keep us from ending. */
int sandbox_unmount(const char *path, struct sc_error **err)
{
    if (umount2(path, MNT_DETACH) < 0)
        return sc_error_errno(err, "cannot unmount %s", path);
    return 0;
}

/* mount(2) with relative layers; the working directory is restored. */
static int mount_overlay(const char *root, const char *where, const char *options,
                         struct sc_error **err)
{
    cleanup_close int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int result = 0;

    if (here < 0 || chdir(root) < 0)
        return sc_error_errno(err, "cannot enter %s", root);
    if (mount("overlay", where, "overlay", 0, options) < 0)
        result = sc_error_errno(err, "cannot mount an overlay on %s", where);
    if (fchdir(here) < 0)
        return sc_error_errno(err, "cannot leave %s", root);
    return result;
}

/* userxattr (Linux 5.11) is what an overlay in a user namespace needs for whiteouts. */
int sandbox_overlay(const char *root, const char *lower, const char *layer, const char *where,
                    bool user, struct sc_error **err)
{
    cleanup_free char *upper = sc_format("%s/%s/upper", root, layer ? layer : "");
    cleanup_free char *work = sc_format("%s/%s/work", root, layer ? layer : "");
    cleanup_free char *layers =
        layer ? sc_format(",upperdir=%s/upper,workdir=%s/work", layer, layer) : sc_format("%s", "");
    cleanup_free char *options =
        sc_format("%slowerdir=%s%s", user ? "userxattr," : "", lower, layers);

    if (layer && (sc_dir_make(upper, 0755, err) < 0 || sc_dir_make(work, 0755, err) < 0))
        return -1;
    return mount_overlay(root, where, options, err);
}

/* What builds do to files, done once. */
static bool overlay_can_write(const char *where)
{
    cleanup_free char *file = sc_format("%s/file", where);
    cleanup_free char *other = sc_format("%s/other", where);
    cleanup_free char *text = NULL;
    size_t size;

    if (sc_file_read(file, 16, &text, &size, NULL) < 0 || strcmp(text, "below") != 0)
        return false;
    return sc_file_replace(file, "above", 5, 0644, NULL) == 0 && rename(file, other) == 0 &&
           unlink(other) == 0;
}

/* Tried, not deduced from the kernel's version: overlays on overlays, as in containers, fail. */
bool sandbox_overlay_works(const char *root, bool user)
{
    cleanup_free char *probe = sc_format("%s/probe", root);
    cleanup_free char *below = sc_format("%s/probe/below", root);
    cleanup_free char *where = sc_format("%s/probe/where", root);
    cleanup_free char *file = sc_format("%s/probe/below/file", root);
    bool works = false;

    if (sc_dir_make(below, 0755, NULL) == 0 && sc_dir_make(where, 0755, NULL) == 0 &&
        sc_file_replace(file, "below", 5, 0644, NULL) == 0 &&
        sandbox_overlay(root, "probe/below", "probe/layer", where, user, NULL) == 0) {
        works = overlay_can_write(where);
        works &= sandbox_unmount(where, NULL) == 0;
    }
    (void)sc_tree_remove(probe, NULL);
    return works;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a stage's script under watch, and packs what the build left.
#include "rpmtools/stage.h"

#include "lib/cleanup.h"
#include "lib/elf_file.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "rpmtools/capture_archive.h"
#include "rpmtools/headers.h"
#include "rpmtools/tree_watch.h"
#include "rpmtools/unnote.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* --- the script ------------------------------------------------------------------------------ */

/* The command, in the environment of the capture. Signals are as rpmbuild set them. */
static void run_child(const struct stage *stage, const struct string_list *environment,
                      const sigset_t *signals) __attribute__((noreturn));

static void run_child(const struct stage *stage, const struct string_list *environment,
                      const sigset_t *signals)
{
    for (size_t i = 0; i < environment->count; i++)
        putenv(environment->items[i]);
    sigprocmask(SIG_SETMASK, signals, NULL);
    execvp(stage->command[0], stage->command);
    fprintf(stderr, "syscare-rpm-stage: %s: %s\n", stage->command[0], strerror(errno));
    _exit(127);
}

/* Until the child has ended; the watch is emptied all the time, or the kernel drops events. */
static int wait_child(pid_t pid, int signals, struct tree_watch *watch)
{
    struct pollfd fds[2] = {{.fd = signals, .events = POLLIN},
                            {.fd = watch ? tree_watch_fd(watch) : -1, .events = POLLIN}};
    int status;

    for (;;) {
        struct signalfd_siginfo info;
        pid_t ended = waitpid(pid, &status, WNOHANG);

        if (ended == pid || (ended < 0 && errno != EINTR))
            return ended < 0 ? -1 : status;
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return -1;
        if ((fds[0].revents & POLLIN) && read(signals, &info, sizeof(info)) == sizeof(info) &&
            info.ssi_signo != SIGCHLD)
            kill(pid, (int)info.ssi_signo);
        if (watch)
            tree_watch_read(watch);
    }
}

/* SIGINT and its kin reach the script; we stay until it has ended. */
static int run_script(const struct stage *stage, const struct string_list *environment,
                      struct tree_watch *watch, struct sc_error **err)
{
    cleanup_close int fd = -1;
    sigset_t signals, before;
    int status;
    pid_t pid;

    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    signal(SIGCHLD, SIG_DFL);
    sigprocmask(SIG_BLOCK, &signals, &before);
    fd = signalfd(-1, &signals, SFD_CLOEXEC);
    pid = fd < 0 ? -1 : fork();
    if (pid == 0)
        run_child(stage, environment, &before);
    if (pid < 0)
        return sc_error_errno(err, "fork");
    signal(SIGINT, SIG_IGN);
    status = wait_child(pid, fd, watch);
    signal(SIGINT, SIG_DFL);
    return status < 0 ? sc_error_errno(err, "waitpid") : status;
}

/* The package's own trees below the build directory, which several packages may share. */
static char *watched_root(const struct stage *stage)
{
    return *stage->subdir ? sc_format("%s/%s", stage->builddir, stage->subdir)
                          : sc_format("%s", stage->builddir);
}

int stage_run(const struct stage *stage, const struct string_list *environment, bool watch,
              struct json_object *state, struct sc_error **err)
{
    cleanup_free char *root = watched_root(stage);
    struct json_object *opened = watch ? sc_json_object(state, "opened", err) : NULL;
    struct tree_watch *watching;
    int status;

    if (!watch)
        return run_script(stage, environment, NULL, err);
    if (!opened)
        return -1;
    watching = tree_watch_begin(root);
    status = run_script(stage, environment, watching, err);
    tree_watch_end(watching, opened);
    return status;
}

/* --- the trees ------------------------------------------------------------------------------- */

/* What is known of the build directory between %build and %install. */
struct snapshot {
    const struct stage *stage;
    uint64_t start;                   /* of %prep, in nanoseconds since 1970 */
    struct json_object *files;        /* path: how it was */
    struct json_object *seen;         /* those of files that are still there after %install */
    struct json_object *opened_files; /* of state: grows */
};

/* ctime: nothing can change a file without the kernel setting it. */
static char *file_mark(const struct stat *st)
{
    return sc_format("%lld.%09ld %lld %o", (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec,
                     S_ISDIR(st->st_mode) ? 0LL : (long long)st->st_size, st->st_mode);
}

/*
 * Below the build directory: the source directory, and what else was made since %prep began.
 * Only the first part of a path decides.
 */
static bool is_ours(const struct snapshot *snapshot, const char *relative)
{
    size_t first = strcspn(relative, "/");
    cleanup_free char *top = sc_format("%s/%.*s", snapshot->stage->builddir, (int)first, relative);
    const char *subdir = snapshot->stage->subdir;
    struct stat st;

    if (*subdir && strncmp(subdir, relative, first) == 0 &&
        (!subdir[first] || subdir[first] == '/'))
        return true;
    if (lstat(top, &st) < 0)
        return false;
    return (uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec >=
           snapshot->start;
}

/* Names of opened files are relative to the source directory. */
static void mark_opened(const struct snapshot *snapshot, const char *relative)
{
    const char *subdir = snapshot->stage->subdir;
    size_t length = strlen(subdir);

    if (length && (strncmp(relative, subdir, length) != 0 || relative[length] != '/'))
        return;
    json_object_object_add(snapshot->opened_files, relative + length + (length > 0),
                           json_object_new_boolean(true));
}

/* All files after %build; hard links can be read under another name, so they count as opened. */
static bool want_built(const char *path, const char *relative, const struct stat *st, void *data)
{
    struct snapshot *snapshot = data;
    cleanup_free char *mark = file_mark(st);

    (void)path;
    if (!is_ours(snapshot, relative))
        return false;
    json_object_object_add(snapshot->files, relative, json_object_new_string(mark));
    if (S_ISREG(st->st_mode) && st->st_nlink > 1)
        mark_opened(snapshot, relative);
    return true;
}

/* What %install made or changed. A directory's own time changes with what is in it. */
static bool want_installed(const char *path, const char *relative, const struct stat *st,
                           void *data)
{
    struct snapshot *snapshot = data;
    cleanup_free char *mark = file_mark(st);
    struct json_object *old = NULL;

    (void)path;
    if (!is_ours(snapshot, relative))
        return false;
    if (!json_object_object_get_ex(snapshot->files, relative, &old))
        return true;
    json_object_object_add(snapshot->seen, relative, json_object_new_boolean(true));
    return !S_ISDIR(st->st_mode) && strcmp(json_object_get_string(old), mark) != 0;
}

/* ELF files of the build root: programs, libraries, .debug files, and what dwz makes. */
static bool want_elf(const char *path, const char *relative, const struct stat *st, void *data)
{
    cleanup_close int fd = -1;
    char magic[SELFMAG];

    (void)relative;
    (void)data;
    if (!S_ISREG(st->st_mode))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
           memcmp(magic, ELFMAG, SELFMAG) == 0;
}

/* Shims and links to tools are laid out anew where the capture is used. */
static bool want_capture(const char *path, const char *relative, const struct stat *st, void *data)
{
    (void)path;
    (void)st;
    (void)data;
    return strncmp(relative, "shims", 5) != 0 && strncmp(relative, "tools", 5) != 0;
}

/* --- %install and the archive ---------------------------------------------------------------- */

/* result.json: what is known at the end only. */
static struct json_object *result_json(const struct snapshot *snapshot, struct json_object *state,
                                       struct sc_error **err)
{
    struct json_object *headers = headers_read(snapshot->stage->buildroot, err), *result;
    struct json_object *removed, *opened = NULL;

    if (!headers)
        return NULL;
    result = json_object_new_object();
    removed = json_object_new_array();
    json_object_object_foreach(snapshot->files, path, mark)
    {
        (void)mark;
        if (!json_object_object_get_ex(snapshot->seen, path, NULL))
            json_object_array_add(removed, json_object_new_string(path));
    }
    json_object_object_get_ex(state, "opened", &opened);
    sc_json_add_u64(result, "version", 1);
    json_object_object_add(result, "removed", removed);
    json_object_object_add(result, "opened", json_object_get(opened));
    json_object_object_add(result, "headers", headers);
    return result;
}

/* After %install and all scripts behind it: the build root is what will be packed. */
static int pack_rest(const struct snapshot *snapshot, struct capture_writer *writer,
                     struct json_object *state, struct sc_error **err)
{
    const struct stage *stage = snapshot->stage;
    cleanup_json struct json_object *result = NULL;
    int count = unnote_tree(stage->buildroot, err);

    if (count < 0)
        return -1;
    if (count)
        fprintf(stderr, "syscare-rpm-stage: build records taken out of %d files\n", count);
    if (capture_writer_add_tree(writer, stage->builddir, "installed", want_installed,
                                (void *)snapshot, err) < 0 ||
        capture_writer_add_tree(writer, stage->buildroot, "root", want_elf, NULL, err) < 0 ||
        capture_writer_add_tree(writer, stage->capture, "capture", want_capture, NULL, err) < 0)
        return -1;
    result = result_json(snapshot, state, err);
    if (!result)
        return -1;
    return capture_writer_add_json(writer, "result.json", result, err);
}

static int pack_around(const struct snapshot *snapshot, struct capture_writer *writer,
                       const struct string_list *environment, struct json_object *state,
                       struct sc_error **err)
{
    int status;

    if (capture_writer_add_tree(writer, snapshot->stage->builddir, "tree", want_built,
                                (void *)snapshot, err) < 0)
        return -1;
    /* the file system's clock ticks every few milliseconds: what %install changes gets a new time
     */
    usleep(20000);
    status = stage_run(snapshot->stage, environment, true, state, err);
    if (status == 0 && pack_rest(snapshot, writer, state, err) < 0)
        return -1;
    return status;
}

int stage_install(const struct stage *stage, const struct string_list *environment,
                  struct json_object *state, struct sc_error **err)
{
    cleanup_free char *path =
        sc_format("%s/%s-%s-%s.%s" CAPTURE_ARCHIVE_SUFFIX, stage->output, stage->package,
                  stage->version, stage->release, stage->arch);
    cleanup_json struct json_object *header = stage_header(stage, state, err);
    cleanup_json struct json_object *files = json_object_new_object();
    cleanup_json struct json_object *seen = json_object_new_object();
    struct json_object *opened = sc_json_object(state, "opened", err);
    struct snapshot snapshot = {.stage = stage, .files = files, .seen = seen};
    struct capture_writer *writer = NULL;
    int status = -1;

    if (!header || !opened || sc_json_u64(state, "start", &snapshot.start, err) < 0)
        return -1;
    snapshot.opened_files = sc_json_object(opened, "files", err);
    if (!snapshot.opened_files)
        return -1;
    writer = capture_writer_open(path, header, err);
    if (writer)
        status = pack_around(&snapshot, writer, environment, state, err);
    if (capture_writer_close(writer, status == 0, err) < 0)
        return -1;
    return status;
}

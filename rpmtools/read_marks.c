// SPDX-License-Identifier: GPL-2.0-or-later
// Sees by access times which files a build reads.
#include "rpmtools/read_marks.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/run.h"

#include <fcntl.h>
#include <sys/stat.h>

/* The access time of what was not read: the first second of 1970. */
#define UNREAD 1

bool read_mark_set(const char *path)
{
    const struct timespec times[2] = {{.tv_sec = UNREAD}, {.tv_nsec = UTIME_OMIT}};

    return utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0;
}

bool read_mark_was_read(const char *path)
{
    struct stat st;

    return lstat(path, &st) < 0 || st.st_atim.tv_sec != UNREAD || st.st_atim.tv_nsec != 0;
}

/* Does what to the marked file, and says whether the mark shows it. */
static bool mark_shows(const char *file, const char *const *argv)
{
    struct sc_run how = {.argv = argv};

    return read_mark_set(file) && !read_mark_was_read(file) && sc_run(&how, NULL) == 0 &&
           read_mark_was_read(file);
}

bool read_marks_work(const char *directory)
{
    cleanup_free char *file = sc_format("%s/read-mark", directory);
    cleanup_free char *copy = sc_format("%s/read-mark-copy", directory);
    const char *compare[] = {"cmp", "-s", file, copy, NULL};
    const char *duplicate[] = {"cp", file, copy, NULL};
    bool works;

    works = sc_file_replace(file, "text", 4, 0644, NULL) == 0 && mark_shows(file, duplicate) &&
            mark_shows(file, compare);
    unlink(file);
    unlink(copy);
    return works;
}

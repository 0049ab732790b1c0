// SPDX-License-Identifier: GPL-2.0-or-later
// Finds our own programs, installed or in the build tree.
#include "rpmtools/tool.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <limits.h>
#include <string.h>

/* The directory of this program, without a final slash. */
static char *own_directory(void)
{
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (size <= 0)
        return sc_format("%s", PKGLIBEXECDIR);
    path[size] = '\0';
    return sc_format("%.*s", (int)(strrchr(path, '/') - path), path);
}

char *tool_path(const char *name)
{
    /* installed, all are in one directory; in a build tree, some are in that of their room */
    static const char *const places[] = {"", "/../wrappers", "/..", NULL};
    const char *given = getenv("SYSCARE_LIBEXECDIR");
    cleanup_free char *own = own_directory();

    for (size_t i = 0; places[i]; i++) {
        char *path = i == 0 && given ? sc_format("%s/%s", given, name)
                                     : sc_format("%s%s/%s", own, places[i], name);

        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    return sc_format("%s", name); /* execvp(3) searches PATH */
}

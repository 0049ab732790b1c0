// SPDX-License-Identifier: GPL-2.0-or-later
// Lets the source patch include <syscare-patch.h>, in the patched build only.
//
// By CPATH, which every GCC reads: no flag of the package changes, and a patch that does not ask
// for the header is built as if it did not exist. The directory holds nothing else, so that no
// other header is found earlier than it was.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_MAX (64u << 20)

static const char *const headers[] = {"syscare-patch.h", "syscare-patch-runtime.h"};

static bool includes_header(const char *text, size_t size)
{
    return memmem(text, size, headers[0], strlen(headers[0])) != NULL;
}

/* True if a changed file of the tree that is shown speaks of the header. */
static bool is_wanted(const struct build *build)
{
    for (size_t i = 0; i < build->changes.changed.count; i++) {
        cleanup_free char *path =
            sc_format("%s/%s/%s", build->workspace->build, build->source_directory,
                      build->changes.changed.items[i]);
        cleanup_free char *text = NULL;
        size_t size;

        if (sc_file_read(path, SOURCE_MAX, &text, &size, NULL) == 0 && includes_header(text, size))
            return true;
    }
    return false;
}

/* Staged or in a build tree it lies beside us, installed where it belongs. */
static char *find_header(const char *name)
{
    static const char *const places[] = {"/../../include", "/../include", "/../../../include"};
    const char *given = getenv("SYSCARE_INCLUDEDIR");
    char own[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", own, sizeof(own) - 1);
    char *path = given ? sc_format("%s/%s", given, name) : NULL;

    if (path)
        return path;
    own[size > 0 ? size : 0] = '\0';
    if (strrchr(own, '/'))
        *strrchr(own, '/') = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        path = sc_format("%s%s/%s", own, places[i], name);
        if (sc_file_exists(path))
            return path;
        free(path);
    }
    return sc_format("%s/%s", INCLUDEDIR, name);
}

int build_offer_header(struct build *build, struct sc_error **err)
{
    if (!is_wanted(build))
        return 0;
    build->include = sc_format("%s/include", build->workspace->root);
    if (sc_dir_make(build->include, 0755, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        cleanup_free char *from = find_header(headers[i]);
        cleanup_free char *to = sc_format("%s/%s", build->include, headers[i]);

        if (sc_file_copy(from, to, err) < 0)
            return sc_error_wrap(err, "the patch includes <%s>", headers[0]);
    }
    return 0;
}

void build_add_header(struct build *build)
{
    const char *path = getenv("CPATH");

    if (build->include && path && *path)
        string_list_format(&build->environment, "CPATH=%s:%s", build->include, path);
    else if (build->include)
        string_list_format(&build->environment, "CPATH=%s", build->include);
}

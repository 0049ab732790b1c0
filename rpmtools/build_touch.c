// SPDX-License-Identifier: GPL-2.0-or-later
// Tells make(1) of P which sources read a file that the patch changes.
//
// Distributions configure with --disable-dependency-tracking, so that make(1) knows nothing of
// headers: a change of one would compile nothing, and P would be built from the start. The records
// know what each unit has read; with a new time its source is compiled again.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Paths of what the patch changes or removes, as the records have them. */
static void changed_paths(const struct build *build, struct string_list *paths)
{
    const struct string_list *lists[] = {&build->changes.changed, &build->changes.removed};

    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < lists[i]->count; j++)
            string_list_format(paths, "%s/%s/%s", build->workspace->build, build->source_directory,
                               lists[i]->items[j]);
}

static bool reads_one_of(const struct capture_unit *unit, const struct string_list *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        if (string_list_has(&unit->deps, paths->items[i]))
            return true;
    return false;
}

/* Temporary sources are gone by now, and those of the host are not ours. */
static int touch_source(const struct build *build, const struct capture_unit *unit,
                        struct sc_error **err)
{
    cleanup_free char *path = capture_path(unit->cwd, unit->source);
    size_t length = strlen(build->workspace->build);

    if (strncmp(path, build->workspace->build, length) != 0 || path[length] != '/')
        return 0;
    if (utimensat(AT_FDCWD, path, NULL, 0) == 0 || errno == ENOENT || errno == ENOTDIR)
        return 0;
    return sc_error_errno(err, "cannot set the time of %s", path);
}

int build_touch_dependents(const struct build *build, struct sc_error **err)
{
    cleanup_strings struct string_list paths = {0};

    changed_paths(build, &paths);
    for (size_t i = 0; i < build->reference->unit_count; i++) {
        const struct capture_unit *unit = &build->reference->units[i];

        if (reads_one_of(unit, &paths) && touch_source(build, unit, err) < 0)
            return -1;
    }
    return 0;
}

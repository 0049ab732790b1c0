// SPDX-License-Identifier: GPL-2.0-or-later
// Collects the reasons why a patch cannot be built safely; finds our own programs.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <limits.h>
#include <string.h>

static char *copy_or_null(const char *text)
{
    return text && *text ? sc_format("%s", text) : NULL;
}

/* Refusals are collected, not thrown: one run of the build names all of them. */
void build_refuse(struct build *build, const char *target, const char *code, const char *function,
                  const char *object, const char *source, const char *message, const char *advice)
{
    struct build_refusal *refusal;

    build->refusals =
        reallocarray(build->refusals, build->refusal_count + 1, sizeof(*build->refusals));
    if (!build->refusals)
        abort();
    refusal = &build->refusals[build->refusal_count++];
    memset(refusal, 0, sizeof(*refusal));
    refusal->target = copy_or_null(target);
    refusal->code = sc_format("%s", code);
    refusal->function = copy_or_null(function);
    refusal->object = copy_or_null(object);
    refusal->source = copy_or_null(source);
    refusal->message = sc_format("%s", message);
    refusal->advice = copy_or_null(advice);
}

int build_refused(const struct build *build, struct sc_error **err)
{
    if (!build->refusal_count)
        return 0;
    return sc_error_set(err, SC_REFUSED, "refused: no patch was built, for %zu reason%s",
                        build->refusal_count, build->refusal_count == 1 ? "" : "s");
}

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

char *build_tool(const char *name)
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

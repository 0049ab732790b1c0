// SPDX-License-Identifier: GPL-2.0-or-later
// syscare-shim: stands in for cc1, as, ld and their kin in COMPILER_PATH, runs the real tool and
// keeps records.
//
// The rule for all of it: whatever of ours fails, the package's build must go on as without us.
#include "wrappers/shim.h"

#include "lib/build_note.h"
#include "lib/cleanup.h"
#include "lib/file.h"

#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>

/* Cuts the last component off path and returns it (malloc'd); NULL when there is none. */
static char *path_pop(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash)
        return NULL;
    *slash = '\0';
    return sc_format("%s", slash + 1);
}

/* Where the link tools/…/name points to; one step only, since lld acts by the name it is called by.
 */
static char *real_tool(const char *tools, const char *name)
{
    cleanup_free char *link = sc_format("%s/%s", tools, name);
    char target[PATH_MAX];
    ssize_t size = readlink(link, target, sizeof(target) - 1);

    if (size <= 0)
        return NULL;
    target[size] = '\0';
    return sc_format("%s", target);
}

/*
 * Fills shim from the path that the kernel was given. Not from argv[0]: a caller may put anything
 * there. Returns -1 when this is not a path inside a capture directory.
 */
static int shim_locate(struct shim *shim, char **argv)
{
    const char *self = (const char *)getauxval(AT_EXECFN);
    cleanup_free char *path = sc_format("%s", self ? self : argv[0]);
    cleanup_free char *shims = NULL;

    shim->name = path_pop(path);
    shim->gcc_version = shim->name ? path_pop(path) : NULL;
    shim->target = shim->gcc_version ? path_pop(path) : NULL;
    shims = shim->target ? path_pop(path) : NULL;
    if (!shims || strcmp(shims, "shims") != 0)
        return -1;
    shim->tools = sc_format("%s/tools/%s/%s", path, shim->target, shim->gcc_version);
    shim->real = real_tool(shim->tools, shim->name);
    if (!shim->real)
        return -1;
    shim->argv = argv;
    argv[0] = shim->real;
    shim->capture = getenv(SC_ENV_CAPTURE);
    if (shim->capture && shim->capture[0] != '/')
        shim->capture = NULL;
    return 0;
}

int main(int argc, char **argv)
{
    struct shim shim = {0};

    if (argc < 1 || shim_locate(&shim, argv) < 0) {
        fprintf(stderr, "syscare-shim: run it through the links that syscare-capture makes\n");
        return SC_USAGE;
    }
    if (!shim.capture)
        shim_exec(&shim, argv);
    if (strcmp(shim.name, "as") == 0)
        shim_assembler(&shim);
    if (strncmp(shim.name, "ld", 2) == 0)
        shim_linker(&shim);
    shim_compiler(&shim);
}

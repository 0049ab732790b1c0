// SPDX-License-Identifier: GPL-2.0-or-later
// syscare-capture: lays out a capture directory and prints the environment that makes a build write
// to it.
#include "lib/build_note.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/run.h"
#include "wrappers/gcc_find.h"
#include "wrappers/layout.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>

static const char usage_text[] =
    "Usage: syscare-capture begin DIR [--gcc PATH]...\n"
    "Lay out DIR to hold the capture of a build, and print the environment (NAME=VALUE, one a\n"
    "line) in which the build must run. Every GCC in PATH is captured, also where a package calls\n"
    "it by an absolute, versioned or triplet name.\n"
    "\n"
    "      --gcc PATH  a GCC that is not in PATH; repeatable\n"
    "  -h, --help      this text\n"
    "\n"
    "Environment: SYSCARE_PLUGIN_DIR, SYSCARE_LIBEXECDIR: where plugins and shim are, instead of\n"
    "beside this program. Running it again on the same DIR keeps what is recorded there.\n";

/* Programs that a shim can stand for. */
static const char *const shimmed_tools[] = {"cc1",    "cc1plus", "lto1",   "as", "ld",
                                            "ld.bfd", "ld.gold", "ld.lld", NULL};

/* Everything that `begin` works with. */
struct begin {
    char *directory;  /* absolute path of the capture */
    char *shim;       /* absolute path of syscare-shim */
    char *plugin_dir; /* holds <target>/<version>/syscare_record.so */
    struct gcc_list gccs;
};

/* The directory of this program: in the build tree and in the install tree, our files are near it.
 */
static char *own_directory(void)
{
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (size <= 0)
        return sc_format("%s", PKGLIBEXECDIR);
    path[size] = '\0';
    return sc_format("%s", dirname(path));
}

/* Sets where the shim and the plugins are: the environment, or beside us, or (build tree) above. */
static int find_parts(struct begin *begin, struct sc_error **err)
{
    const char *libexec = getenv("SYSCARE_LIBEXECDIR");
    const char *plugins = getenv(SC_ENV_PLUGIN_DIR);
    cleanup_free char *own = own_directory();
    cleanup_free char *shim = sc_format("%s/syscare-shim", libexec ? libexec : own);
    cleanup_free char *beside = sc_format("%s/gcc", libexec ? libexec : own);
    cleanup_free char *above = sc_format("%s/../gcc", own);

    begin->shim = realpath(shim, NULL);
    if (!begin->shim)
        return sc_error_errno(err, "cannot find %s", shim);
    begin->plugin_dir = realpath(plugins ? plugins : sc_file_exists(beside) ? beside : above, NULL);
    if (!begin->plugin_dir)
        return sc_error_errno(err, "cannot find the GCC plugins in %s", plugins ? plugins : beside);
    return 0;
}

/* Makes or replaces a symbolic link. */
static int link_replace(const char *target, const char *path, struct sc_error **err)
{
    if (unlink(path) < 0 && errno != ENOENT)
        return sc_error_errno(err, "cannot replace %s", path);
    if (symlink(target, path) < 0)
        return sc_error_errno(err, "cannot create %s", path);
    return 0;
}

/*
 * Tries the plugin with the very compiler that would load it: an empty unit must come out with our
 * note. A plugin of another version can be fatal before its first instruction runs.
 */
static bool plugin_works(const char *compiler, const char *plugin)
{
    static const char *const clean[] = {SC_ENV_CAPTURE, SC_ENV_REPLAY, NULL};
    cleanup_free char *option = sc_format("-fplugin=%s", plugin);
    const char *argv[] = {compiler, "-quiet", option, "/dev/null", "-o", "-", NULL};
    cleanup_free char *output = NULL;
    struct sc_run run = {.argv = argv, .env = clean, .output = &output, .log = "/dev/null"};

    return sc_run(&run, NULL) == 0 && strstr(output, SC_BUILD_SECTION);
}

/* tools/<target>/<version>/syscare_record.so is there only if the plugin works with this GCC. */
static int lay_plugin(const struct begin *begin, const struct gcc *gcc, const char *tools,
                      struct sc_error **err)
{
    cleanup_free char *plugin =
        sc_format("%s/%s/%s/" SC_PLUGIN_FILE, begin->plugin_dir, gcc->target, gcc->version);
    cleanup_free char *link = sc_format("%s/" SC_PLUGIN_FILE, tools);
    cleanup_free char *cc1 = sc_format("%s/cc1", tools);

    if (sc_file_exists(plugin) && plugin_works(cc1, plugin))
        return link_replace(plugin, link, err);
    if (unlink(link) < 0 && errno != ENOENT)
        return sc_error_errno(err, "cannot remove %s", link);
    fprintf(stderr, "syscare-capture: %s (%s %s) has no plugin: it is not captured\n", gcc->path,
            gcc->target, gcc->full_version);
    return 0;
}

/* The links for one tool; nothing when this GCC does not have it, so that it goes on missing. */
static int lay_tool(const struct begin *begin, const struct gcc *gcc, const char *name,
                    struct sc_error **err)
{
    cleanup_free char *real = gcc_program(gcc, name, err);
    cleanup_free char *shim = sc_format("%s/" CAPTURE_SHIMS "/%s/%s/%s", begin->directory,
                                        gcc->target, gcc->version, name);
    cleanup_free char *tool = sc_format("%s/" CAPTURE_TOOLS "/%s/%s/%s", begin->directory,
                                        gcc->target, gcc->version, name);

    if (!real)
        return err && *err ? -1 : 0;
    if (link_replace(real, tool, err) < 0)
        return -1;
    return link_replace(begin->shim, shim, err);
}

/* Shims, tools and plugin of one GCC, and its full version for the records of the as shim. */
static int lay_gcc(const struct begin *begin, const struct gcc *gcc, struct sc_error **err)
{
    cleanup_free char *shims =
        sc_format("%s/" CAPTURE_SHIMS "/%s/%s", begin->directory, gcc->target, gcc->version);
    cleanup_free char *tools =
        sc_format("%s/" CAPTURE_TOOLS "/%s/%s", begin->directory, gcc->target, gcc->version);
    cleanup_free char *version = sc_format("%s/version", tools);

    if (sc_dir_make(shims, 0755, err) < 0 || sc_dir_make(tools, 0755, err) < 0)
        return -1;
    for (size_t i = 0; shimmed_tools[i]; i++)
        if (lay_tool(begin, gcc, shimmed_tools[i], err) < 0)
            return -1;
    if (sc_file_replace(version, gcc->full_version, strlen(gcc->full_version), 0644, err) < 0)
        return -1;
    return lay_plugin(begin, gcc, tools, err);
}

static int lay_directory(const struct begin *begin, struct sc_error **err)
{
    static const char *const parts[] = {CAPTURE_SHIMS, CAPTURE_TOOLS,   CAPTURE_UNITS,
                                        CAPTURE_MAPS,  CAPTURE_OUTPUTS, NULL};

    for (size_t i = 0; parts[i]; i++) {
        cleanup_free char *path = sc_format("%s/%s", begin->directory, parts[i]);

        if (sc_dir_make(path, 0755, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < begin->gccs.count; i++)
        if (lay_gcc(begin, &begin->gccs.gccs[i], err) < 0)
            return -1;
    return 0;
}

/*
 * ccache hashes COMPILER_PATH but not our plugin, and hosts of distcc have neither: both are
 * switched off for the build.
 */
static void print_environment(const struct begin *begin)
{
    printf("COMPILER_PATH=%s/" CAPTURE_SHIMS "\n", begin->directory);
    printf(SC_ENV_CAPTURE "=%s\n", begin->directory);
    printf(SC_ENV_PLUGIN_DIR "=%s\n", begin->plugin_dir);
    printf("CCACHE_DISABLE=1\n");
    printf("DISTCC_HOSTS=localhost\n");
}

/* Makes the directory and resolves its name: the shims are found by absolute path only. */
static int open_directory(struct begin *begin, const char *path, struct sc_error **err)
{
    if (sc_dir_make(path, 0755, err) < 0)
        return -1;
    begin->directory = realpath(path, NULL);
    if (!begin->directory)
        return sc_error_errno(err, "%s", path);
    /* COMPILER_PATH is split at colons, and a newline would end the printed assignment */
    if (strpbrk(begin->directory, ":\n"))
        return sc_error_set(err, SC_USAGE, "%s: the path must not contain ':'", path);
    return 0;
}

/* Adds the GCCs named on the command line. argv: what follows the directory. */
static int add_named(struct begin *begin, char **argv, struct sc_error **err)
{
    for (; *argv; argv += 2) {
        int added;

        if (strcmp(argv[0], "--gcc") != 0 || !argv[1])
            return sc_error_set(err, SC_USAGE, "unexpected argument '%s' (see --help)", argv[0]);
        added = gcc_list_add(&begin->gccs, argv[1], err);
        if (added < 0)
            return -1;
        if (added == 0)
            fprintf(stderr, "syscare-capture: %s is not a GCC, or another of the same version\n",
                    argv[1]);
    }
    return 0;
}

static int capture_begin(struct begin *begin, char **argv, struct sc_error **err)
{
    if (find_parts(begin, err) < 0 || add_named(begin, argv + 1, err) < 0 ||
        open_directory(begin, argv[0], err) < 0 || gcc_list_search(&begin->gccs, err) < 0)
        return -1;
    if (begin->gccs.count == 0)
        return sc_error_set(err, SC_FAILED, "there is no GCC in PATH");
    if (lay_directory(begin, err) < 0)
        return -1;
    print_environment(begin);
    return 0;
}

int main(int argc, char **argv)
{
    cleanup_error struct sc_error *err = NULL;
    struct begin begin = {0};
    int status = SC_OK;

    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage_text, stdout);
        return SC_OK;
    }
    if (argc < 3 || strcmp(argv[1], "begin") != 0 || argv[2][0] == '-') {
        fputs(usage_text, stderr);
        return SC_USAGE;
    }
    if (capture_begin(&begin, argv + 2, &err) < 0) {
        fprintf(stderr, "syscare-capture: %s\n", err->message);
        status = sc_error_status(err);
    }
    free(begin.directory);
    free(begin.shim);
    free(begin.plugin_dir);
    gcc_list_free(&begin.gccs);
    return status;
}

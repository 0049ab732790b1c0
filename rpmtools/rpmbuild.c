// SPDX-License-Identifier: GPL-2.0-or-later
// Runs single stages of rpmbuild, away from the user's own rpmbuild directories.
#include "rpmtools/rpmbuild.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/run.h"

#include <stdarg.h>
#include <string.h>

/* The largest file that is read for a path or a spec. */
#define SMALL_FILE (16u << 20)

const char *rpmbuild_stage_name(enum rpmbuild_stage stage)
{
    static const char *const names[] = {"%prep", "%build", "%install"};

    return names[stage];
}

/* One fixed name: rpm's default has the package's version in it, and user macros may change it. */
char *rpmbuild_root(const struct rpmbuild *how)
{
    return sc_format("%s", how->workspace->build_root);
}

/* Where the hook after %prep writes the source directory. */
static char *directory_file(const struct rpmbuild *how)
{
    return sc_format("%s/tmp/source-directory", how->workspace->top);
}

static void add_define(struct string_list *argv, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void add_define(struct string_list *argv, const char *name, const char *fmt, ...)
{
    cleanup_free char *value = NULL;
    va_list args;

    va_start(args, fmt);
    if (vasprintf(&value, fmt, args) < 0)
        abort();
    va_end(args);
    string_list_add(argv, "--define");
    string_list_format(argv, "%s %s", name, value);
}

/* All directories of rpmbuild: a user's ~/.rpmmacros may point anywhere. */
static void add_directories(const struct rpmbuild *how, struct string_list *argv)
{
    const char *top = how->workspace->top, *root = how->workspace->build_root;

    add_define(argv, "_topdir", "%s", top);
    add_define(argv, "_builddir", "%s", how->workspace->build);
    add_define(argv, "_buildrootdir", "%.*s", (int)(strrchr(root, '/') - root), root);
    add_define(argv, "_sourcedir", "%s/SOURCES", top);
    add_define(argv, "_specdir", "%s/SPECS", top);
    add_define(argv, "_rpmdir", "%s/RPMS", top);
    add_define(argv, "_srcrpmdir", "%s/SRPMS", top);
    add_define(argv, "_tmppath", "%s/tmp", top);
}

static void add_pairs(struct string_list *argv, const char *option, const struct string_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        string_list_add(argv, option);
        string_list_add(argv, list->items[i]);
    }
}

/* What the package is built with; the user's definitions come last and win, but for directories. */
static void add_settings(const struct rpmbuild *how, struct string_list *argv)
{
    if (how->macros) {
        string_list_add(argv, "--load");
        string_list_add(argv, how->macros);
    }
    add_define(argv, "_smp_build_ncpus", "%ld", how->jobs);
    add_pairs(argv, "--define", &how->defines);
    add_directories(how, argv);
    add_pairs(argv, "--define", &how->hooks);
    add_pairs(argv, "--with", &how->with);
    add_pairs(argv, "--without", &how->without);
}

/*
 * Our own environment must not get into the package's: %set_build_flags keeps a CFLAGS that is set,
 * and a MAKEFLAGS from the make that started us names file descriptors that are closed.
 */
static void add_environment(const struct rpmbuild *how, const struct string_list *more,
                            struct string_list *env)
{
    static const char *const unset[] = {"CFLAGS",
                                        "CXXFLAGS",
                                        "CPPFLAGS",
                                        "LDFLAGS",
                                        "FFLAGS",
                                        "ASFLAGS",
                                        "CC",
                                        "CXX",
                                        "CPP",
                                        "LD",
                                        "AS",
                                        "AR",
                                        "NM",
                                        "RANLIB",
                                        "STRIP",
                                        "CPATH",
                                        "C_INCLUDE_PATH",
                                        "CPLUS_INCLUDE_PATH",
                                        "LIBRARY_PATH",
                                        "COMPILER_PATH",
                                        "GCC_EXEC_PREFIX",
                                        "DEPENDENCIES_OUTPUT",
                                        "SUNPRO_DEPENDENCIES",
                                        "MAKEFLAGS",
                                        "MFLAGS",
                                        "MAKELEVEL",
                                        "MAKEOVERRIDES",
                                        "CDPATH",
                                        "DESTDIR",
                                        "V",
                                        NULL};

    for (size_t i = 0; unset[i]; i++)
        string_list_add(env, unset[i]);
    if (how->source_date)
        string_list_format(env, "SOURCE_DATE_EPOCH=%llu", (unsigned long long)how->source_date);
    if (more)
        string_list_extend(env, more);
}

/* Runs rpmbuild with stage options; a program that fails is an error that names the stage. */
static int run_stage(const struct rpmbuild *how, const char *const *options, const char *stage,
                     const struct string_list *env, struct sc_error **err)
{
    cleanup_strings struct string_list argv = {0}, environment = {0};
    struct sc_run run = {.log = how->workspace->log, .directory = how->workspace->top};
    int status;

    string_list_add(&argv, "rpmbuild");
    for (; *options; options++)
        string_list_add(&argv, *options);
    string_list_add(&argv, "--nodeps"); /* checked before, with a better message */
    add_settings(how, &argv);
    string_list_add(&argv, how->spec);
    add_environment(how, env, &environment);
    run.argv = (const char *const *)argv.items;
    run.env = (const char *const *)environment.items;
    status = sc_run(&run, err);
    if (status > 0)
        return sc_error_set(err, SC_FAILED, "%s of the package failed (rpmbuild ended with %d)",
                            stage, status);
    return status;
}

/* A hook after %prep tells which directory it worked in: only rpm itself knows for sure. */
static int run_prep(const struct rpmbuild *how, const struct string_list *env,
                    struct sc_error **err)
{
    cleanup_free char *file = directory_file(how);
    cleanup_free char *hook = sc_format("__spec_prep_post printf '%%%%s' "
                                        "\"%%{_builddir}/%%{?buildsubdir}\" > '%s'\n"
                                        "%%{___build_post}",
                                        file);
    const char *options[] = {"-bp", "--define", hook, NULL};

    return run_stage(how, options, "%prep", env, err);
}

/* True if the spec has a %conf section of its own (rpm 4.18), which --short-circuit would skip. */
static bool has_conf(const struct rpmbuild *how)
{
    cleanup_free char *text = NULL;
    size_t size;

    if (sc_file_read(how->spec, SMALL_FILE, &text, &size, NULL) < 0)
        return false;
    return strncmp(text, "%conf\n", 6) == 0 || strstr(text, "\n%conf\n");
}

/* --short-circuit: the tree is prepared already, and in P it has the patches. */
static int run_build(const struct rpmbuild *how, const struct string_list *env,
                     struct sc_error **err)
{
    const char *conf[] = {"-bf", "--short-circuit", NULL};
    const char *build[] = {"-bc", "--short-circuit", NULL};

    if (has_conf(how) && run_stage(how, conf, "%conf", env, err) < 0)
        return -1;
    return run_stage(how, build, "%build", env, err);
}

/* Nothing of an earlier %install may be taken for the result of this one. */
static int run_install(const struct rpmbuild *how, const struct string_list *env,
                       struct sc_error **err)
{
    cleanup_free char *root = rpmbuild_root(how);
    const char *options[] = {"-bi", "--short-circuit", "--nocheck", "--buildroot", root, NULL};

    if (sc_tree_remove(root, err) < 0)
        return -1;
    if (run_stage(how, options, "%install", env, err) < 0)
        return -1;
    if (!sc_file_exists(root))
        return sc_error_set(err, SC_FAILED, "%%install left no build root %s", root);
    return 0;
}

int rpmbuild_run(const struct rpmbuild *how, enum rpmbuild_stage stage,
                 const struct string_list *env, struct sc_error **err)
{
    switch (stage) {
    case RPMBUILD_PREP:
        return run_prep(how, env, err);
    case RPMBUILD_BUILD:
        return run_build(how, env, err);
    default:
        return run_install(how, env, err);
    }
}

/* From the hook of run_prep; checked, because it is used as a path below the workspace. */
char *rpmbuild_source_directory(const struct rpmbuild *how, struct sc_error **err)
{
    cleanup_free char *file = directory_file(how);
    cleanup_free char *path = NULL;
    size_t length = strlen(how->workspace->build), size;

    if (sc_file_read(file, SMALL_FILE, &path, &size, err) < 0)
        return NULL;
    while (size && path[size - 1] == '/')
        path[--size] = '\0';
    if (strcmp(path, how->workspace->build) == 0)
        return sc_format(".");
    if (strncmp(path, how->workspace->build, length) != 0 || path[length] != '/' ||
        strstr(path + length, "/../") || !sc_file_exists(path)) {
        sc_error_set(err, SC_FAILED, "%%prep left no source directory (%s)", path);
        return NULL;
    }
    return sc_format("%s", path + length + 1);
}

/* The first line that a program of rpm prints, with the package's settings before the last words.
 */
static char *first_line(const struct rpmbuild *how, const char *program, const char *const *words,
                        struct sc_error **err)
{
    cleanup_strings struct string_list argv = {0};
    char *text = NULL;
    struct sc_run run = {.log = how->workspace->log, .output = &text};
    int status;

    string_list_add(&argv, program);
    add_settings(how, &argv);
    for (; *words; words++)
        string_list_add(&argv, *words);
    run.argv = (const char *const *)argv.items;
    status = sc_run(&run, err);
    if (status == 0) {
        text[strcspn(text, "\n")] = '\0';
        return text;
    }
    free(text);
    if (status > 0)
        sc_error_set(err, SC_FAILED, "%s ended with status %d; the log says why", program, status);
    return NULL;
}

/* Expanded by rpmbuild itself, with the macro file and the definitions of the package. */
char *rpmbuild_eval(const struct rpmbuild *how, const char *expression, struct sc_error **err)
{
    const char *words[] = {"--eval", expression, NULL};

    return first_line(how, "rpmbuild", words, err);
}

char *rpmbuild_query(const struct rpmbuild *how, const char *format, struct sc_error **err)
{
    const char *words[] = {"-q", "--srpm", "--qf", format, how->spec, NULL};

    return first_line(how, "rpmspec", words, err);
}

void rpmbuild_clear(struct rpmbuild *how)
{
    free(how->spec);
    free(how->macros);
    string_list_clear(&how->defines);
    string_list_clear(&how->with);
    string_list_clear(&how->without);
    string_list_clear(&how->hooks);
    memset(how, 0, sizeof(*how));
}

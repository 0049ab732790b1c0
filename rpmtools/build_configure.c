// SPDX-License-Identifier: GPL-2.0-or-later
// Keeps P on top of R from being configured once more.
//
// %build begins with ./configure. On the built tree it comes to what is there already, often takes
// longer than all the rest, and where it writes its headers anew make(1) compiles everything again
// (nginx). So its scripts do nothing in P, as long as nothing that the patch changes can matter to
// them. What that would overlook is not trusted: a script that is called twice in one directory
// (two configurations, one after the other) fails, units that were compiled with other options than
// in R count as stale, and both lead to P from the start, with the real scripts.
//
// Many packages make the scripts anew before (autoreconf -fi): what it would call does nothing
// then.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SCRIPT_MAX (16u << 20)

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* True if R has the file too. */
static bool is_in_reference(const struct build *build, const char *name)
{
    cleanup_free char *path =
        sc_format("%s/%s/%s", build->base_view, build->source_directory, name);

    return sc_file_exists(path);
}

/* True if the patch only changes sources that were there, and documentation. */
static bool changes_only_sources(const struct build *build)
{
    const struct string_list *changed = &build->changes.changed;
    const struct string_list *removed = &build->changes.removed;

    for (size_t i = 0; i < removed->count; i++)
        if (build_change_kind(removed->items[i]) != CHANGE_DOCUMENT)
            return false;
    for (size_t i = 0; i < changed->count; i++) {
        enum change_kind kind = build_change_kind(changed->items[i]);

        if (kind != CHANGE_DOCUMENT &&
            (kind != CHANGE_SOURCE || !is_in_reference(build, changed->items[i])))
            return false;
    }
    return true;
}

/* Autoconf's, nginx's; OpenSSL's is called Configure. */
static bool is_configure(const char *path)
{
    struct stat st;

    return strcasecmp(base_name(path), "configure") == 0 && lstat(path, &st) == 0 &&
           S_ISREG(st.st_mode) && st.st_mode & S_IXUSR;
}

/* What such a script is made from. */
static bool is_configure_source(const char *path)
{
    const char *name = base_name(path), *dot = strrchr(name, '.');
    struct stat st;

    return (strcmp(name, "configure.ac") == 0 || strcmp(name, "configure.in") == 0 ||
            (dot && strcmp(dot, ".m4") == 0)) &&
           lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* True of a place in a line that does nothing but name a file whose being there is asked for. */
static bool is_existence_test(const char *text, const char *place)
{
    static const char *const heads[] = {"ac_unique_file=", "AC_CONFIG_SRCDIR("};
    const char *line = place;

    while (line > text && line[-1] != '\n')
        line--;
    line += strspn(line, " \t");
    for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
        const char *rest = line + strlen(heads[i]);

        if (strncmp(line, heads[i], strlen(heads[i])) == 0)
            return place >= rest && rest[strcspn(rest, " \t\n;&|$`(,")] == '\n';
    }
    return false;
}

static bool text_names(const char *text, size_t size, const char *name)
{
    const char *end = text + size, *at = text;

    while ((at = memmem(at, (size_t)(end - at), name, strlen(name)))) {
        if (!is_existence_test(text, at))
            return true;
        at += strlen(name);
    }
    return false;
}

/* True if the file names one of the changed files: it may look into it for a version. */
static int names_change(const struct build *build, const char *path, struct sc_error **err)
{
    cleanup_free char *text = NULL;
    size_t size;

    if (sc_file_read(path, SCRIPT_MAX, &text, &size, err) < 0)
        return -1;
    for (size_t i = 0; i < build->changes.changed.count; i++)
        if (text_names(text, size, base_name(build->changes.changed.items[i])))
            return 1;
    return 0;
}

/* What the walk finds. */
struct scripts {
    const struct build *build;
    struct string_list paths;
    bool refused; /* one of them may depend on the patch */
};

static int find_script(const char *path, const char *relative, void *data, struct sc_error **err)
{
    struct scripts *scripts = data;
    int named;

    (void)relative;
    if (!is_configure(path) && !is_configure_source(path))
        return 0;
    named = names_change(scripts->build, path, err);
    if (named < 0)
        return -1;
    scripts->refused |= named;
    if (is_configure(path))
        string_list_add(&scripts->paths, path);
    return 0;
}

/* With the time of the script, because make(1) compares it with what was configured. */
static int replace_script(const struct build *build, const char *path, struct sc_error **err)
{
    cleanup_free char *text =
        sc_format("#!/bin/sh\n"
                  "# This tree is configured. Once in each directory that is no surprise.\n"
                  "mkdir -p '%s/configured' &&\n"
                  "    mkdir \"%s/configured/$(pwd | cksum | tr ' ' -)\"\n",
                  build->workspace->root, build->workspace->root);
    struct timespec times[2];
    struct stat st;

    if (stat(path, &st) < 0)
        return sc_error_errno(err, "%s", path);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    if (sc_file_replace(path, text, strlen(text), st.st_mode & 07777, err) < 0)
        return -1;
    return utimensat(AT_FDCWD, path, times, 0) < 0
               ? sc_error_errno(err, "cannot set the time of %s", path)
               : 0;
}

/* The programs that autoreconf calls: without their traces it finds nothing to make. */
static void keep_scripts(struct build *build)
{
    static const char *const programs[] = {"ACLOCAL",     "AUTOCONF",   "AUTOHEADER",
                                           "AUTOMAKE",    "AUTOPOINT",  "GTKDOCIZE",
                                           "INTLTOOLIZE", "LIBTOOLIZE", NULL};

    for (size_t i = 0; programs[i]; i++)
        string_list_format(&build->environment, "%s=true", programs[i]);
}

int build_keep_configuration(struct build *build, struct sc_error **err)
{
    cleanup_free char *source =
        sc_format("%s/%s", build->workspace->build, build->source_directory);
    struct scripts scripts = {.build = build};
    int result = 0;

    if (!changes_only_sources(build))
        return 0;
    result = sc_tree_walk(source, find_script, &scripts, err);
    for (size_t i = 0; i < scripts.paths.count && result == 0 && !scripts.refused; i++)
        result = replace_script(build, scripts.paths.items[i], err);
    build->configured = result == 0 && !scripts.refused && scripts.paths.count > 0;
    if (build->configured)
        keep_scripts(build);
    string_list_clear(&scripts.paths);
    return result;
}

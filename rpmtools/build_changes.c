// SPDX-License-Identifier: GPL-2.0-or-later
// Decides from the names of the changed files how the patched tree must be built.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "rpmtools/read_watch.h"

#include <fnmatch.h>
#include <string.h>

/* Matches the last part of path against a NULL-terminated list of patterns. */
static bool matches(const char *path, const char *const *patterns)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    for (; *patterns; patterns++)
        if (fnmatch(*patterns, name, FNM_CASEFOLD) == 0)
            return true;
    return false;
}

/* By name only: what a file is for cannot be seen in its contents. When in doubt, CHANGE_OTHER. */
enum change_kind build_change_kind(const char *path)
{
    static const char *const systems[] = {
        "configure*",    "Makefile*",  "GNUmakefile*", "*.mk",
        "*.mak",         "*.am",       "*.ac",         "*.m4",
        "*.cmake",       "*.in",       "*.in.in",      "CMakeLists.txt",
        "*.pro",         "*.gyp",      "meson.build",  "meson_options.txt",
        "meson.options", "SConstruct", "SConscript",   "wscript",
        "Kbuild*",       "Kconfig*",   "Config.in*",   "*.spec",
        "*.map",         "*.ver",      "*.sym",        "*.def",
        "*.ld",          "*.lds",      "*.version",    NULL};
    /* nothing that a generator reads: "commands.txt" or "version.html" may be such inputs */
    static const char *const documents[] = {
        "*.md",    "*.rst", "README*", "NEWS*",    "CHANGES*", "ChangeLog*", "AUTHORS*",
        "THANKS*", "TODO*", "BUGS*",   "COPYING*", "LICENSE*", "*.[1-8]",    NULL};

    if (matches(path, systems))
        return CHANGE_SYSTEM;
    if (linekeep_name_matches(path))
        return CHANGE_SOURCE;
    return matches(path, documents) ? CHANGE_DOCUMENT : CHANGE_OTHER;
}

/* The path of a changed file in the tree that is shown. */
static char *changed_path(const struct build *build, const char *name)
{
    cleanup_free char *joined = sc_format("%s/%s", build->source_directory, name);

    return capture_path(build->workspace->build, joined);
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* True if a unit of the capture was made from the file. */
static bool is_dependency(const struct capture *capture, const char *path)
{
    for (size_t i = 0; i < capture->unit_count; i++) {
        const struct string_list *deps = &capture->units[i].deps;

        if (deps->count &&
            bsearch(&path, deps->items, deps->count, sizeof(char *), compare_strings))
            return true;
    }
    return false;
}

/* True if some unit read a file of that name: a new header may hide it from now on. */
static bool hides_dependency(const struct capture *capture, const char *path)
{
    const char *name = strrchr(path, '/');

    for (size_t i = 0; i < capture->unit_count; i++)
        for (size_t j = 0; j < capture->units[i].deps.count; j++) {
            const char *dep = capture->units[i].deps.items[j];
            size_t length = strlen(dep), wanted = strlen(name);

            if (length >= wanted && strcmp(dep + length - wanted, name) == 0)
                return true;
        }
    return false;
}

/* --- what R's stages read -------------------------------------------------------------------- */

/* The directory part of a path. */
static char *parent_of(const char *path)
{
    return sc_format("%.*s", (int)(strrchr(path, '/') - path), path);
}

/* The files are few, as many as the patches change: a watch for each. */
struct read_watch *build_watch_changes(const struct build *build)
{
    const struct string_list *lists[] = {&build->changes.changed, &build->changes.removed};
    struct read_watch *watch = read_watch_begin();

    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < lists[i]->count; j++) {
            cleanup_free char *path = changed_path(build, lists[i]->items[j]);
            cleanup_free char *parent = parent_of(path);

            /* a file that the patch brings is found by those who look into its directory */
            read_watch_add(watch, sc_file_exists(path) ? path : parent, lists[i]->items[j]);
        }
    return watch;
}

/* --- what a change means --------------------------------------------------------------------- */

/* The verdict on one changed file. */
struct change_effect {
    bool matters; /* it may change an ELF file */
    char *full;   /* why the patched tree must be built from the start, or NULL; owned */
};

/*
 * A file that was there when R was built. What a compiler of ours read, make(1) and its kin know
 * as well; what anything else read may have become a source on the way.
 */
static struct change_effect effect_of_old(const struct build *build, const char *name,
                                          const char *path)
{
    struct change_effect effect = {0};

    if (is_dependency(build->reference, path)) {
        effect.matters = true;
    } else if (string_list_has(&build->opened, name)) {
        effect.matters = true;
        effect.full = sc_format("%s was read by the build, but by no compiler", name);
    }
    return effect;
}

/* A new file has an effect where something looks for files: an #include, a wildcard. */
static struct change_effect effect_of_new(const struct build *build, const char *name,
                                          const char *path)
{
    struct change_effect effect = {0};
    enum change_kind kind = build_change_kind(name);
    bool listed = string_list_has(&build->opened, name);

    if (hides_dependency(build->reference, path))
        effect.full = sc_format("%s is new and has the name of a file in use", name);
    else if (kind == CHANGE_OTHER && listed)
        effect.full = sc_format("%s is new, and may be the input of a generator", name);
    effect.matters = effect.full || (kind != CHANGE_DOCUMENT && listed);
    return effect;
}

/*
 * The build system comes first: what a Makefile says holds for all units, and neither the records
 * nor make(1) know which of them were made with the old text.
 */
static struct change_effect effect_of(const struct build *build, const char *name)
{
    cleanup_free char *path = changed_path(build, name);
    cleanup_free char *old =
        sc_format("%s%s", build->base_view, path + strlen(build->workspace->build));

    if (build_change_kind(name) == CHANGE_SYSTEM)
        return (struct change_effect){.matters = true,
                                      .full = sc_format("%s belongs to the build system", name)};
    return sc_file_exists(old) ? effect_of_old(build, name, path)
                               : effect_of_new(build, name, path);
}

/* Sources of compilers whose objects we know nothing about. */
static void refuse_strangers(struct build *build, const char *name)
{
    cleanup_free char *path = changed_path(build, name);

    for (size_t i = 0; i < build->reference->stranger_count; i++) {
        const struct capture_stranger *stranger = &build->reference->strangers[i];
        cleanup_free char *message = NULL;

        if (!string_list_has(&stranger->files, path))
            continue;
        message = sc_format("it is compiled by %s, which cannot be recorded (%s)", stranger->tool,
                            stranger->reason);
        build_refuse(build, NULL, "uncaptured-compiler", NULL, NULL, name, message,
                     "only what a GCC with our plugin compiles can be patched");
        return;
    }
}

/*
 * All reasons are looked at, so that the first one for a full build is named and refusals are
 * complete.
 */
int build_check_changes(struct build *build, struct sc_error **err)
{
    const struct string_list *lists[] = {&build->changes.changed, &build->changes.removed};
    bool any = false;

    if (build_choose_base(build, err) < 0)
        return -1;
    if (build->options.full)
        build->full_reason = sc_format("--full");
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < lists[i]->count; j++) {
            struct change_effect effect = effect_of(build, lists[i]->items[j]);

            any |= effect.matters;
            refuse_strangers(build, lists[i]->items[j]);
            if (build->full_reason)
                free(effect.full);
            else
                build->full_reason = effect.full;
        }
    if (build_refused(build, err) < 0)
        return -1;
    if (any)
        return 0;
    return sc_error_set(err, SC_NOTHING,
                        "nothing to patch: the patch changes no file that is compiled into a "
                        "shipped ELF");
}

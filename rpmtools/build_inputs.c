// SPDX-License-Identifier: GPL-2.0-or-later
// The first steps of a build: are packages and patches what they say, and do they belong together?
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/elf_file.h"
#include "lib/file.h"
#include "lib/run.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#define MACROS_MAX (16u << 20)

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* --- reading the packages -------------------------------------------------------------------- */

/* The original source package: inside a patch source package, or given directly. */
static int read_source(struct build *build, struct sc_error **err)
{
    const char *path = build->options.source;
    cleanup_free char *directory = sc_format("%s/earlier", build->workspace->root);
    int earlier = package_read_source(path, directory, &build->earlier, err);

    if (earlier < 0)
        return sc_error_wrap(err, "-s %s", path);
    build->cumulative = earlier > 0;
    build->package = rpm_package_read(earlier ? build->earlier.source_rpm : path, err);
    if (!build->package)
        return -1;
    if (build->package->kind != RPM_PACKAGE_SOURCE)
        return sc_error_set(err, SC_FAILED, "-s %s is a binary package; a source package is needed",
                            path);
    return 0;
}

static int check_debuginfo(const char *path, const char *machine, bool *found,
                           struct sc_error **err)
{
    cleanup_rpm struct rpm_package *package = rpm_package_read(path, err);

    if (!package)
        return -1;
    if (package->kind == RPM_PACKAGE_SOURCE)
        return sc_error_set(err, SC_FAILED,
                            "-d %s is a source package; a debuginfo package is needed", path);
    if (strcmp(package->arch, machine) != 0 && strcmp(package->arch, "noarch") != 0)
        return sc_error_set(err, SC_FAILED, "-d %s is for %s, this machine is %s", path,
                            package->arch, machine);
    *found |= package->kind == RPM_PACKAGE_DEBUGINFO;
    return 0;
}

/* Known before anything is built: the differ would say it after an hour. */
static int check_architecture(struct build *build, struct sc_error **err)
{
    const char *arch = build->options.arch;
    cleanup_free char *message = NULL;

    if (strcmp(arch, DIFFER_ARCH) == 0)
        return 0;
    message = sc_format("patches for %s cannot be made: only instructions of %s are known", arch,
                        DIFFER_ARCH);
    build_refuse(build, NULL, "unsupported-architecture", NULL, NULL, NULL, message,
                 "rpmbuild --define '_syscare 1' already keeps captures there, for later");
    return build_refused(build, err);
}

/* Patches are built where they are for: the compiler that runs here must be the shipped one. */
static int check_shipped(struct build *build, struct sc_error **err)
{
    const struct string_list *paths = &build->options.debuginfo;
    struct utsname host;
    bool found = false;

    uname(&host);
    if (build->options.arch && strcmp(build->options.arch, host.machine) != 0)
        return sc_error_set(err, SC_FAILED,
                            "--patch-arch %s: this machine is %s, and patches are "
                            "built where they are for",
                            build->options.arch, host.machine);
    if (!build->options.arch)
        build->options.arch = sc_format("%s", host.machine);
    if (check_architecture(build, err) < 0)
        return -1;
    for (size_t i = 0; i < paths->count; i++)
        if (check_debuginfo(paths->items[i], host.machine, &found, err) < 0)
            return -1;
    if (!found && paths->count)
        return sc_error_set(err, SC_FAILED, "-d %s is not a debuginfo package", paths->items[0]);
    return 0;
}

/* Earlier patches of a patch source package come first, those of the command line after them. */
static int collect_patches(struct build *build, struct sc_error **err)
{
    const struct string_list *all = &build->patches;

    string_list_extend(&build->patches, &build->earlier.patches);
    string_list_extend(&build->patches, &build->options.patches);
    for (size_t i = 0; i < all->count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(base_name(all->items[i]), base_name(all->items[j])) == 0)
                return sc_error_set(
                    err, SC_FAILED, "two patches have the name %s%s", base_name(all->items[i]),
                    j < build->earlier.patches.count ? "; the patch source package has one already"
                                                     : "");
    return 0;
}

/*
 * The settings of the earlier build hold on, what is given now comes after them. A capture knows
 * best how the package was built.
 */
static void collect_settings(struct build *build)
{
    struct rpmbuild *how = &build->rpmbuild;

    how->workspace = build->workspace;
    how->jobs = build->options.jobs;
    if (build->archive) {
        string_list_extend(&how->defines, &build->archive->defines);
        string_list_extend(&how->with, &build->archive->with);
        string_list_extend(&how->without, &build->archive->without);
    } else if (build->cumulative) {
        const struct patch_build *earlier = &build->earlier.info->build;

        string_list_extend(&how->defines, &earlier->defines);
        string_list_extend(&how->with, &earlier->with);
        string_list_extend(&how->without, &earlier->without);
    }
    string_list_extend(&how->defines, &build->options.defines);
    string_list_extend(&how->with, &build->options.with);
    string_list_extend(&how->without, &build->options.without);
}

/* The macro file of now, or the text that the earlier build kept, as a file of the workspace. */
static int take_macros(struct build *build, struct sc_error **err)
{
    char *path = sc_format("%s/top/rpm-macros", build->workspace->root);
    const char *earlier = build->archive      ? build->archive->macros
                          : build->cumulative ? build->earlier.info->build.macros
                                              : NULL;
    int result = 0;

    if (build->options.macros)
        result = sc_file_copy(build->options.macros, path, err);
    else if (earlier)
        result = sc_file_replace(path, earlier, strlen(earlier), 0644, err);
    if (result == 0 && (build->options.macros || earlier))
        build->rpmbuild.macros = steal_pointer(&path);
    free(path);
    return result;
}

/* Nothing is unpacked or run yet: wrong words and wrong files fail within a second. */
int build_read_inputs(struct build *build, struct sc_error **err)
{
    if (read_source(build, err) < 0 || check_shipped(build, err) < 0 ||
        collect_patches(build, err) < 0)
        return -1;
    collect_settings(build);
    return take_macros(build, err);
}

/* --- the source package ---------------------------------------------------------------------- */

/* The date of the environment, if it is one. */
static int environment_date(uint64_t *date, struct sc_error **err)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    char *end;

    *date = 0;
    if (!text || !*text)
        return 0;
    errno = 0;
    *date = strtoull(text, &end, 10);
    if (errno || *end || *text == '-')
        return sc_error_set(err, SC_USAGE, "SOURCE_DATE_EPOCH=%s is not a number of seconds", text);
    return 0;
}

/* The stages must see the date that they saw then; the packages may have that of now. */
static int take_captured_date(struct build *build, uint64_t given, struct sc_error **err)
{
    const char *text = build->archive->source_date;
    char *end = NULL;

    if (text)
        build->rpmbuild.source_date = strtoull(text, &end, 10);
    if (text && (*end || end == text))
        return sc_error_set(err, SC_FAILED, "the capture has the date '%s'", text);
    build->source_date = given ? given : build->rpmbuild.source_date;
    if (!build->source_date)
        build->source_date = build->package->changelog_time;
    if (!build->source_date)
        build->source_date = build->package->build_time;
    return 0;
}

/*
 * __DATE__ and the like must be those of the shipped build. With the macro set rpm takes the date
 * of the changelog by itself, as it did then; without it the shipped build took the day's date, and
 * the time in its header is the nearest to it that is known.
 */
static int choose_date(struct build *build, struct sc_error **err)
{
    cleanup_free char *from_changelog = NULL;
    cleanup_rpm struct rpm_package *shipped = NULL;
    uint64_t given;

    if (environment_date(&given, err) < 0)
        return -1;
    if (build->archive)
        return take_captured_date(build, given, err);
    build->source_date = given ? given : build->package->changelog_time;
    if (!build->source_date)
        build->source_date = build->package->build_time;
    if (given)
        return 0;
    from_changelog = rpmbuild_eval(&build->rpmbuild, "%{?source_date_epoch_from_changelog}", err);
    if (!from_changelog)
        return -1;
    if (*from_changelog && *from_changelog != '0' && build->package->changelog_time)
        return 0;
    shipped = rpm_package_read(build->options.debuginfo.items[0], err);
    if (!shipped)
        return -1;
    build->rpmbuild.source_date = shipped->build_time;
    return 0;
}

/*
 * The release that is built: a source package made without a %dist has "1" where its packages have
 * "1.fc39", and the patch is for those.
 */
static int take_release(struct build *build, struct sc_error **err)
{
    char *release = rpmbuild_query(&build->rpmbuild, "%{release}", err);

    if (!release)
        return -1;
    free(build->package->release);
    build->package->release = release;
    return 0;
}

/* The release needs the spec, and the date the release: in this order. */
int build_unpack_source(struct build *build, struct sc_error **err)
{
    if (srpm_unpack(build->package, build->workspace->top, &build->rpmbuild.spec, err) < 0)
        return -1;
    if (take_release(build, err) < 0)
        return -1;
    if (build->archive && build_check_capture_sources(build, err) < 0)
        return -1;
    return choose_date(build, err);
}

/* Where rpm knows nothing of the host (Debian), the user learns at least what is needed. */
static void note_unchecked_requires(struct build *build)
{
    cleanup_strings struct string_list tools = {0};
    cleanup_free char *names = NULL;

    for (size_t i = 0; i < build->package->requires.count; i++)
        if (strncmp(build->package->requires.items[i], "rpmlib(", strlen("rpmlib(")) != 0)
            string_list_add(&tools, build->package->requires.items[i]);
    names = string_list_join(&tools, ", ");
    build_log_note(&build->log, "not checked, the rpm database of this host is empty: %s", names);
}

/* Before the build, because "missing openssl-devel" says more than an error of configure. */
int build_check_requires(struct build *build, struct sc_error **err)
{
    cleanup_strings struct string_list missing = {0};
    cleanup_free char *names = NULL;
    int result;

    if (build->options.no_deps)
        return 0;
    result = srpm_missing_requires(build->package, NULL, &missing, err);
    if (result < 0)
        return -1;
    if (result == SRPM_REQUIRES_UNKNOWN)
        note_unchecked_requires(build);
    if (result != SRPM_REQUIRES_MISSING)
        return 0;
    names = string_list_join(&missing, ", ");
    return sc_error_set(err, SC_FAILED,
                        "missing build dependencies: %s (install them, as with `dnf builddep`, or "
                        "use --nodeps)",
                        names);
}

/* --- what was shipped ------------------------------------------------------------------------ */

/* The shipped packages also tell under which host name they were built. */
int build_open_shipped(struct build *build, struct sc_error **err)
{
    cleanup_free char *work = sc_format("%s/shipped", build->workspace->root);
    cleanup_rpm struct rpm_package *shipped = NULL;

    const char *host = build->archive ? build->archive->host : NULL;

    if (build->options.debuginfo.count) {
        build->faithful = faithful_open(build->package, &build->options.debuginfo, work, err);
        if (!build->faithful)
            return -1;
        shipped = rpm_package_read(build->options.debuginfo.items[0], err);
        if (!shipped)
            return -1;
    }
    if (!host)
        host = shipped->build_host;
    /* `uname -n` gets into programs that tell how they were built */
    if (*host && !workspace_set_hostname(build->workspace, host))
        build_log_note(&build->log, "note: the host name cannot be set to %s here", host);
    if (!build->workspace->overlays)
        build_log_note(&build->log, "note: no overlays can be mounted here: trees are copied");
    return 0;
}

/* Appends the strings of a file's .comment that name a GCC. */
static int visit_comment(const char *path, const char *relative, void *data, struct sc_error **err)
{
    struct string_list *compilers = data;
    cleanup_elf struct elf_file *file = NULL;
    struct elf_section *section;
    const uint8_t *text;
    size_t size, length = strlen(relative);

    (void)err; /* files that are no ELF, or damaged, say nothing here */
    if (length < 6 || strcmp(relative + length - 6, ".debug") != 0)
        return 0;
    file = elf_file_open(path, NULL);
    section = file ? elf_section_find(file, ".comment") : NULL;
    if (!section || elf_section_data(file, section, &text, &size, NULL) < 0)
        return 0;
    for (size_t at = 0; at < size; at += strnlen((const char *)text + at, size - at) + 1) {
        cleanup_free char *one = strndup((const char *)text + at, size - at);

        if (one && strncmp(one, "GCC: ", 5) == 0 && !string_list_has(compilers, one))
            string_list_add(compilers, one);
    }
    return 0;
}

/* True if one of "GCC: (Debian 12.2.0-14) 12.2.0" ends with version, which is a word there. */
static bool names_version(const struct string_list *compilers, const char *version)
{
    for (size_t i = 0; i < compilers->count; i++) {
        const char *closing = strrchr(compilers->items[i], ')');
        const char *text = closing ? closing + 1 : compilers->items[i] + 5;
        size_t length = strlen(version);

        text += strspn(text, " ");
        if (strncmp(text, version, length) == 0 && (text[length] == ' ' || !text[length]))
            return true;
    }
    return false;
}

/* -dumpfullversion, because -dumpversion is "12" on Debian and "12.2.0" elsewhere. */
static char *host_compiler(const struct build *build, struct sc_error **err)
{
    const char *argv[] = {"gcc", "-dumpfullversion", NULL};
    char *text = NULL;
    struct sc_run how = {.argv = argv, .output = &text, .log = build->workspace->log};
    int status = sc_run(&how, err);

    if (status == 0) {
        text[strcspn(text, "\n")] = '\0';
        return text;
    }
    free(text);
    if (status > 0)
        sc_error_set(err, SC_FAILED, "there is no gcc that works here");
    return NULL;
}

/*
 * Early, and from .comment: the comparison with the shipped file would find another compiler too,
 * but only after the whole build, and without naming it.
 */
int build_check_compiler(struct build *build, struct sc_error **err)
{
    cleanup_free char *directory = sc_format("%s/shipped", build->workspace->root);
    cleanup_strings struct string_list compilers = {0};
    cleanup_free char *names = NULL;

    build->gcc_version = host_compiler(build, err);
    if (!build->gcc_version)
        return -1;
    if (build->options.skip_compiler_check)
        return 0;
    if (sc_tree_walk(directory, visit_comment, &compilers, err) < 0)
        return -1;
    if (!compilers.count || names_version(&compilers, build->gcc_version))
        return 0;
    names = string_list_join(&compilers, ", ");
    return sc_error_set(err, SC_FAILED,
                        "the shipped package was compiled by %s, this host has gcc %s (build on a "
                        "host like the one that built it, or use --skip-compiler-check)",
                        names, build->gcc_version);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Calls the packaging functions for the shell tests, as syscare-build does.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "rpmtools/faithful.h"
#include "rpmtools/linekeep.h"
#include "rpmtools/package.h"
#include "rpmtools/srpm.h"

#include <string.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char *text_copy(const char *text)
{
    return sc_format("%s", text);
}

/* Metadata for a patch of the package in original, with things in it that are hard to quote. */
static struct patch_info *fill_info(const struct rpm_package *original, const char *name,
                                    const char *release, const char *object)
{
    struct patch_info *info = patch_info_new();
    struct patch_entity *entity = patch_info_add_entity(info);

    info->name = text_copy(name);
    info->version = text_copy("1");
    info->release = text_copy(release);
    info->arch = text_copy("x86_64");
    info->type = text_copy("user");
    info->license = text_copy(original->license);
    info->description = text_copy("100 % safe\n%files\n %if 1\n$(touch x) \\\n`touch y` %{nil}\n");
    string_list_add(&info->cves, "CVE-2025-0001");
    info->target.name = text_copy(original->name);
    info->target.epoch = original->epoch ? text_copy(original->epoch) : NULL;
    info->target.version = text_copy(original->version);
    info->target.release = text_copy(original->release);
    info->target.arch = text_copy("x86_64");
    info->target.license = text_copy(original->license);
    info->build.faithfulness = text_copy("build-id");
    info->build.gcc = text_copy("12.2.0");
    entity->target_elf = text_copy("/usr/bin/sc test$");
    entity->file = text_copy(strrchr(object, '/') + 1);
    entity->build_id = text_copy("0123");
    entity->target_digest = text_copy(HEX64);
    string_list_add(&entity->functions, "main");
    return info;
}

/* make NAME RELEASE SRPM OBJECT OUTPUT WORK PATCH... */
static int run_make(char **argv, struct sc_error **err)
{
    cleanup_rpm struct rpm_package *original = rpm_package_read(argv[2], err);
    cleanup_patch_info struct patch_info *info = NULL;
    cleanup_strings struct string_list objects = {0}, patches = {0};
    struct package_result result;
    struct package_job job = {.objects = &objects,
                              .patches = &patches,
                              .source_rpm = argv[2],
                              .output = argv[4],
                              .work = argv[5],
                              .date = 1700000000};

    if (!original)
        return -1;
    job.info = info = fill_info(original, argv[0], argv[1], argv[3]);
    string_list_add(&objects, argv[3]);
    for (char **patch = argv + 6; *patch; patch++) {
        const char *slash = strrchr(*patch, '/');

        string_list_add(&patches, *patch);
        patch_info_add_patch(info)->name = text_copy(slash ? slash + 1 : *patch);
    }
    if (package_make(&job, &result, err) < 0)
        return -1;
    printf("%s\n%s\n", result.binary, result.source);
    package_result_clear(&result);
    return 0;
}

/* open SRPM DIRECTORY: what a cumulative build learns from a patch source RPM. */
static int run_open(char **argv, struct sc_error **err)
{
    cleanup_free char *release = NULL;
    struct package_source source;
    int found = package_read_source(argv[0], argv[1], &source, err);

    if (found <= 0) {
        if (found == 0)
            puts("not a patch source package");
        return found;
    }
    release = package_next_release(source.info->release, err);
    printf("%s\n%s\n", strrchr(source.source_rpm, '/') + 1, release ? release : "?");
    for (size_t i = 0; i < source.patches.count; i++)
        printf("%s %s\n", source.info->patches[i].name, strrchr(source.patches.items[i], '/') + 1);
    package_source_clear(&source);
    return release ? 0 : -1;
}

/* info RPM: what the header says, one line each. */
static int run_info(char **argv, struct sc_error **err)
{
    static const char *const kinds[] = {"?", "source", "binary", "debuginfo", "debugsource"};
    cleanup_rpm struct rpm_package *package = rpm_package_read(argv[0], err);
    cleanup_free char *nvr = package ? rpm_package_nvr(package) : NULL;
    cleanup_free char *evr = package ? rpm_package_evr(package) : NULL;

    if (!package)
        return -1;
    printf("%s %s\n%s\n%s\n", kinds[package->kind], nvr, evr, package->license);
    printf("%s\n%s\n", package->spec ? package->spec : "-",
           package->source_rpm ? package->source_rpm : "-");
    printf("%llu %d\n", (unsigned long long)package->changelog_time, package->build_time > 0);
    for (size_t i = 0; i < package->requires.count; i++)
        if (strncmp(package->requires.items[i], "rpmlib(", 7) != 0)
            printf("requires %s\n", package->requires.items[i]);
    return 0;
}

/* unpack RPM DIRECTORY: as a source package where it is one. */
static int run_unpack(char **argv, struct sc_error **err)
{
    cleanup_rpm struct rpm_package *package = rpm_package_read(argv[0], err);
    cleanup_free char *spec = NULL;

    if (!package)
        return -1;
    if (package->kind != RPM_PACKAGE_SOURCE)
        return rpm_package_unpack(package, argv[1], err);
    if (srpm_unpack(package, argv[1], &spec, err) < 0)
        return -1;
    puts(spec);
    return 0;
}

/* missing SRPM ROOT: build dependencies that the root's rpm database lacks. */
static int run_missing(char **argv, struct sc_error **err)
{
    cleanup_rpm struct rpm_package *package = rpm_package_read(argv[0], err);
    cleanup_strings struct string_list missing = {0};
    int status = package ? srpm_missing_requires(package, argv[1], &missing, err) : -1;

    if (status == SRPM_REQUIRES_UNKNOWN)
        puts("empty");
    for (size_t i = 0; i < missing.count; i++)
        puts(missing.items[i]);
    return status < 0 ? -1 : 0;
}

/* faithful SRPM OWN_ROOT ELF WORK RPM...: level and reason. */
static int run_faithful(char **argv, struct sc_error **err)
{
    cleanup_rpm struct rpm_package *srpm = rpm_package_read(argv[0], err);
    cleanup_strings struct string_list rpms = {0};
    struct faithful_result result;
    struct faithful *faithful;
    int status;

    for (char **rpm = argv + 4; *rpm; rpm++)
        string_list_add(&rpms, *rpm);
    faithful = srpm ? faithful_open(srpm, &rpms, argv[3], err) : NULL;
    if (!faithful)
        return -1;
    status = faithful_check(faithful, argv[1], argv[2], &result, err);
    if (status == 0) {
        printf("%s%s%s\n", faithful_level_name(result.level), result.reason ? ": " : "",
               result.reason ? result.reason : "");
        faithful_result_clear(&result);
    }
    faithful_close(faithful);
    return status;
}

/* keep ORIGINAL PATCHED: line numbers of the changed files of a tree, as a build keeps them. */
static int run_keep(char **argv, struct sc_error **err)
{
    struct linekeep_report report = {0};
    int status = linekeep_tree(argv[0], argv[1], NULL, &report, err);

    if (status == 0)
        printf("%zu files\n", report.kept.count);
    linekeep_report_clear(&report);
    return status;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(char **argv, struct sc_error **err);
        int arguments;
    } commands[] = {
        {"make", run_make, 7},     {"open", run_open, 2},       {"info", run_info, 1},
        {"unpack", run_unpack, 2}, {"missing", run_missing, 2}, {"faithful", run_faithful, 4},
        {"keep", run_keep, 2},
    };
    cleanup_error struct sc_error *err = NULL;

    for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) != 0 || argc - 2 < commands[i].arguments)
            continue;
        if (commands[i].run(argv + 2, &err) == 0)
            return 0;
        fprintf(stderr, "%s\n", err ? err->message : "?");
        return (int)sc_error_status(err);
    }
    fprintf(stderr, "usage: package-tool COMMAND ARGUMENT...\n");
    return SC_USAGE;
}

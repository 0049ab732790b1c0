// SPDX-License-Identifier: GPL-2.0-or-later
// Makes the patch RPM and the patch source RPM with rpmbuild.
#include "rpmtools/package.h"

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/run.h"
#include "rpmtools/package_P.h"
#include "rpmtools/srpm.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* Everything that is the same for all files of one call. */
struct maker {
    const struct package_job *job;
    struct patch_info *info;
    struct rpm_package *original;
    char *work;    /* absolute */
    char *sources; /* work/SOURCES */
    char *stage;   /* the patch's directory as it will be installed */
};

static void maker_clear(struct maker *maker)
{
    rpm_package_free(maker->original);
    free(maker->work);
    free(maker->sources);
    free(maker->stage);
}

/* Puts text into *to, which must be empty or equal. */
static int settle(char **to, const char *text, const char *what, struct sc_error **err)
{
    if (*to && strcmp(*to, text) != 0)
        return sc_error_set(err, SC_FAILED, "%s should be %s and is %s", what, *to, text);
    if (!*to)
        *to = sc_format("%s", text);
    return 0;
}

/*
 * Where metadata has the digest of a file already, this is where a file that was exchanged
 * shows.
 */
static int settle_digest(char **to, const char *path, struct sc_error **err)
{
    cleanup_free char *what = sc_format("the digest of %s", path);
    uint8_t digest[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE];

    if (sc_digest_file(path, digest, err) < 0)
        return -1;
    sc_hex_encode(digest, sizeof(digest), hex);
    return settle(to, hex, what, err);
}

/* Names that a user gives, so that the message can be about them. */
static int check_names(const struct patch_info *info, struct sc_error **err)
{
    if (!patch_name_valid(info->name))
        return sc_error_set(err, SC_USAGE,
                            "'%s' cannot be a patch's name: letters, digits, '_' and '.' only",
                            info->name);
    if (!patch_version_valid(info->version) || !patch_version_valid(info->release))
        return sc_error_set(err, SC_USAGE,
                            "'%s-%s' cannot be a patch's version and release: letters, digits and "
                            "'._+~^' only",
                            info->version, info->release);
    return 0;
}

/* Calculates what the files decide: digests first, then the uuids that depend on them. */
static int settle_info(const struct package_job *job, struct sc_error **err)
{
    struct patch_info *info = job->info;
    char uuid[SC_UUID_SIZE];

    if (check_names(info, err) < 0)
        return -1;
    if (info->entity_count != job->objects->count || info->patch_count != job->patches->count)
        return sc_error_set(err, SC_FAILED, "as many patch objects and patches as metadata needed");
    for (size_t i = 0; i < info->patch_count; i++)
        if (settle_digest(&info->patches[i].sha256, job->patches->items[i], err) < 0)
            return -1;
    patch_info_uuid(info, uuid);
    if (settle(&info->uuid, uuid, "the uuid", err) < 0)
        return -1;
    for (size_t i = 0; i < info->entity_count; i++) {
        struct patch_entity *entity = &info->entities[i];

        patch_entity_uuid(info->uuid, entity->target_elf, uuid);
        if (settle(&entity->uuid, uuid, entity->target_elf, err) < 0 ||
            settle_digest(&entity->sha256, job->objects->items[i], err) < 0)
            return -1;
    }
    return 0;
}

/* Copies a file with a time that does not depend on when it was made. */
static int place_file(const struct maker *maker, const char *from, const char *directory,
                      const char *name, struct sc_error **err)
{
    cleanup_free char *to = sc_format("%s/%s", directory, name);
    struct timespec times[2] = {{.tv_sec = (time_t)maker->job->date},
                                {.tv_sec = (time_t)maker->job->date}};

    if (sc_file_copy(from, to, err) < 0)
        return -1;
    if (chmod(to, 0644) < 0 || utimensat(AT_FDCWD, to, times, 0) < 0)
        return sc_error_errno(err, "cannot set the time of %s", to);
    return 0;
}

/* patch_info goes to both packages. */
static int place_info(const struct maker *maker, struct sc_error **err)
{
    cleanup_free char *made = sc_format("%s/%s", maker->work, SC_PATCH_INFO_FILE);

    if (patch_info_write(maker->info, made, err) < 0 ||
        place_file(maker, made, maker->sources, SC_PATCH_INFO_FILE, err) < 0)
        return -1;
    return place_file(maker, made, maker->stage, SC_PATCH_INFO_FILE, err);
}

/* The stage is what the binary package installs; all else goes into the source package. */
static int place_files(const struct maker *maker, const char *source_rpm, struct sc_error **err)
{
    const struct package_job *job = maker->job;

    if (place_info(maker, err) < 0 ||
        place_file(maker, job->source_rpm, maker->sources, source_rpm, err) < 0)
        return -1;
    for (size_t i = 0; i < job->patches->count; i++) {
        cleanup_free char *name = package_patch_file(maker->info, i);

        if (place_file(maker, job->patches->items[i], maker->sources, name, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < job->objects->count; i++)
        if (place_file(maker, job->objects->items[i], maker->stage, maker->info->entities[i].file,
                       err) < 0)
            return -1;
    return 0;
}

/* Also with a fixed time: the spec is a file of the source package. */
static char *write_spec(const struct maker *maker, const char *source_rpm, struct sc_error **err)
{
    cleanup_free char *text = package_spec(maker->info, source_rpm);
    cleanup_free char *path = sc_format("%s/%s", maker->work, PACKAGE_SPEC);

    if (sc_file_replace(path, text, strlen(text), 0644, err) < 0 ||
        place_file(maker, path, maker->sources, PACKAGE_SPEC, err) < 0)
        return NULL;
    return sc_format("%s/%s", maker->sources, PACKAGE_SPEC);
}

/*
 * Everything of the host's and the user's macros that could get into a package or change its
 * files. gzip: each rpm in the field can unpack it.
 */
static void add_defines(struct string_list *argv, const char *work)
{
    static const char *const fixed[] = {
        "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
        "debug_package %{nil}",
        "_enable_debug_packages 0",
        "_build_id_links none",
        "__os_install_post %{nil}",
        "__spec_install_post %{nil}",
        "__check_files %{nil}",
        "__brp_mangle_shebangs %{nil}",
        "_binary_payload w9.gzdio",
        "_source_payload w9.gzdio",
        "_binary_filedigest_algorithm 8",
        "_source_filedigest_algorithm 8",
        "_buildhost syscare",
        "use_source_date_epoch_as_buildtime 1",
        "clamp_mtime_to_source_date_epoch 1",
        "source_date_epoch_from_changelog 0",
        "optflags %{nil}",
    };
    /* tags that rpm takes from macros, where they are set */
    static const char *const absent[] = {"vendor",  "packager", "distribution",
                                         "disturl", "bugurl",   "disttag"};

    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        string_list_add(argv, "--define");
        string_list_add(argv, fixed[i]);
    }
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        string_list_format(argv, "--undefine=%s", absent[i]);
    string_list_add(argv, "--define");
    string_list_format(argv, "_topdir %s", work);
    for (const char *const *name =
             (const char *const[]){"_sourcedir SOURCES", "_specdir SOURCES", "_builddir BUILD",
                                   "_rpmdir RPMS", "_srcrpmdir RPMS", "_tmppath tmp",
                                   "_buildrootdir BUILDROOT", NULL};
         *name; name++) {
        const char *blank = strchr(*name, ' ');

        string_list_add(argv, "--define");
        string_list_format(argv, "%.*s %s/%s", (int)(blank - *name), *name, work, blank + 1);
    }
}

static int make_directories(const struct maker *maker, struct sc_error **err)
{
    static const char *const names[] = {"BUILD", "RPMS", "tmp", "BUILDROOT", "home"};

    if (sc_dir_make(maker->sources, 0755, err) < 0 || sc_dir_make(maker->stage, 0755, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cleanup_free char *path = sc_format("%s/%s", maker->work, names[i]);

        if (sc_dir_make(path, 0755, err) < 0)
            return -1;
    }
    return 0;
}

/*
 * --nodeps: the package has no build dependencies, and the host's rpm database may be empty
 * (Debian). HOME, so that the user's ~/.rpmmacros is not read.
 */
static int run_rpmbuild(const struct maker *maker, const char *spec, struct sc_error **err)
{
    cleanup_free char *log = sc_format("%s/rpmbuild.log", maker->work);
    cleanup_free char *home = sc_format("HOME=%s/home", maker->work);
    cleanup_free char *date =
        sc_format("SOURCE_DATE_EPOCH=%llu", (unsigned long long)maker->job->date);
    cleanup_strings struct string_list argv = {0};
    const char *const env[] = {home, date, "LC_ALL=C", "RPM_BUILD_ROOT", "XDG_CONFIG_HOME", NULL};
    struct sc_run run = {.env = env, .log = log, .directory = maker->work};
    int status;

    string_list_add(&argv, "rpmbuild");
    string_list_add(&argv, "-ba");
    string_list_add(&argv, "--nodeps");
    add_defines(&argv, maker->work);
    string_list_add(&argv, spec);
    run.argv = (const char *const *)argv.items;
    status = sc_run(&run, err);
    if (status > 0)
        return sc_error_set(err, SC_FAILED, "rpmbuild ended with status %d, see %s", status, log);
    return status;
}

/* Moves a package to where the user wants it; returns its path. */
static char *deliver(const struct maker *maker, const char *file, struct sc_error **err)
{
    cleanup_free char *from = sc_format("%s/RPMS/%s", maker->work, file);
    cleanup_free char *to = sc_format("%s/%s", maker->job->output, file);

    if (!sc_file_exists(from)) {
        sc_error_set(err, SC_FAILED, "rpmbuild made no %s", file);
        return NULL;
    }
    return sc_file_copy(from, to, err) < 0 ? NULL : steal_pointer(&to);
}

/* Both or none: a patch RPM without its source could not be continued. */
static int deliver_all(const struct maker *maker, struct package_result *result,
                       struct sc_error **err)
{
    const struct patch_info *info = maker->info;
    cleanup_free char *name = package_name(info);
    cleanup_free char *binary =
        sc_format("patch-%s-%s-%s.%s.rpm", name, info->version, info->release, info->arch);
    cleanup_free char *source = sc_format("%s-%s-%s.src.rpm", name, info->version, info->release);

    if (sc_dir_make(maker->job->output, 0755, err) < 0)
        return -1;
    result->binary = deliver(maker, binary, err);
    result->source = result->binary ? deliver(maker, source, err) : NULL;
    if (result->source)
        return 0;
    package_result_clear(result);
    return -1;
}

static int make_all(struct maker *maker, struct package_result *result, struct sc_error **err)
{
    cleanup_free char *nvr = rpm_package_nvr(maker->original);
    cleanup_free char *source_rpm = sc_format("%s.src.rpm", nvr);
    cleanup_free char *spec = NULL;

    if (make_directories(maker, err) < 0 || place_files(maker, source_rpm, err) < 0)
        return -1;
    spec = write_spec(maker, source_rpm, err);
    if (!spec || run_rpmbuild(maker, spec, err) < 0)
        return -1;
    return deliver_all(maker, result, err);
}

/* The path becomes part of macros and of scripts for the shell. */
static bool path_is_plain(const char *path)
{
    return !path[strspn(path, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "/._+,:=@~^-")];
}

/* work is emptied first: a package of an earlier run must not be taken for ours. */
static int maker_open(struct maker *maker, struct sc_error **err)
{
    cleanup_free char *below = sc_format("%s/package", maker->job->work);

    if (sc_tree_remove(below, err) < 0 || sc_dir_make(below, 0755, err) < 0)
        return -1;
    maker->work = realpath(below, NULL);
    if (!maker->work)
        return sc_error_errno(err, "%s", below);
    if (!path_is_plain(maker->work))
        return sc_error_set(err, SC_USAGE, "rpmbuild cannot work in a directory called '%s'",
                            maker->work);
    maker->sources = sc_format("%s/SOURCES", maker->work);
    maker->stage =
        sc_format("%s/" PACKAGE_STAGE PACKAGE_PATCH_DIR "/%s", maker->sources, maker->info->uuid);
    maker->original = rpm_package_read(maker->job->source_rpm, err);
    if (!maker->original)
        return -1;
    if (maker->original->kind != RPM_PACKAGE_SOURCE)
        return sc_error_set(err, SC_USAGE, "%s is not a source package", maker->job->source_rpm);
    return 0;
}

int package_make(const struct package_job *job, struct package_result *result,
                 struct sc_error **err)
{
    struct maker maker = {.job = job, .info = job->info};
    int status = -1;

    *result = (struct package_result){0};
    if (settle_info(job, err) == 0 && maker_open(&maker, err) == 0)
        status = make_all(&maker, result, err);
    maker_clear(&maker);
    return status < 0 ? sc_error_wrap(err, "cannot make the packages") : 0;
}

void package_result_clear(struct package_result *result)
{
    free(result->binary);
    free(result->source);
    *result = (struct package_result){0};
}

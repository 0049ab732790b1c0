// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the shipped counterpart of a rebuilt ELF file and proves that they are the same.
#include "rpmtools/faithful.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/target_digest.h"
#include "rpmtools/faithful_P.h"

#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

struct faithful {
    char *root; /* the shipped packages, all unpacked into one tree */
    /* What can stand between a file's name and ".debug": "", "-7.0.15-1.fc39.x86_64". */
    struct string_list suffixes;
    struct string_list architectures; /* of the packages given */
    struct string_list seen;          /* paths of the packages that were unpacked */
};

/* A pair of files: the program and its separate .debug file; either may be NULL. */
struct version {
    struct elf_file *elf, *debug;
};

static void version_close(struct version *version)
{
    elf_file_close(version->elf);
    elf_file_close(version->debug);
}

/* The names that rpm gives the .debug files of a package depend on these. */
static void add_suffix(struct faithful *faithful, const struct rpm_package *package,
                       const char *version, const char *release)
{
    cleanup_free char *suffix = sc_format("-%s-%s.%s", version, release, package->arch);

    if (!string_list_has(&faithful->suffixes, suffix))
        string_list_add(&faithful->suffixes, suffix);
}

/* Once each: a package that was given also lies "beside" itself. */
static int add_package(struct faithful *faithful, const struct rpm_package *srpm,
                       const struct rpm_package *package, struct sc_error **err)
{
    if (string_list_has(&faithful->seen, package->path))
        return 0;
    string_list_add(&faithful->seen, package->path);
    add_suffix(faithful, package, package->version, package->release);
    add_suffix(faithful, package, srpm->version, srpm->release);
    return rpm_package_unpack(package, faithful->root, err);
}

/* True if the package was built from srpm, as its header says. */
static bool is_built_from(const struct rpm_package *package, const struct rpm_package *srpm)
{
    cleanup_free char *nvr = rpm_package_nvr(srpm);
    size_t size = strlen(nvr);

    return package->source_rpm && strncmp(package->source_rpm, nvr, size) == 0 &&
           (strcmp(package->source_rpm + size, ".src.rpm") == 0 ||
            strcmp(package->source_rpm + size, ".nosrc.rpm") == 0);
}

/* A package that the user names must fit. */
static int add_given(struct faithful *faithful, const struct rpm_package *srpm, const char *path,
                     struct sc_error **err)
{
    cleanup_rpm struct rpm_package *package = rpm_package_read(path, err);
    cleanup_free char *real = realpath(path, NULL);

    if (!package)
        return -1;
    if (package->kind == RPM_PACKAGE_SOURCE)
        return sc_error_set(err, SC_USAGE, "%s is a source package, not one that was built", path);
    if (!is_built_from(package, srpm)) {
        cleanup_free char *nvr = rpm_package_nvr(srpm);

        return sc_error_set(err, SC_FAILED,
                            "%s was built from %s, not from %s: it is of another build", path,
                            package->source_rpm ? package->source_rpm : "an unknown source", nvr);
    }
    if (!string_list_has(&faithful->architectures, package->arch))
        string_list_add(&faithful->architectures, package->arch);
    free(package->path);
    package->path = real ? steal_pointer(&real) : sc_format("%s", path);
    return add_package(faithful, srpm, package, err);
}

/* Another package found beside: it is used if it is of the same build, and ignored if not. */
static int add_beside(struct faithful *faithful, const struct rpm_package *srpm, const char *path,
                      struct sc_error **err)
{
    cleanup_rpm struct rpm_package *package = rpm_package_read(path, NULL);

    if (!package || package->kind == RPM_PACKAGE_SOURCE ||
        package->kind == RPM_PACKAGE_DEBUGSOURCE || !is_built_from(package, srpm) ||
        !string_list_has(&faithful->architectures, package->arch))
        return 0;
    return add_package(faithful, srpm, package, err);
}

static int is_rpm(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);

    return size > 4 && strcmp(entry->d_name + size - 4, ".rpm") == 0;
}

static int add_directory(struct faithful *faithful, const struct rpm_package *srpm,
                         const char *directory, struct sc_error **err)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_rpm, alphasort), result = 0;

    for (int i = 0; i < count; i++) {
        cleanup_free char *path = sc_format("%s/%s", directory, entries[i]->d_name);

        if (result == 0)
            result = add_beside(faithful, srpm, path, err);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return result;
}

static int add_all(struct faithful *faithful, const struct rpm_package *srpm,
                   const struct string_list *rpms, struct sc_error **err)
{
    cleanup_strings struct string_list directories = {0};

    for (size_t i = 0; i < rpms->count; i++)
        if (add_given(faithful, srpm, rpms->items[i], err) < 0)
            return -1;
    for (size_t i = 0; i < faithful->seen.count; i++) {
        cleanup_free char *copy = sc_format("%s", faithful->seen.items[i]);
        const char *directory = dirname(copy);

        if (!string_list_has(&directories, directory))
            string_list_add(&directories, directory);
    }
    for (size_t i = 0; i < directories.count; i++)
        if (add_directory(faithful, srpm, directories.items[i], err) < 0)
            return -1;
    return 0;
}

struct faithful *faithful_open(const struct rpm_package *srpm, const struct string_list *rpms,
                               const char *work, struct sc_error **err)
{
    struct faithful *faithful = calloc(1, sizeof(*faithful));

    if (!faithful)
        abort();
    faithful->root = sc_format("%s/shipped", work);
    string_list_add(&faithful->suffixes, "");
    add_suffix(faithful, srpm, srpm->version, srpm->release);
    if (sc_tree_remove(faithful->root, err) == 0 && sc_dir_make(faithful->root, 0755, err) == 0 &&
        add_all(faithful, srpm, rpms, err) == 0)
        return faithful;
    faithful_close(faithful);
    return NULL;
}

void faithful_close(struct faithful *faithful)
{
    if (!faithful)
        return;
    free(faithful->root);
    string_list_clear(&faithful->suffixes);
    string_list_clear(&faithful->architectures);
    string_list_clear(&faithful->seen);
    free(faithful);
}

/* Not through links: what an unpacked package points at on this host is not part of it. */
static bool is_regular(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Opens root/elf_path if it is a file there; links would lead out of the tree. */
static struct elf_file *open_program(const char *root, const char *elf_path, struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s%s", root, elf_path);

    return is_regular(path) ? elf_file_open(path, err) : NULL;
}

/* find-debuginfo names them so; %_unique_debug_names decides which. */
static struct elf_file *open_debug(const struct faithful *faithful, const char *root,
                                   const char *elf_path)
{
    for (size_t i = 0; i < faithful->suffixes.count; i++) {
        cleanup_free char *path =
            sc_format("%s/usr/lib/debug%s%s.debug", root, elf_path, faithful->suffixes.items[i]);

        if (is_regular(path))
            return elf_file_open(path, NULL);
    }
    return NULL;
}

/* The build-id in hex; NULL when there is none. */
static char *build_id_text(struct elf_file *file)
{
    uint8_t id[SC_BUILD_ID_MAX];
    int size = file ? elf_build_id(file, id, NULL) : 0;
    char *hex = size > 0 ? malloc(2 * (size_t)size + 1) : NULL;

    if (hex)
        sc_hex_encode(id, (size_t)size, hex);
    return hex;
}

/* The file that is installed on this host with the build-id, by rpm's links to all such files. */
static struct elf_file *open_installed(const char *build_id)
{
    cleanup_free char *path = NULL;
    cleanup_free char *found = NULL;
    struct elf_file *file;

    if (!build_id || strlen(build_id) < 4)
        return NULL;
    path = sc_format("/usr/lib/.build-id/%.2s/%s", build_id, build_id + 2);
    file = elf_file_open(path, NULL);
    found = build_id_text(file);
    if (found && strcmp(found, build_id) == 0)
        return file;
    elf_file_close(file);
    return NULL;
}

/* With dwz, part of the debugging information is in a file that several .debug files share. */
static int same_alternates(struct elf_file *shipped, struct elf_file *own, struct sc_error **err)
{
    const char *a = faithful_alternate(shipped), *b = faithful_alternate(own);
    cleanup_elf struct elf_file *a_file = NULL;
    cleanup_elf struct elf_file *b_file = NULL;
    cleanup_free char *a_path = NULL, *a_copy = sc_format("%s", shipped->path);
    cleanup_free char *b_path = NULL, *b_copy = sc_format("%s", own->path);

    if (!a && !b)
        return 0;
    if (!a || !b || strcmp(a, b) != 0 || *a == '/')
        return sc_error_set(err, SC_REFUSED,
                            "the shared debugging information is '%s' shipped, "
                            "'%s' rebuilt",
                            a ? a : "none", b ? b : "none");
    a_path = sc_format("%s/%s", dirname(a_copy), a);
    b_path = sc_format("%s/%s", dirname(b_copy), b);
    a_file = elf_file_open(a_path, err);
    b_file = a_file ? elf_file_open(b_path, err) : NULL;
    if (!b_file || faithful_same_debug(a_file, b_file, err) < 0)
        return sc_error_wrap(err, "the shared debugging information %s", a);
    return 0;
}

/*
 * Without the program itself: its section table and symbols are in the .debug file, and the
 * debugging information tells all but constants. own->elf gives the layout: it has the types of
 * sections that the .debug file lost.
 */
static int compare_debug(const struct version *shipped, const struct version *own,
                         struct sc_error **err)
{
    struct elf_file *own_debug = own->debug ? own->debug : own->elf;

    if (faithful_same_layout(shipped->debug, own->elf, err) < 0 ||
        faithful_same_symbols(shipped->debug, own_debug, err) < 0 ||
        faithful_same_debug(shipped->debug, own_debug, err) < 0)
        return -1;
    return same_alternates(shipped->debug, own_debug, err);
}

/*
 * The level that is proven, or NONE with err set to why not. Equal build-ids alone are not taken:
 * a package may set them itself (ld --build-id=0x…). What is at hand must agree too.
 */
static enum faithful_level compare(const struct version *shipped, const struct version *own,
                                   bool same_id, struct sc_error **err)
{
    struct elf_file *own_debug = own->debug ? own->debug : own->elf;

    if (shipped->elf) {
        if (faithful_same_code(shipped->elf, own->elf, own_debug, err) < 0)
            return FAITHFUL_NONE;
        return same_id ? FAITHFUL_BUILD_ID : FAITHFUL_SECTIONS;
    }
    if (!same_id)
        return compare_debug(shipped, own, err) < 0 ? FAITHFUL_NONE : FAITHFUL_DEBUGINFO;
    if (faithful_same_layout(shipped->debug, own->elf, err) < 0 ||
        faithful_same_symbols(shipped->debug, own_debug, err) < 0)
        return FAITHFUL_NONE;
    return FAITHFUL_BUILD_ID;
}

/* Puts what differs into the result, with the functions and the compilers if they differ too. */
static void explain(const struct version *shipped, const struct version *own,
                    const struct sc_error *why, struct faithful_result *result)
{
    struct elf_file *a = shipped->debug ? shipped->debug : shipped->elf;
    struct elf_file *b = own->debug ? own->debug : own->elf;
    cleanup_free char *functions = faithful_resized(a, b);
    cleanup_free char *compilers = faithful_compilers(a, b);

    result->reason =
        sc_format("%s%s%s%s%s", why->message, functions ? "; " : "", functions ? functions : "",
                  compilers ? "; " : "", compilers ? compilers : "");
}

/* The shipped files, wherever they are. A host's file must have the right build-id. */
static void find_shipped(const struct faithful *faithful, const char *elf_path, const char *own_id,
                         struct version *shipped)
{
    cleanup_free char *id = NULL;

    shipped->elf = open_program(faithful->root, elf_path, NULL);
    shipped->debug = open_debug(faithful, faithful->root, elf_path);
    if (shipped->elf)
        return;
    id = build_id_text(shipped->debug);
    shipped->elf = open_installed(id ? id : own_id);
}

/* Fills in what was found, and checks that the shipped program and its .debug file belong together.
 */
static int identify(const struct version *shipped, struct faithful_result *result,
                    const char *elf_path, struct sc_error **err)
{
    cleanup_free char *debug_id = build_id_text(shipped->debug);

    if (!shipped->elf && !shipped->debug)
        return sc_error_set(err, SC_REFUSED, "no shipped package at hand has %s or its .debug file",
                            elf_path);
    if (shipped->elf)
        result->shipped_elf = sc_format("%s", shipped->elf->path);
    if (shipped->debug)
        result->shipped_debug = sc_format("%s", shipped->debug->path);
    result->build_id = build_id_text(shipped->elf ? shipped->elf : shipped->debug);
    if (!result->build_id)
        return sc_error_set(err, SC_REFUSED, "the shipped %s has no build-id", elf_path);
    if (debug_id && strcmp(debug_id, result->build_id) != 0)
        return sc_error_set(err, SC_REFUSED,
                            "the shipped %s has build-id %s, its debugging information is for %s",
                            elf_path, result->build_id, debug_id);
    return 0;
}

/* What cannot be proven is a result, not an error: the driver decides what to do about it. */
static void check_opened(const struct faithful *faithful, const struct version *own,
                         const char *elf_path, struct faithful_result *result)
{
    cleanup_error struct sc_error *why = NULL;
    cleanup_free char *own_id = build_id_text(own->elf);
    struct version shipped = {0};

    find_shipped(faithful, elf_path, own_id, &shipped);
    if (identify(&shipped, result, elf_path, &why) < 0)
        result->reason = sc_format("%s", why->message);
    else
        result->level =
            compare(&shipped, own, own_id && strcmp(own_id, result->build_id) == 0, &why);
    if (result->level == FAITHFUL_NONE && !result->reason)
        explain(&shipped, own, why, result);
    version_close(&shipped);
}

int faithful_check(struct faithful *faithful, const char *own_root, const char *elf_path,
                   struct faithful_result *result, struct sc_error **err)
{
    struct version own = {0};
    uint8_t digest[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE];
    int status = -1;

    *result = (struct faithful_result){0};
    own.elf = open_program(own_root, elf_path, err);
    if (!own.elf) {
        sc_error_set(err, SC_FAILED, "the rebuild has no file %s", elf_path);
    } else if (target_digest(own.elf, digest, err) == 0) {
        sc_hex_encode(digest, sizeof(digest), hex);
        result->own_digest = sc_format("%s", hex);
        own.debug = open_debug(faithful, own_root, elf_path);
        check_opened(faithful, &own, elf_path, result);
        status = 0;
    }
    version_close(&own);
    return status;
}

int faithful_self(const char *own_root, const char *elf_path, struct faithful_result *result,
                  struct sc_error **err)
{
    cleanup_elf struct elf_file *own = open_program(own_root, elf_path, err);
    uint8_t digest[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE];

    *result = (struct faithful_result){0};
    if (!own)
        return sc_error_set(err, SC_FAILED, "the capture has no file %s", elf_path);
    if (target_digest(own, digest, err) < 0)
        return -1;
    sc_hex_encode(digest, sizeof(digest), hex);
    result->own_digest = sc_format("%s", hex);
    result->build_id = build_id_text(own);
    if (result->build_id)
        result->level = FAITHFUL_SELF;
    else
        result->reason = sc_format("it has no build-id");
    return 0;
}

const char *faithful_level_name(enum faithful_level level)
{
    static const char *const names[] = {"none", "self", "debuginfo", "sections", "build-id"};

    return names[level];
}

void faithful_result_clear(struct faithful_result *result)
{
    free(result->reason);
    free(result->build_id);
    free(result->own_digest);
    free(result->shipped_elf);
    free(result->shipped_debug);
    *result = (struct faithful_result){0};
}

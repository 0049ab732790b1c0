// SPDX-License-Identifier: GPL-2.0-or-later
// Opens patch source RPMs, from which cumulative patches are built.
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "rpmtools/package.h"
#include "rpmtools/package_P.h"
#include "rpmtools/srpm.h"

#include <string.h>

/* The source package among the files; there must be one. */
static int find_original(const char *path, const char *relative, void *data, struct sc_error **err)
{
    char **found = data;
    size_t size = strlen(relative);

    if (size < 8 || strcmp(relative + size - 8, ".src.rpm") != 0)
        return 0;
    if (*found)
        return sc_error_set(err, SC_FAILED, "two source packages: %s and %s", *found, path);
    *found = sc_format("%s", path);
    return 0;
}

/* Puts the patch of this index where its path ends in its true name, and checks its digest. */
static int read_patch(const char *directory, size_t index, struct package_source *source,
                      struct sc_error **err)
{
    const struct patch_file *patch = &source->info->patches[index];
    cleanup_free char *file = package_patch_file(source->info, index);
    cleanup_free char *from = sc_format("%s/SOURCES/%s", directory, file);
    cleanup_free char *folder = sc_format("%s/patches/%04zu", directory, index + 1);
    cleanup_free char *to = sc_format("%s/%s", folder, patch->name);
    uint8_t digest[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE];

    if (sc_dir_make(folder, 0755, err) < 0 || sc_file_copy(from, to, err) < 0 ||
        sc_digest_file(to, digest, err) < 0)
        return -1;
    sc_hex_encode(digest, sizeof(digest), hex);
    if (strcmp(hex, patch->sha256) != 0)
        return sc_error_set(err, SC_FAILED, "%s is not the patch that it was", file);
    string_list_add(&source->patches, to);
    return 0;
}

static int read_unpacked(const char *directory, struct package_source *source,
                         struct sc_error **err)
{
    cleanup_free char *sources = sc_format("%s/SOURCES", directory);
    cleanup_free char *info = sc_format("%s/%s", sources, SC_PATCH_INFO_FILE);

    source->info = patch_info_read(info, err);
    if (!source->info || sc_tree_walk(sources, find_original, &source->source_rpm, err) < 0)
        return -1;
    if (!source->source_rpm)
        return sc_error_set(err, SC_FAILED, "the original source package is not in it");
    for (size_t i = 0; i < source->info->patch_count; i++)
        if (read_patch(directory, i, source, err) < 0)
            return -1;
    return 0;
}

/* The name of the spec decides: the package's own name is the user's choice. */
int package_read_source(const char *path, const char *directory, struct package_source *source,
                        struct sc_error **err)
{
    cleanup_rpm struct rpm_package *package = rpm_package_read(path, err);
    cleanup_free char *spec = NULL;

    *source = (struct package_source){0};
    if (!package)
        return -1;
    if (package->kind != RPM_PACKAGE_SOURCE || !package->spec ||
        strcmp(package->spec, PACKAGE_SPEC) != 0)
        return 0;
    if (srpm_unpack(package, directory, &spec, err) == 0 &&
        read_unpacked(directory, source, err) == 0)
        return 1;
    package_source_clear(source);
    return sc_error_wrap(err, "%s", path);
}

void package_source_clear(struct package_source *source)
{
    free(source->source_rpm);
    patch_info_free(source->info);
    string_list_clear(&source->patches);
    *source = (struct package_source){0};
}

char *package_next_release(const char *release, struct sc_error **err)
{
    size_t digits = strspn(release, "0123456789");
    unsigned long number = strtoul(release, NULL, 10);

    if (digits == 0 || digits > 9) {
        sc_error_set(err, SC_USAGE, "release '%s' cannot be raised: it has no number first",
                     release);
        return NULL;
    }
    return sc_format("%lu%s", number + 1, release + digits);
}

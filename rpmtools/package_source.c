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

/* In the order of the metadata, which is that of application. */
static int read_patches(const char *sources, struct package_source *source, struct sc_error **err)
{
    for (size_t i = 0; i < source->info->patch_count; i++) {
        cleanup_free char *name = package_patch_file(source->info, i);
        cleanup_free char *path = sc_format("%s/%s", sources, name);
        uint8_t digest[SC_DIGEST_SIZE];
        char hex[SC_DIGEST_HEX_SIZE];

        if (sc_digest_file(path, digest, err) < 0)
            return -1;
        sc_hex_encode(digest, sizeof(digest), hex);
        if (strcmp(hex, source->info->patches[i].sha256) != 0)
            return sc_error_set(err, SC_FAILED, "%s is not the patch that it was", name);
        string_list_add(&source->patches, path);
    }
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
    return read_patches(sources, source, err);
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

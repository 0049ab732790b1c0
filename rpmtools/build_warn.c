// SPDX-License-Identifier: GPL-2.0-or-later
// What the author of a patch should know of the package as a whole, though it stands in no way.
#include "rpmtools/build.h"

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "rpmtools/headers.h"

#include <string.h>

/* From the build root; from the capture, which may be older than this list: *headers is NULL then.
 */
static int installed_headers(const struct build *build, struct json_object **headers,
                             struct sc_error **err)
{
    struct json_object *listed = NULL;

    if (!build->archive) {
        *headers = headers_read(build->reference_root, err);
        return *headers ? 0 : -1;
    }
    json_object_object_get_ex(build->archive_result, "headers", &listed);
    *headers = json_object_is_type(listed, json_type_object) ? json_object_get(listed) : NULL;
    return 0;
}

/* Where a file of the original tree with that digest is installed as; NULL for nowhere. */
static const char *installed_as(struct json_object *headers, const char *digest)
{
    json_object_object_foreach(headers, path, value)
    {
        const char *text = json_object_get_string(value);

        if (text && strcmp(text, digest) == 0)
            return path;
    }
    return NULL;
}

/* Headers are installed as they lie in the tree: their contents tell which they are. */
static int warn_header(struct build *build, struct json_object *headers, const char *name,
                       struct sc_error **err)
{
    cleanup_free char *path =
        sc_format("%s/%s/%s", build->base_view, build->source_directory, name);
    uint8_t digest[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE];
    const char *installed;

    if (!sc_file_exists(path))
        return 0;
    if (sc_digest_file(path, digest, err) < 0)
        return -1;
    sc_hex_encode(digest, sizeof(digest), hex);
    installed = installed_as(headers, hex);
    if (installed)
        string_list_format(&build->warnings,
                           "%s is installed as /%s: programs of other packages were compiled with "
                           "its old macros, inline functions and constants, and keep them; look "
                           "whether the new code can live with what they do",
                           name, installed);
    return 0;
}

int build_warn_headers(struct build *build, struct sc_error **err)
{
    cleanup_json struct json_object *headers = NULL;

    if (installed_headers(build, &headers, err) < 0)
        return -1;
    for (size_t i = 0; headers && i < build->changes.changed.count; i++)
        if (headers_named(build->changes.changed.items[i]) &&
            warn_header(build, headers, build->changes.changed.items[i], err) < 0)
            return -1;
    return 0;
}

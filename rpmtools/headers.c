// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the headers that a package installs.
#include "rpmtools/headers.h"

#include "lib/digest.h"
#include "lib/file.h"

#include <string.h>

bool headers_named(const char *path)
{
    static const char *const suffixes[] = {".h", ".hh", ".hpp", ".hxx", ".h++", ".H"};
    const char *name = strrchr(path, '/');
    const char *dot = strrchr(name ? name : path, '.');

    for (size_t i = 0; dot && i < sizeof(suffixes) / sizeof(*suffixes); i++)
        if (strcmp(dot, suffixes[i]) == 0)
            return true;
    return false;
}

static int visit_header(const char *path, const char *relative, void *data, struct sc_error **err)
{
    uint8_t digest[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE];

    if (!headers_named(relative))
        return 0;
    if (sc_digest_file(path, digest, err) < 0)
        return -1;
    sc_hex_encode(digest, sizeof(digest), hex);
    sc_json_add_string(data, relative, hex);
    return 0;
}

struct json_object *headers_read(const char *root, struct sc_error **err)
{
    struct json_object *headers = json_object_new_object();

    if (sc_tree_walk(root, visit_header, headers, err) == 0)
        return headers;
    json_object_put(headers);
    return NULL;
}

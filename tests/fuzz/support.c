// SPDX-License-Identifier: GPL-2.0-or-later
// What the fuzz targets share: files without a name, JSON with a right digest.
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <sys/mman.h>

int fuzz_file(const uint8_t *data, size_t size, char path[64])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    if (fd < 0 || sc_write_all(fd, data, size) < 0)
        abort();
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

char *fuzz_with_digest(const uint8_t *data, size_t size)
{
    const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
    cleanup_free char *text = malloc(size + 1);
    cleanup_json struct json_object *object = NULL;
    uint8_t digest[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE];
    const char *plain;

    if (!text)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    object = sc_json_parse(text, size, NULL);
    if (!object || !json_object_is_type(object, json_type_object))
        return NULL;
    sc_json_add_string(object, "digest", "");
    plain = json_object_to_json_string_ext(object, flags);
    sc_digest_memory(plain, strlen(plain), digest);
    sc_hex_encode(digest, sizeof(digest), hex);
    sc_json_add_string(object, "digest", hex);
    return sc_format("%s", json_object_to_json_string_ext(object, flags));
}

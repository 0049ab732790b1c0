// SPDX-License-Identifier: GPL-2.0-or-later
// SHA-256 of memory and files, by nettle: every compile that is captured loads it, and libcrypto
// would take ten times as long.
#include "lib/digest.h"

#include "lib/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdlib.h>

struct sc_digest {
    struct sha256_ctx context;
};

struct sc_digest *sc_digest_new(void)
{
    struct sc_digest *digest = malloc(sizeof(*digest));

    if (digest)
        sha256_init(&digest->context);
    return digest;
}

void sc_digest_add(struct sc_digest *digest, const void *data, size_t size)
{
    sha256_update(&digest->context, size, data);
}

void sc_digest_finish(struct sc_digest *digest, uint8_t out[SC_DIGEST_SIZE])
{
    sha256_digest(&digest->context, SC_DIGEST_SIZE, out);
    free(digest);
}

void sc_digest_memory(const void *data, size_t size, uint8_t out[SC_DIGEST_SIZE])
{
    struct sc_digest *digest = sc_digest_new();

    if (!digest)
        abort();
    sc_digest_add(digest, data, size);
    sc_digest_finish(digest, out);
}

int sc_digest_file(const char *path, uint8_t out[SC_DIGEST_SIZE], struct sc_error **err)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct sc_digest *digest;
    char buffer[65536];
    ssize_t n;

    if (fd < 0)
        return sc_error_errno(err, "cannot open %s", path);
    digest = sc_digest_new();
    if (!digest)
        return sc_error_errno(err, "cannot read %s", path);
    while ((n = read(fd, buffer, sizeof(buffer))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            sc_error_errno(err, "cannot read %s", path);
            sc_digest_finish(digest, out);
            return -1;
        }
        sc_digest_add(digest, buffer, (size_t)n);
    }
    sc_digest_finish(digest, out);
    return 0;
}

void sc_hex_encode(const uint8_t *data, size_t size, char *hex)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = digits[data[i] >> 4];
        hex[2 * i + 1] = digits[data[i] & 15];
    }
    hex[2 * size] = '\0';
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int sc_hex_decode(const char *hex, uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        int high = digit_value(hex[2 * i]);
        int low = high < 0 ? -1 : digit_value(hex[2 * i + 1]);

        if (low < 0)
            return -1;
        data[i] = (uint8_t)(high << 4 | low);
    }
    return hex[2 * size] ? -1 : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256 of memory and files (FIPS 180-4), by nettle. */
#ifndef SYSCARE_DIGEST_H
#define SYSCARE_DIGEST_H

#include "lib/error.h"

#include <stddef.h>
#include <stdint.h>

#define SC_DIGEST_SIZE 32
#define SC_DIGEST_HEX_SIZE (2 * SC_DIGEST_SIZE + 1) /* with the NUL */

/* A digest in the making; opaque. */
struct sc_digest;

/* NULL only when memory ran out. Finish or free it. */
struct sc_digest *sc_digest_new(void);
void sc_digest_add(struct sc_digest *digest, const void *data, size_t size);
/* Writes the result and frees digest. */
void sc_digest_finish(struct sc_digest *digest, uint8_t out[SC_DIGEST_SIZE]);

/* The digest of one block of memory. */
void sc_digest_memory(const void *data, size_t size, uint8_t out[SC_DIGEST_SIZE]);

/* The digest of a file's contents. 0, or -1 with err set. */
int sc_digest_file(const char *path, uint8_t out[SC_DIGEST_SIZE], struct sc_error **err);

/* Lower-case hexadecimal; hex has room for 2 * size + 1 bytes. */
void sc_hex_encode(const uint8_t *data, size_t size, char *hex);

/* The other way: exactly size bytes from 2 * size digits and a NUL. 0, or -1 when it is not that.
 */
int sc_hex_decode(const char *hex, uint8_t *data, size_t size);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// The syntax of what patch metadata consists of, and the uuids that its contents decide.
#include "lib/digest.h"
#include "lib/patch_info.h"
#include "lib/patch_info_P.h"

#include <stdlib.h>
#include <string.h>

/* The C locale's letters and digits: isalnum(3) would let the locale decide. */
static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* True if text has 1 to max characters, all letters, digits or of more. */
static bool consists_of(const char *text, const char *more, size_t max)
{
    size_t size = 0;

    while (is_word_char(text[size]) || (text[size] && strchr(more, text[size])))
        size++;
    return !text[size] && size >= 1 && size <= max;
}

/* No '-': it parts name, version and release. No '/' and no leading '.': it gets into paths. */
bool patch_name_valid(const char *name)
{
    return consists_of(name, "_.", 64) && name[0] != '.';
}

bool patch_version_valid(const char *text)
{
    return consists_of(text, "._+~^", 64);
}

/* Not first a '-': it would be an option on a command line. */
bool patch_check_package_name(const char *text)
{
    return consists_of(text, "_.+-", 200) && text[0] != '.' && text[0] != '-';
}

/* Packages in the field have versions longer than ours may be. */
bool patch_check_package_version(const char *text)
{
    return consists_of(text, "._+~^", 200);
}

bool patch_check_epoch(const char *text)
{
    return strspn(text, "0123456789") == strlen(text) && *text && strlen(text) <= 10;
}

bool patch_check_arch(const char *text)
{
    return consists_of(text, "_", 32);
}

bool patch_check_type(const char *text)
{
    return strcmp(text, "user") == 0;
}

bool patch_check_faithfulness(const char *text)
{
    static const char *const known[] = {"build-id", "sections", "debuginfo", "self"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(text, known[i]) == 0)
            return true;
    return false;
}

bool patch_check_file(const char *text)
{
    size_t size = strlen(text);

    return patch_check_line(text) && size >= 1 && size <= 255 && !strchr(text, '/') &&
           strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

/* The metadata itself must not be taken for a patch object, nor written over. */
bool patch_check_entity_file(const char *text)
{
    return patch_check_file(text) && strcmp(text, SC_PATCH_INFO_FILE) != 0;
}

/*
 * As the kernel would resolve it with nothing left to resolve: two spellings of one path would
 * be two entities.
 */
bool patch_check_elf_path(const char *text)
{
    if (text[0] != '/' || strlen(text) > 4095 || !patch_check_line(text))
        return false;
    while (*text) {
        size_t size = strcspn(++text, "/");

        /* an empty part is a double slash, or one at the end */
        if (size == 0 || size > 255 || (size == 1 && *text == '.') ||
            (size == 2 && text[0] == '.' && text[1] == '.'))
            return false;
        text += size;
    }
    return true;
}

/* Lower case only: digests and uuids are compared as text. */
static bool is_hex(const char *text, size_t min, size_t max)
{
    size_t size = strspn(text, "0123456789abcdef");

    return !text[size] && size >= min && size <= max;
}

bool patch_check_digest(const char *text)
{
    return is_hex(text, 64, 64);
}

bool patch_check_build_id(const char *text)
{
    return is_hex(text, 2, 64) && strlen(text) % 2 == 0;
}

/*
 * The size of the UTF-8 character at text (RFC 3629), 0 when it is none. What is shown on a
 * terminal must not carry control characters, so C0, DEL and C1 are none either.
 */
static size_t printable_size(const unsigned char *text)
{
    size_t size = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;

    if (text[0] < 0x20 || text[0] == 0x7f || (text[0] >= 0x80 && text[0] < 0xc2) || text[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    /* C1 controls, overlong forms, surrogates, beyond U+10FFFF */
    if ((text[0] == 0xc2 && text[1] < 0xa0) || (text[0] == 0xe0 && text[1] < 0xa0) ||
        (text[0] == 0xed && text[1] >= 0xa0) || (text[0] == 0xf0 && text[1] < 0x90) ||
        (text[0] == 0xf4 && text[1] >= 0x90))
        return 0;
    return size;
}

/* True if text consists of printable characters and those of more. */
static bool is_printable(const char *text, const char *more)
{
    while (*text) {
        size_t size = strchr(more, *text) ? 1 : printable_size((const unsigned char *)text);

        if (!size)
            return false;
        text += size;
    }
    return true;
}

bool patch_check_line(const char *text)
{
    return is_printable(text, "");
}

bool patch_check_filled_line(const char *text)
{
    return *text && patch_check_line(text);
}

bool patch_check_text(const char *text)
{
    return is_printable(text, "\n\t");
}

bool patch_uuid_valid(const char *uuid)
{
    if (strlen(uuid) != SC_UUID_SIZE - 1)
        return false;
    for (size_t i = 0; i < SC_UUID_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? uuid[i] != '-' : !strchr("0123456789abcdef", uuid[i]))
            return false;
    }
    return true;
}

int patch_uuid_decode(const char *uuid, unsigned char bytes[16])
{
    char hex[33];
    size_t size = 0;

    if (!patch_uuid_valid(uuid))
        return -1;
    for (; *uuid; uuid++)
        if (*uuid != '-')
            hex[size++] = *uuid;
    hex[size] = '\0';
    return sc_hex_decode(hex, bytes, 16);
}

/* RFC 9562, 5.8: 122 bits of ours, the version 8 and the variant 10. */
static void uuid_encode(const uint8_t digest[SC_DIGEST_SIZE], char uuid[SC_UUID_SIZE])
{
    uint8_t bytes[16];
    char hex[33];
    char *to = uuid;

    memcpy(bytes, digest, sizeof(bytes));
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    sc_hex_encode(bytes, sizeof(bytes), hex);
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *to++ = '-';
        *to++ = hex[i];
    }
    *to = '\0';
}

/* With its NUL, so that "ab","c" and "a","bc" differ. NULL counts as "". */
static void add_text(struct sc_digest *digest, const char *text)
{
    sc_digest_add(digest, text ? text : "", text ? strlen(text) + 1 : 1);
}

/* The first part tells this use of SHA-256 from others; a later way to calculate gets another. */
void patch_info_uuid(const struct patch_info *info, char uuid[SC_UUID_SIZE])
{
    const char *const parts[] = {
        "syscare patch 1",    info->target.name, info->target.epoch, info->target.version,
        info->target.release, info->target.arch, info->name,         info->version,
        info->release,        info->arch,
    };
    struct sc_digest *digest = sc_digest_new();
    uint8_t out[SC_DIGEST_SIZE];

    if (!digest)
        abort();
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        add_text(digest, parts[i]);
    for (size_t i = 0; i < info->patch_count; i++)
        add_text(digest, info->patches[i].sha256);
    sc_digest_finish(digest, out);
    uuid_encode(out, uuid);
}

void patch_entity_uuid(const char *patch_uuid, const char *target_elf, char uuid[SC_UUID_SIZE])
{
    struct sc_digest *digest = sc_digest_new();
    uint8_t out[SC_DIGEST_SIZE];

    if (!digest)
        abort();
    add_text(digest, "syscare entity 1");
    add_text(digest, patch_uuid);
    add_text(digest, target_elf);
    sc_digest_finish(digest, out);
    uuid_encode(out, uuid);
}

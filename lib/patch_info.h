/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The metadata of a patch: doc/formats.md, "`patch_info`". Written by rpmtools/, read by both. */
#ifndef SYSCARE_PATCH_INFO_H
#define SYSCARE_PATCH_INFO_H

#include "lib/error.h"
#include "lib/string_list.h"

#include <stdbool.h>
#include <stddef.h>

#define SC_PATCH_INFO_FORMAT 1
#define SC_PATCH_INFO_FILE "patch_info" /* its name in the patch's directory */
#define SC_PATCH_INFO_MAX (64u << 20)   /* bytes; the largest file that is read */
#define SC_UUID_SIZE 37                 /* 36 characters and the NUL */

/* The package that the patch is for. */
struct patch_target {
    char *name, *version, *release, *arch, *license;
    char *epoch; /* decimal digits, or NULL when the package has none */
};

/* One patched ELF file of the package. */
struct patch_entity {
    char *uuid;
    char *target_elf;    /* absolute path of the installed file, no "." or ".." in it */
    char *file;          /* the patch object: a plain name in the directory of patch_info */
    char *sha256;        /* of the patch object, 64 hex digits */
    char *build_id;      /* of the target, 2..64 hex digits */
    char *target_digest; /* lib/target_digest.h, 64 hex digits */
    struct string_list functions; /* names of the functions that are replaced; not empty */
};

/* One source patch, in the order in which they are applied. */
struct patch_file {
    char *name; /* a plain file name */
    char *sha256;
};

/* How the patch was built; nothing of it matters to the runtime. */
struct patch_build {
    char *faithfulness;                        /* "build-id", "sections", "debuginfo" or "self" */
    char *gcc;                                 /* version text of the compiler */
    struct string_list defines, with, without; /* as given to rpmbuild */
    struct string_list requires;               /* --patch-requires */
    char *macros;                              /* text of the file of --rpm-macros, or NULL */
};

/* All strings are owned, UTF-8 and, except where it says so, never NULL. */
struct patch_info {
    char *uuid, *name, *version, *release, *arch;
    char *type; /* "user" */
    char *license, *description;
    struct string_list cves; /* "CVE-2025-32023" */
    struct patch_target target;
    struct patch_entity *entities;
    size_t entity_count;
    struct patch_file *patches;
    size_t patch_count;
    struct patch_build build;
    char *digest; /* 64 hex digits; patch_info_read verifies it, patch_info_write makes it */
};

/*
 * Reads and checks a patch_info file: format number, every member's type and syntax, no two
 * entities with the same uuid, file or target_elf, and the digest. Members that are unknown are
 * refused too: the format number changes when a member is added. NULL with err set (it names the
 * file and the member). Free with patch_info_free.
 */
struct patch_info *patch_info_read(const char *path, struct sc_error **err);

/* The same from size bytes of text. */
struct patch_info *patch_info_parse(const char *text, size_t size, struct sc_error **err);

/*
 * Writes info with its digest, atomically, mode 0600. What patch_info_read would refuse is not
 * written. info->digest is replaced. 0, or -1 with err set.
 */
int patch_info_write(struct patch_info *info, const char *path, struct sc_error **err);

/* An empty one to be filled in, or to be freed. Aborts when memory runs out. */
struct patch_info *patch_info_new(void);

/* Appends a zeroed entity or patch; the pointer is good until the next call. */
struct patch_entity *patch_info_add_entity(struct patch_info *info);
struct patch_file *patch_info_add_patch(struct patch_info *info);

/* NULL and half-filled ones are allowed. */
void patch_info_free(struct patch_info *info);
void patch_info_cleanup(struct patch_info **info);
#define cleanup_patch_info __attribute__((cleanup(patch_info_cleanup)))

/*
 * The uuid that the contents decide: target, name, version, release, arch of info and the
 * digests of its patches in their order, hashed by SHA-256 into the layout of RFC 9562 version 8.
 */
void patch_info_uuid(const struct patch_info *info, char uuid[SC_UUID_SIZE]);

/* The uuid of the entity for target_elf, from the patch's uuid. */
void patch_entity_uuid(const char *patch_uuid, const char *target_elf, char uuid[SC_UUID_SIZE]);

/* True for 8-4-4-4-12 lower-case hexadecimal digits. */
bool patch_uuid_valid(const char *uuid);

/* The 16 bytes of a uuid, as sc_patch_note has them. 0, or -1 when it is not valid. */
int patch_uuid_decode(const char *uuid, unsigned char bytes[16]);

/* True if name can be a patch's name: letters, digits, '_' and '.', not first a '.', at most 64. */
bool patch_name_valid(const char *name);

/* True if text can be a version or release of an RPM: letters, digits, and "._+~^", at most 64. */
bool patch_version_valid(const char *text);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the patch_info of patch objects that tests made without the differ.
//
// usage: daemon-patch-info DIR UUID NAME VERSION [ENTITY-UUID FILE TARGET_ELF REAL_ELF]...
// The objects are DIR/FILE; the target package is sctarget-VERSION-1.x86_64.
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/elf_file.h"
#include "lib/file.h"
#include "lib/patch_info.h"
#include "lib/target_digest.h"

#include <string.h>

static char *text(const char *value)
{
    return sc_format("%s", value);
}

static int add_entity(struct patch_info *info, const char *dir, char **words, struct sc_error **err)
{
    struct patch_entity *entity = patch_info_add_entity(info);
    cleanup_free char *object = sc_format("%s/%s", dir, words[1]);
    cleanup_elf struct elf_file *elf = elf_file_open(words[3], err);
    uint8_t digest[SC_DIGEST_SIZE], id[SC_BUILD_ID_MAX];
    char hex[SC_DIGEST_HEX_SIZE];
    int size = elf ? elf_build_id(elf, id, err) : -1;

    if (size < 0)
        return -1;
    entity->uuid = text(words[0]);
    entity->file = text(words[1]);
    entity->target_elf = text(words[2]);
    sc_hex_encode(id, (size_t)size, hex);
    entity->build_id = text(hex);
    if (target_digest(elf, digest, err) < 0)
        return -1;
    sc_hex_encode(digest, sizeof(digest), hex);
    entity->target_digest = text(hex);
    if (sc_digest_file(object, digest, err) < 0)
        return -1;
    sc_hex_encode(digest, sizeof(digest), hex);
    entity->sha256 = text(hex);
    string_list_add(&entity->functions, "answer0");
    return 0;
}

static void fill(struct patch_info *info, char **argv)
{
    struct patch_file *file = patch_info_add_patch(info);

    info->uuid = text(argv[2]);
    info->name = text(argv[3]);
    info->version = text("1");
    info->release = text("1");
    info->arch = text("x86_64");
    info->type = text("user");
    info->license = text("GPL-2.0-or-later");
    info->description = text("A patch for tests.");
    string_list_add(&info->cves, "CVE-2025-0001");
    info->target.name = text("sctarget");
    info->target.version = text(argv[4]);
    info->target.release = text("1");
    info->target.arch = text("x86_64");
    info->target.license = text("GPL-2.0-or-later");
    file->name = text("fix.patch");
    file->sha256 = text("0000000000000000000000000000000000000000000000000000000000000000");
    info->build.faithfulness = text("self");
    info->build.gcc = text("12.2.0");
}

int main(int argc, char **argv)
{
    cleanup_patch_info struct patch_info *info = patch_info_new();
    cleanup_error struct sc_error *err = NULL;
    cleanup_free char *path = NULL;

    if (argc < 9 || (argc - 5) % 4 != 0)
        return 2;
    fill(info, argv);
    path = sc_format("%s/%s", argv[1], SC_PATCH_INFO_FILE);
    for (int i = 5; i < argc; i += 4) {
        if (add_entity(info, argv[1], argv + i, &err) < 0) {
            fprintf(stderr, "%s\n", err->message);
            return 1;
        }
    }
    if (patch_info_write(info, path, &err) < 0) {
        fprintf(stderr, "%s\n", err->message);
        return 1;
    }
    return 0;
}

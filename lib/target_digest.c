// SPDX-License-Identifier: GPL-2.0-or-later
// The digest over the allocated sections of an ELF file.
#include "lib/target_digest.h"

#include <endian.h>
#include <string.h>

/* Everything of the section header that decides how the section is mapped. */
struct section_shape {
    uint32_t type;
    uint64_t flags, addr, size;
} __attribute__((packed));

static int add_section(struct sc_digest *digest, struct elf_file *file,
                       const struct elf_section *section, struct sc_error **err)
{
    struct section_shape shape = {
        .type = htole32(section->shdr.sh_type),
        .flags = htole64(section->shdr.sh_flags),
        .addr = htole64(section->shdr.sh_addr),
        .size = htole64(section->shdr.sh_size),
    };
    const uint8_t *data;
    size_t size;

    if (elf_section_data(file, section, &data, &size, err) < 0)
        return -1;
    sc_digest_add(digest, section->name, strlen(section->name) + 1);
    sc_digest_add(digest, &shape, sizeof(shape));
    if (size)
        sc_digest_add(digest, data, size);
    return 0;
}

/* True for a separate debug file: its code sections are there by name, without contents. */
static bool is_code_without_contents(const struct elf_section *section)
{
    return (section->shdr.sh_flags & SHF_EXECINSTR) && section->shdr.sh_type == SHT_NOBITS;
}

int target_digest(struct elf_file *file, uint8_t out[SC_DIGEST_SIZE], struct sc_error **err)
{
    struct sc_digest *digest;
    int result = 0;

    if (file->section_count == 0)
        return sc_error_set(err, SC_FAILED, "%s has no section headers", file->path);
    digest = sc_digest_new();
    if (!digest)
        return sc_error_errno(err, "%s", file->path);
    for (size_t i = 1; i < file->section_count && result == 0; i++) {
        const struct elf_section *section = &file->sections[i];

        if (!(section->shdr.sh_flags & SHF_ALLOC) || elf_section_is_build_id(file, section))
            continue;
        if (is_code_without_contents(section))
            result = sc_error_set(err, SC_FAILED, "%s has no code, only debugging information",
                                  file->path);
        else
            result = add_section(digest, file, section, err);
    }
    sc_digest_finish(digest, out);
    return result;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Fuzz target: an ELF file of the host: build-id and digest.
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/elf_file.h"
#include "lib/target_digest.h"
#include "tests/fuzz/fuzz.h"

FUZZ_ELF_MUTATOR

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    cleanup_close int fd = fuzz_file(data, size, path);
    cleanup_elf struct elf_file *elf = elf_file_open(path, NULL);
    uint8_t id[SC_BUILD_ID_MAX], digest[SC_DIGEST_SIZE];
    uint64_t offset;

    if (!elf)
        return 0;
    elf_build_id(elf, id, NULL);
    target_digest(elf, digest, NULL);
    elf_offset_of_vaddr(elf, 0x1000, &offset, NULL);
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Relocations of debugging information: the same few on all architectures.
#include "differ/arch/arch.h"

#include <elf.h>

static const struct {
    uint16_t machine;
    uint32_t type;
    size_t size;
} relocations[] = {
    {EM_X86_64, R_X86_64_64, 8},           {EM_X86_64, R_X86_64_32, 4},
    {EM_X86_64, R_X86_64_DTPOFF64, 8},     {EM_X86_64, R_X86_64_DTPOFF32, 4},
    {EM_AARCH64, R_AARCH64_ABS64, 8},      {EM_AARCH64, R_AARCH64_ABS32, 4},
    {EM_AARCH64, R_AARCH64_TLS_DTPREL, 8},
};

size_t arch_debug_reloc_size(uint16_t machine, uint32_t type)
{
    for (size_t i = 0; i < sizeof(relocations) / sizeof(relocations[0]); i++)
        if (relocations[i].machine == machine && relocations[i].type == type)
            return relocations[i].size;
    return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// x86-64: the jump, the state of a probed instruction, and the relocation types of a patch.
#include "runtime/arch/arch.h"

#include <elf.h>
#include <linux/audit.h>
#include <string.h>

#define JUMP_SIZE 5
#define JUMP_OPCODE 0xe9
#define CALL_OPCODE 0xe8
#define BREAKPOINT 0xcc

static const uint8_t nop5[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};

uint16_t arch_machine(void)
{
    return EM_X86_64;
}

uint32_t arch_audit(void)
{
    return AUDIT_ARCH_X86_64;
}

size_t arch_jump_size(void)
{
    return JUMP_SIZE;
}

/* rel32, less a megabyte so that an addend into an object does not fall over the edge. */
uint64_t arch_reach(void)
{
    return (UINT64_C(1) << 31) - (UINT64_C(1) << 20);
}

bool arch_jump_encode(uint64_t from, uint64_t to, uint8_t jump[ARCH_JUMP_MAX])
{
    int64_t distance = (int64_t)(to - (from + JUMP_SIZE));
    int32_t relative = (int32_t)distance;

    if (relative != distance)
        return false;
    jump[0] = JUMP_OPCODE;
    memcpy(jump + 1, &relative, sizeof(relative));
    return true;
}

void arch_jump_pattern(uint32_t *opcode, uint32_t *mask)
{
    *opcode = 0xe9; /* JMP rel32 */
    *mask = 0xff;
}

bool arch_jump_decode(uint64_t from, const uint8_t *bytes, uint64_t *to)
{
    int32_t relative;

    if (bytes[0] != JUMP_OPCODE)
        return false;
    memcpy(&relative, bytes + 1, sizeof(relative));
    *to = from + JUMP_SIZE + (uint64_t)(int64_t)relative;
    return true;
}

bool arch_branch_encode(uint64_t from, const uint8_t *original, uint64_t to,
                        uint8_t branch[ARCH_JUMP_MAX])
{
    if ((original[0] != CALL_OPCODE && original[0] != JUMP_OPCODE) ||
        !arch_jump_encode(from, to, branch))
        return false;
    branch[0] = original[0];
    return true;
}

bool arch_branch_decode(uint64_t from, const uint8_t *original, const uint8_t *bytes, uint64_t *to)
{
    uint8_t jump[JUMP_SIZE];

    memcpy(jump, bytes, sizeof(jump));
    jump[0] = JUMP_OPCODE;
    return bytes[0] == original[0] && arch_jump_decode(from, jump, to);
}

bool arch_probe_optimised(const uint8_t *first, size_t size)
{
    return size == sizeof(nop5) && memcmp(first, nop5, sizeof(nop5)) == 0;
}

/* Aligned, because the kernel leaves one alone that crosses a page. */
__asm__(".text\n"
        ".p2align 4\n"
        /* Global: link-time optimisation may take this and its users apart. */
        ".globl arch_nop_function\n"
        ".hidden arch_nop_function\n"
        ".type arch_nop_function, @function\n"
        "arch_nop_function:\n"
        ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
        "ret\n"
        ".size arch_nop_function, . - arch_nop_function\n");
extern const char arch_nop_function[] __attribute__((visibility("hidden")));

arch_function arch_optimised_function(void)
{
    return (arch_function)(uintptr_t)arch_nop_function;
}

/*
 * A uprobe puts int3 over the first byte. Since Linux 6.18 it turns a 5-byte nop into a call of
 * the kernel's trampoline after the first hit, whose operand is not ours to know.
 */
bool arch_first_matches(const uint8_t *memory, const uint8_t *original, size_t size)
{
    if (size == 0)
        return true;
    if (arch_probe_optimised(original, size) &&
        (memory[0] == CALL_OPCODE || memory[0] == BREAKPOINT))
        return true;
    if (memory[0] != original[0] && memory[0] != BREAKPOINT)
        return false;
    return memcmp(memory + 1, original + 1, size - 1) == 0;
}

bool arch_first_probed(const uint8_t *memory, const uint8_t *original, size_t size)
{
    return memory[0] == BREAKPOINT && original[0] != BREAKPOINT &&
           memcmp(memory + 1, original + 1, size - 1) == 0;
}

bool arch_jump_mend(uint64_t from, const uint8_t *bytes, uint8_t first, uint64_t *to)
{
    uint8_t jump[JUMP_SIZE];

    if (bytes[0] != BREAKPOINT && bytes[0] != first)
        return false;
    memcpy(jump, bytes, sizeof(jump));
    jump[0] = JUMP_OPCODE;
    return arch_jump_decode(from, jump, to);
}

/* psABI 1.0, table 4.9. */
bool arch_reloc_describe(uint32_t type, bool dynamic, struct arch_reloc *reloc)
{
    *reloc = (struct arch_reloc){.size = 8, .addend_used = true};
    switch (type) {
    case R_X86_64_NONE:
        reloc->size = 0;
        return true;
    case R_X86_64_64:
        return true;
    case R_X86_64_GLOB_DAT:
    case R_X86_64_JUMP_SLOT:
        reloc->addend_used = false;
        return dynamic;
    case R_X86_64_RELATIVE:
        reloc->self = true;
        return dynamic;
    case R_X86_64_PC32:
    case R_X86_64_PLT32:
        reloc->size = 4;
        reloc->pc_relative = true;
        return !dynamic;
    case R_X86_64_PC64:
        reloc->pc_relative = true;
        return !dynamic;
    case R_X86_64_32:
    case R_X86_64_32S:
        reloc->size = 4;
        reloc->low = true;
        return !dynamic;
    default:
        return false;
    }
}

enum arch_slot arch_slot_kind(uint32_t type)
{
    switch (type) {
    case R_X86_64_JUMP_SLOT:
    case R_X86_64_GLOB_DAT:
    case R_X86_64_64:
        return ARCH_SLOT_SYMBOL;
    case R_X86_64_IRELATIVE:
        return ARCH_SLOT_RESOLVER;
    default:
        return ARCH_SLOT_OTHER;
    }
}

/* What R_X86_64_32 and R_X86_64_32S can both hold. */
uint64_t arch_low_end(void)
{
    return UINT64_C(1) << 31;
}

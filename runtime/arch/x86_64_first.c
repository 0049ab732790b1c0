// SPDX-License-Identifier: GPL-2.0-or-later
// x86-64: which first instructions of functions may be executed twice.
//
// Only forms that compilers begin functions with; the differ decides with a whole disassembler
// which can be taken back at all (differ/arch/x86_64_first.c). What is not known here is no error:
// then a thread is not sent back.
#include "runtime/arch/arch.h"

#include <string.h>

/* Intel SDM 2A, 2.1: what follows the opcode. */
struct modrm {
    uint8_t mode, reg, rm; /* with the bits of REX */
};

/* An instruction, taken apart as far as needed. */
struct first {
    const uint8_t *code; /* from the opcode on */
    size_t size;         /* of that */
    uint8_t rex;
    bool word; /* operand-size prefix */
};

static bool first_parse(const uint8_t *bytes, size_t size, struct first *first)
{
    size_t at = 0;

    memset(first, 0, sizeof(*first));
    for (; at < size && bytes[at] == 0x66; at++)
        first->word = true;
    if (at < size && (bytes[at] & 0xf0) == 0x40)
        first->rex = bytes[at++];
    first->code = bytes + at;
    first->size = size - at;
    return first->size > 0;
}

static struct modrm modrm_of(const struct first *first)
{
    uint8_t byte = first->code[1];

    return (struct modrm){
        .mode = byte >> 6,
        .reg = (uint8_t)((byte >> 3 & 7) | (first->rex & 4 ? 8 : 0)),
        .rm = (uint8_t)((byte & 7) | (first->rex & 1 ? 8 : 0)),
    };
}

/* push %reg, push $imm; sub $imm,%rsp. */
static bool moves_stack(const struct first *first, uint32_t *stack)
{
    const uint8_t *code = first->code;
    int32_t amount;

    if (!first->word && ((code[0] & 0xf8) == 0x50 || code[0] == 0x6a || code[0] == 0x68)) {
        *stack = 8;
        return true;
    }
    if (first->rex != 0x48 || first->size < 3 || code[1] != 0xec)
        return false;
    if (code[0] == 0x83 && first->size == 3) {
        *stack = code[2];
        return code[2] < 0x80;
    }
    if (code[0] != 0x81 || first->size != 6)
        return false;
    memcpy(&amount, code + 2, sizeof(amount));
    *stack = (uint32_t)amount;
    return amount > 0;
}

static bool does_nothing(const uint8_t *bytes, size_t size, const struct first *first)
{
    static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

    return (size == sizeof(endbr64) && memcmp(bytes, endbr64, size) == 0) ||
           (first->size == 1 && first->code[0] == 0x90 && !(first->rex & 1)) ||
           (first->size >= 3 && first->code[0] == 0x0f && first->code[1] == 0x1f);
}

/* Between registers, or from a place relative to the instruction: what is read stays as it was. */
static bool is_copy_or_comparison(const struct first *first)
{
    struct modrm modrm;
    bool registers, relative;

    if (first->size < 2)
        return false;
    modrm = modrm_of(first);
    registers = modrm.mode == 3;
    relative = modrm.mode == 0 && (modrm.rm & 7) == 5;
    switch (first->code[0]) {
    case 0x84: /* test */
    case 0x85:
    case 0x38: /* cmp */
    case 0x39:
    case 0x3a:
    case 0x3b:
        return registers || relative;
    case 0x89: /* mov to r/m */
        return registers;
    case 0x8b: /* mov from r/m */
        return registers || relative;
    case 0x8d: /* lea */
        return relative;
    case 0x31: /* xor: of a register with itself, which makes it 0 */
    case 0x33:
        return registers && modrm.reg == modrm.rm;
    case 0x80: /* cmp $imm */
    case 0x81:
    case 0x83:
        return (modrm.reg & 7) == 7 && (registers || relative);
    case 0xc7: /* mov $imm */
        return (modrm.reg & 7) == 0 && registers;
    default:
        return (first->code[0] & 0xf8) == 0xb8;
    }
}

bool arch_first_repeats(const uint8_t *bytes, size_t size, uint32_t *stack)
{
    struct first first;

    *stack = 0;
    if (!first_parse(bytes, size, &first))
        return false;
    return moves_stack(&first, stack) || does_nothing(bytes, size, &first) ||
           is_copy_or_comparison(&first);
}

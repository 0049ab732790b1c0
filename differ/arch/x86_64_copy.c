// SPDX-License-Identifier: GPL-2.0-or-later
// x86-64: the beginning of a function written anew at another place, and the registers that code
// writes.
#include "differ/arch/x86_64.h"

#include <string.h>

/* Where jump instructions have their condition: 7x rel8 and 0f 8x rel32. */
static int condition_of(const cs_insn *insn)
{
    if (insn->size == 2 && (insn->bytes[0] & 0xf0) == 0x70)
        return insn->bytes[0] & 0x0f;
    if (insn->size == 6 && insn->bytes[0] == 0x0f && (insn->bytes[1] & 0xf0) == 0x80)
        return insn->bytes[1] & 0x0f;
    return -1;
}

static void add_field(struct copied_code *copy, size_t at, size_t end, uint64_t target)
{
    copy->fields[copy->field_count++] =
        (struct copied_field){.offset = (uint8_t)at, .tail = (uint8_t)(end - at), .target = target};
}

/* A conditional jump becomes its long form. */
static bool copy_branch(const cs_insn *insn, struct copied_code *copy)
{
    int condition = condition_of(insn);

    if (condition < 0)
        return false;
    copy->bytes[copy->size] = 0x0f;
    copy->bytes[copy->size + 1] = (uint8_t)(0x80 | condition);
    memset(copy->bytes + copy->size + 2, 0, 4);
    add_field(copy, copy->size + 2, copy->size + 6, (uint64_t)insn->detail->x86.operands[0].imm);
    copy->size += 6;
    return true;
}

static bool copy_plain(const cs_insn *insn, struct copied_code *copy)
{
    const cs_x86 *x86 = &insn->detail->x86;

    memcpy(copy->bytes + copy->size, insn->bytes, insn->size);
    for (uint8_t i = 0; i < x86->op_count; i++) {
        const cs_x86_op *op = &x86->operands[i];
        uint8_t at;

        if (op->type != X86_OP_MEM || op->mem.base != X86_REG_RIP)
            continue;
        at = x86_displacement(insn, op->mem.disp);
        if (!at || op->mem.index != X86_REG_INVALID)
            return false;
        add_field(copy, copy->size + at, copy->size + insn->size,
                  insn->address + insn->size + (uint64_t)op->mem.disp);
        break; /* an instruction has one such operand */
    }
    copy->size += insn->size;
    return true;
}

bool x86_copy_beginning(struct decoder *decoder, const uint8_t *code, size_t size, uint64_t address,
                        size_t least, struct copied_code *copy)
{
    const cs_insn *insn = decoder->insn;
    size_t done = 0;

    *copy = (struct copied_code){0};
    while (done < least) {
        bool branch;

        if (copy->size + 16 + 5 > sizeof(copy->bytes) || copy->field_count == COPIED_FIELDS - 1 ||
            !x86_next(decoder, code + done, size - done, address + done))
            return false;
        branch = x86_is_branch(decoder, insn) || x86_ends_flow(insn->id);
        if (branch ? !copy_branch(insn, copy) : !copy_plain(insn, copy))
            return false;
        done += insn->size;
    }
    copy->bytes[copy->size] = 0xe9; /* jmp rel32 */
    add_field(copy, copy->size + 1, copy->size + 5, address + done);
    copy->size += 5;
    return done < size;
}

/* A bit for each register that a call may change, the psABI's figure 3.4; vectors as a whole. */
static uint64_t register_bit(x86_reg reg)
{
    static const x86_reg caller_saved[] = {X86_REG_RAX, X86_REG_RCX, X86_REG_RDX,
                                           X86_REG_RSI, X86_REG_RDI, X86_REG_R8,
                                           X86_REG_R9,  X86_REG_R10, X86_REG_R11};
    x86_reg whole = x86_whole_register(reg);

    for (size_t i = 0; i < sizeof(caller_saved) / sizeof(caller_saved[0]); i++)
        if (whole == caller_saved[i])
            return UINT64_C(1) << i;
    if (reg >= X86_REG_XMM0 && reg <= X86_REG_XMM31)
        return UINT64_C(1) << (16 + (reg - X86_REG_XMM0));
    if (reg >= X86_REG_YMM0 && reg <= X86_REG_YMM31)
        return UINT64_C(1) << (16 + (reg - X86_REG_YMM0));
    if (reg >= X86_REG_ZMM0 && reg <= X86_REG_ZMM31)
        return UINT64_C(1) << (16 + (reg - X86_REG_ZMM0));
    if (reg >= X86_REG_K0 && reg <= X86_REG_K7)
        return UINT64_C(1) << (48 + (reg - X86_REG_K0));
    if ((reg >= X86_REG_MM0 && reg <= X86_REG_MM7) || (reg >= X86_REG_ST0 && reg <= X86_REG_ST7))
        return UINT64_C(1) << 56;
    return 0;
}

/* What the list of accesses may have left out: operands of which it does not say how they are used.
 */
static uint64_t unclear_operands(const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    uint64_t bits = 0;

    for (uint8_t i = 0; i < x86->op_count; i++)
        if (x86->operands[i].type == X86_OP_REG && x86->operands[i].access != CS_AC_READ)
            bits |= register_bit(x86->operands[i].reg);
    return insn->id == X86_INS_VZEROUPPER || insn->id == X86_INS_VZEROALL ? UINT64_MAX : bits;
}

uint64_t x86_registers_written(struct decoder *decoder, bool possibly)
{
    cs_regs read, written;
    uint8_t reads = 0, writes = 0;
    uint64_t bits = 0;

    if (cs_regs_access(decoder->handle, decoder->insn, read, &reads, written, &writes) != CS_ERR_OK)
        return possibly ? UINT64_MAX : 0;
    for (uint8_t i = 0; i < writes; i++)
        bits |= register_bit(written[i]);
    return possibly ? bits | unclear_operands(decoder->insn) : bits;
}

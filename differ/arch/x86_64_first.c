// SPDX-License-Identifier: GPL-2.0-or-later
// x86-64: which first instructions can be taken back, and how (the skip-first jump).
//
// The first instruction of the old function is executed before control reaches the new one. Flags
// are dead at a function's entry (psABI 3.2.1), so comparisons need nothing. A register that it
// writes must hold nothing that the new function reads, which is followed along the new code.
// Memory that a pointer leads to may be read only where the new function begins by reading it as
// well: a fix that adds a check for a bad pointer would come after the access.
#include "differ/arch/x86_64.h"

#include <stdlib.h>
#include <string.h>

/* lea n(%rsp),%rsp: 48 8d a4 24 imm32; does not touch the flags either. */
static void undo_by_lea(struct first_insn *first, uint32_t amount)
{
    static const uint8_t lea[] = {0x48, 0x8d, 0xa4, 0x24};

    memcpy(first->undo, lea, sizeof(lea));
    for (int i = 0; i < 4; i++)
        first->undo[sizeof(lea) + (size_t)i] = (uint8_t)(amount >> (8 * i));
    first->undo_size = 8;
}

/* The 64-bit register that reg is a part of, or X86_REG_INVALID for others (vectors, segments). */
x86_reg x86_whole_register(x86_reg reg)
{
    static const x86_reg parts[][5] = {
        {X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH},
        {X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH},
        {X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH},
        {X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL, 0},
        {X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL, 0},
        {X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B, 0},
        {X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B, 0},
        {X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B, 0},
        {X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B, 0},
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        for (int j = 0; j < 5; j++)
            if (parts[i][j] != X86_REG_INVALID && parts[i][j] == reg)
                return parts[i][0];
    return X86_REG_INVALID;
}

enum use { USE_NONE, USE_READ, USE_WRITTEN };

static bool reads_register(const cs_regs regs, uint8_t count, x86_reg whole)
{
    for (uint8_t i = 0; i < count; i++)
        if (x86_whole_register(regs[i]) == whole)
            return true;
    return false;
}

/* xor %eax,%eax and sub of itself: reads nothing, whatever the access list says. */
static bool is_zeroing(const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;

    return (insn->id == X86_INS_XOR || insn->id == X86_INS_SUB) && x86->op_count == 2 &&
           x86->operands[0].type == X86_OP_REG && x86->operands[1].type == X86_OP_REG &&
           x86->operands[0].reg == x86->operands[1].reg && x86->operands[0].size >= 4;
}

/* How one instruction uses the register; only writes of all 64 bits count as writes. */
static enum use register_use(struct decoder *decoder, const cs_insn *insn, x86_reg whole)
{
    const cs_x86 *x86 = &insn->detail->x86;
    cs_regs read, written;
    uint8_t read_count, written_count;

    if (cs_regs_access(decoder->handle, insn, read, &read_count, written, &written_count) !=
        CS_ERR_OK)
        return USE_READ;
    if (!is_zeroing(insn) && reads_register(read, read_count, whole))
        return USE_READ;
    if (x86->op_count && x86->operands[0].type == X86_OP_REG && x86->operands[0].size >= 4 &&
        (x86->operands[0].access & CS_AC_WRITE) &&
        x86_whole_register(x86->operands[0].reg) == whole &&
        (insn->id == X86_INS_MOV || insn->id == X86_INS_LEA || insn->id == X86_INS_MOVZX ||
         insn->id == X86_INS_MOVSX || insn->id == X86_INS_MOVSXD || is_zeroing(insn)))
        return USE_WRITTEN;
    return USE_NONE;
}

/* A walk along the new function, from its first instruction. */
struct walk {
    struct decoder *decoder;
    const uint8_t *code;
    size_t size;
    x86_reg whole; /* the register asked about */
    bool *seen;    /* by offset */
    size_t *todo;  /* offsets still to be visited */
    size_t count;
};

/* What one instruction means for the walk. */
enum step { STEP_ON, STEP_END, STEP_READ };

/*
 * Direct jumps are followed; whatever cannot be followed counts as a read. A call reads the
 * argument registers and %r10 (static chain of nested functions) but neither %rax nor %r11: before
 * a call of a variadic function the compiler sets %al itself.
 */
static enum step step_branch(struct walk *walk, const cs_insn *insn)
{
    const cs_x86_op *op = &insn->detail->x86.operands[0];

    if (insn->id == X86_INS_CALL)
        return op->type == X86_OP_IMM && (walk->whole == X86_REG_RAX || walk->whole == X86_REG_R11)
                   ? STEP_END
                   : STEP_READ;
    if (op->type != X86_OP_IMM || (uint64_t)op->imm >= walk->size)
        return STEP_READ;
    if (!walk->seen[op->imm])
        walk->todo[walk->count++] = (size_t)op->imm;
    return insn->id == X86_INS_JMP ? STEP_END : STEP_ON;
}

static enum step step_insn(struct walk *walk, const cs_insn *insn)
{
    if (x86_is_branch(walk->decoder, insn))
        return step_branch(walk, insn);
    switch (insn->id) {
    case X86_INS_RET:
        /* the value returned; a void function leaves it to chance, which costs a refusal */
        return walk->whole == X86_REG_RAX ? STEP_READ : STEP_END;
    case X86_INS_UD2:
    case X86_INS_HLT:
        return STEP_END;
    case X86_INS_SYSCALL:
    case X86_INS_INT:
    case X86_INS_CPUID:
        return STEP_READ; /* capstone does not list all that these read */
    default:
        break;
    }
    switch (register_use(walk->decoder, insn, walk->whole)) {
    case USE_READ:
        return STEP_READ;
    case USE_WRITTEN:
        return STEP_END;
    default:
        return STEP_ON;
    }
}

/* Walks from one offset to the end of its path. True when the register may be read on it. */
static bool walk_path(struct walk *walk, size_t at)
{
    while (!walk->seen[at]) {
        enum step step;

        walk->seen[at] = true;
        if (!x86_next(walk->decoder, walk->code + at, walk->size - at, at))
            return true;
        step = step_insn(walk, walk->decoder->insn);
        if (step != STEP_ON)
            return step == STEP_READ;
        at += walk->decoder->insn->size;
        if (at >= walk->size)
            return true;
    }
    return false;
}

/* Whether code may read the register before it writes all of it, from its first instruction on. */
static bool may_read(struct decoder *decoder, const uint8_t *code, size_t size, x86_reg whole)
{
    struct walk walk = {.decoder = decoder, .code = code, .size = size, .whole = whole};
    bool result = false;

    walk.seen = calloc(size + 1, sizeof(*walk.seen));
    walk.todo = calloc(size + 1, sizeof(*walk.todo));
    if (!walk.seen || !walk.todo)
        abort();
    walk.todo[walk.count++] = 0;
    while (walk.count && !result)
        result = walk_path(&walk, walk.todo[--walk.count]);
    free(walk.seen);
    free(walk.todo);
    return result;
}

static bool has_memory_operand(const cs_insn *insn)
{
    for (uint8_t i = 0; i < insn->detail->x86.op_count; i++)
        if (insn->detail->x86.operands[i].type == X86_OP_MEM)
            return true;
    return false;
}

/* push %reg, push $imm, sub $n,%rsp: they only move the stack pointer and write below it. */
static bool is_stack_adjustment(const cs_insn *insn, struct first_insn *first)
{
    const cs_x86 *x86 = &insn->detail->x86;

    if (insn->id == X86_INS_PUSH && !has_memory_operand(insn) && x86->operands[0].size == 8) {
        undo_by_lea(first, 8);
        return true;
    }
    if (insn->id == X86_INS_SUB && x86->op_count == 2 && x86->operands[0].type == X86_OP_REG &&
        x86->operands[0].reg == X86_REG_RSP && x86->operands[1].type == X86_OP_IMM &&
        x86->operands[1].imm > 0 && x86->operands[1].imm <= INT32_MAX) {
        undo_by_lea(first, (uint32_t)x86->operands[1].imm);
        return true;
    }
    return false;
}

/*
 * True if all memory that it names is there whatever the arguments are: the target's own data, or
 * the block of the thread. To read it changes nothing.
 */
static bool reads_fixed_places(const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;

    for (uint8_t i = 0; i < x86->op_count; i++) {
        const cs_x86_op *op = &x86->operands[i];
        bool thread = op->mem.segment == X86_REG_FS && op->mem.base == X86_REG_INVALID;

        if (op->type == X86_OP_MEM &&
            (op->mem.index != X86_REG_INVALID || (op->mem.base != X86_REG_RIP && !thread)))
            return false;
    }
    return true;
}

/* The operand in memory, or NULL. */
static const cs_x86_op *memory_operand(const cs_insn *insn)
{
    for (uint8_t i = 0; i < insn->detail->x86.op_count; i++)
        if (insn->detail->x86.operands[i].type == X86_OP_MEM)
            return &insn->detail->x86.operands[i];
    return NULL;
}

static bool same_place(const cs_x86_op *a, const cs_x86_op *b)
{
    return a->size == b->size && a->mem.segment == b->mem.segment && a->mem.base == b->mem.base &&
           a->mem.index == b->mem.index && a->mem.scale == b->mem.scale &&
           a->mem.disp == b->mem.disp;
}

/* True if the instruction may give another value to a register that the operand is made of. */
static bool moves_place(struct decoder *decoder, const cs_insn *insn, const cs_x86_op *place)
{
    x86_reg base = x86_whole_register((x86_reg)place->mem.base);
    x86_reg index = x86_whole_register((x86_reg)place->mem.index);
    cs_regs read, written;
    uint8_t read_count, written_count;

    if (cs_regs_access(decoder->handle, insn, read, &read_count, written, &written_count) !=
        CS_ERR_OK)
        return true;
    return reads_register(written, written_count, base) ||
           (index != X86_REG_INVALID && reads_register(written, written_count, index));
}

/* Instructions that functions begin with, and that do nothing but with registers and the stack. */
static bool is_plain_beginning(const cs_insn *insn)
{
    switch (insn->id) {
    case X86_INS_MOV:
    case X86_INS_MOVZX:
    case X86_INS_MOVSX:
    case X86_INS_MOVSXD:
    case X86_INS_LEA:
    case X86_INS_XOR:
    case X86_INS_SUB:
    case X86_INS_CMP:
    case X86_INS_TEST:
        return insn->detail->x86.operands[0].type == X86_OP_REG;
    case X86_INS_PUSH:
        return !has_memory_operand(insn);
    default:
        return x86_is_nop(insn);
    }
}

/*
 * True if the new function reads the same memory, in whatever instruction, before it does anything
 * else: with no branch in between, and the same pointer. Where the old function's first instruction
 * faults, the new function would have.
 */
static bool begins_with_read(struct decoder *decoder, const uint8_t *code, size_t size,
                             const cs_x86_op *place)
{
    for (size_t at = 0; at < size && x86_next(decoder, code + at, size - at, at);
         at += decoder->insn->size) {
        const cs_insn *insn = decoder->insn;
        const cs_x86_op *operand = memory_operand(insn);

        if (operand && insn->id != X86_INS_LEA && (operand->access & CS_AC_READ) &&
            !x86_is_branch(decoder, insn) && !x86_is_nop(insn) && same_place(operand, place))
            return true;
        if (!is_plain_beginning(insn) || moves_place(decoder, insn, place))
            return false;
    }
    return false;
}

/* A pointer in a register of an argument, with or without an index. */
static bool is_by_argument(const cs_x86_op *operand)
{
    return operand->mem.segment == X86_REG_INVALID &&
           x86_whole_register((x86_reg)operand->mem.base) != X86_REG_INVALID &&
           (operand->mem.index == X86_REG_INVALID ||
            x86_whole_register((x86_reg)operand->mem.index) != X86_REG_INVALID);
}

/*
 * mov, lea and xor into a caller-saved register, or a comparison: of registers, constants, and
 * memory at a fixed place, or at *place where that is set.
 */
static bool is_harmless(const cs_insn *insn, x86_reg *written, cs_x86_op *place)
{
    const cs_x86 *x86 = &insn->detail->x86;

    *written = X86_REG_INVALID;
    place->type = X86_OP_INVALID;
    if (x86->op_count != 2)
        return false;
    if (insn->id != X86_INS_LEA && !reads_fixed_places(insn)) {
        *place = *memory_operand(insn);
        if (!is_by_argument(place))
            return false;
    }
    if (insn->id == X86_INS_TEST || insn->id == X86_INS_CMP)
        return true;
    if (x86->operands[0].type != X86_OP_REG ||
        (insn->id == X86_INS_XOR && has_memory_operand(insn)))
        return false;
    if (insn->id != X86_INS_MOV && insn->id != X86_INS_LEA && insn->id != X86_INS_XOR &&
        insn->id != X86_INS_MOVZX && insn->id != X86_INS_MOVSX && insn->id != X86_INS_MOVSXD)
        return false;
    *written = x86_whole_register(x86->operands[0].reg);
    return *written != X86_REG_INVALID;
}

bool x86_first_insn(struct decoder *decoder, const uint8_t *old, size_t old_size,
                    const uint8_t *fresh, size_t fresh_size, struct first_insn *first,
                    const char **why)
{
    const cs_insn *insn = decoder->insn;
    x86_reg written;
    cs_x86_op place;

    memset(first, 0, sizeof(*first));
    if (!x86_next(decoder, old, old_size, 0)) {
        *why = "it cannot be decoded";
        return false;
    }
    first->size = (uint8_t)insn->size;
    snprintf(first->text, sizeof(first->text), "%s %s", insn->mnemonic, insn->op_str);
    if (x86_is_nop(insn) || is_stack_adjustment(insn, first))
        return true;
    if (!is_harmless(insn, &written, &place)) {
        *why = "its effect cannot be taken back";
        return false;
    }
    if (place.type != X86_OP_INVALID && !begins_with_read(decoder, fresh, fresh_size, &place)) {
        *why = "it reads memory that the new function may not read";
        return false;
    }
    if (written != X86_REG_INVALID && may_read(decoder, fresh, fresh_size, written)) {
        *why = "it overwrites a register that the new function may read";
        return false;
    }
    return true;
}

/*
 * The kernel makes an interrupted system call again by going back two bytes, after we have looked
 * at the thread: it would come out in the middle of the jump.
 */
static bool enters_kernel(const cs_insn *insn)
{
    return insn->id == X86_INS_SYSCALL || insn->id == X86_INS_SYSENTER || insn->id == X86_INS_INT;
}

/* Instructions at which a thread can be stopped half way: repeated ones, and gathers. */
static bool is_interruptible(const cs_insn *insn)
{
    uint8_t prefix = insn->detail->x86.prefix[0];

    return ((prefix == X86_PREFIX_REP || prefix == X86_PREFIX_REPNE) &&
            strncmp(insn->mnemonic, "rep", 3) == 0) ||
           strncmp(insn->mnemonic, "vgather", 7) == 0 ||
           strncmp(insn->mnemonic, "vpgather", 8) == 0;
}

bool x86_jump_room(struct decoder *decoder, const uint8_t *code, size_t size, size_t from,
                   size_t to, const char **why)
{
    for (size_t at = 0; at < to; at += decoder->insn->size) {
        if (at >= size || !x86_next(decoder, code + at, size - at, at)) {
            *why = "it cannot be decoded";
            return false;
        }
        if (at >= from && enters_kernel(decoder->insn)) {
            *why = "a system call is in the way of the jump";
            return false;
        }
        if (at == from && is_interruptible(decoder->insn)) {
            *why = "a thread can be in the middle of the instruction";
            return false;
        }
    }
    return true;
}

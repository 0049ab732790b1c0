// SPDX-License-Identifier: GPL-2.0-or-later
// x86-64: relocations of the psABI, PLT entries, and the decoding of instructions by capstone.
#include "differ/arch/x86_64.h"

#include "lib/patch_format.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    uint32_t type;
    const char *name;
    enum reloc_class class;
} relocations[] = {
    {R_X86_64_NONE, "R_X86_64_NONE", RELOC_NONE},
    {R_X86_64_64, "R_X86_64_64", RELOC_ABS},
    {R_X86_64_PC32, "R_X86_64_PC32", RELOC_PCREL},
    {R_X86_64_GOT32, "R_X86_64_GOT32", RELOC_UNSUPPORTED},
    {R_X86_64_PLT32, "R_X86_64_PLT32", RELOC_BRANCH},
    {R_X86_64_GOTPCREL, "R_X86_64_GOTPCREL", RELOC_GOT},
    {R_X86_64_32, "R_X86_64_32", RELOC_ABS_NARROW},
    {R_X86_64_32S, "R_X86_64_32S", RELOC_ABS_NARROW},
    {R_X86_64_16, "R_X86_64_16", RELOC_UNSUPPORTED},
    {R_X86_64_PC16, "R_X86_64_PC16", RELOC_UNSUPPORTED},
    {R_X86_64_8, "R_X86_64_8", RELOC_UNSUPPORTED},
    {R_X86_64_PC8, "R_X86_64_PC8", RELOC_UNSUPPORTED},
    {R_X86_64_DTPMOD64, "R_X86_64_DTPMOD64", RELOC_TLS},
    {R_X86_64_DTPOFF64, "R_X86_64_DTPOFF64", RELOC_TLS},
    {R_X86_64_TPOFF64, "R_X86_64_TPOFF64", RELOC_TLS},
    {R_X86_64_TLSGD, "R_X86_64_TLSGD", RELOC_TLS_GD},
    {R_X86_64_TLSLD, "R_X86_64_TLSLD", RELOC_TLS_LD},
    {R_X86_64_DTPOFF32, "R_X86_64_DTPOFF32", RELOC_TLS_LD_OFFSET},
    {R_X86_64_GOTTPOFF, "R_X86_64_GOTTPOFF", RELOC_TLS_IE},
    {R_X86_64_TPOFF32, "R_X86_64_TPOFF32", RELOC_TLS_OFFSET},
    {R_X86_64_PC64, "R_X86_64_PC64", RELOC_UNSUPPORTED},
    {R_X86_64_GOTOFF64, "R_X86_64_GOTOFF64", RELOC_UNSUPPORTED},
    {R_X86_64_GOTPC32, "R_X86_64_GOTPC32", RELOC_UNSUPPORTED},
    {R_X86_64_GOT64, "R_X86_64_GOT64", RELOC_UNSUPPORTED},
    {R_X86_64_GOTPCREL64, "R_X86_64_GOTPCREL64", RELOC_UNSUPPORTED},
    {R_X86_64_GOTPC64, "R_X86_64_GOTPC64", RELOC_UNSUPPORTED},
    {R_X86_64_PLTOFF64, "R_X86_64_PLTOFF64", RELOC_UNSUPPORTED},
    {R_X86_64_SIZE32, "R_X86_64_SIZE32", RELOC_UNSUPPORTED},
    {R_X86_64_SIZE64, "R_X86_64_SIZE64", RELOC_UNSUPPORTED},
    {R_X86_64_GOTPC32_TLSDESC, "R_X86_64_GOTPC32_TLSDESC", RELOC_TLS_DESC},
    {R_X86_64_TLSDESC_CALL, "R_X86_64_TLSDESC_CALL", RELOC_TLS_DESC_CALL},
    {R_X86_64_GOTPCRELX, "R_X86_64_GOTPCRELX", RELOC_GOT},
    {R_X86_64_REX_GOTPCRELX, "R_X86_64_REX_GOTPCRELX", RELOC_GOT},
};

static const char *x86_reloc_name(uint32_t type)
{
    for (size_t i = 0; i < sizeof(relocations) / sizeof(relocations[0]); i++)
        if (relocations[i].type == type)
            return relocations[i].name;
    return "R_X86_64 of an unknown number";
}

static enum reloc_class x86_reloc_class(uint32_t type)
{
    for (size_t i = 0; i < sizeof(relocations) / sizeof(relocations[0]); i++)
        if (relocations[i].type == type)
            return relocations[i].class;
    return RELOC_UNSUPPORTED;
}

static struct decoder *x86_decoder_open(struct sc_error **err)
{
    struct decoder *decoder = calloc(1, sizeof(*decoder));

    if (!decoder || cs_open(CS_ARCH_X86, CS_MODE_64, &decoder->handle) != CS_ERR_OK) {
        free(decoder);
        sc_error_set(err, SC_FAILED, "capstone cannot decode x86-64");
        return NULL;
    }
    cs_option(decoder->handle, CS_OPT_DETAIL, CS_OPT_ON);
    decoder->insn = cs_malloc(decoder->handle);
    if (!decoder->insn)
        abort();
    return decoder;
}

static void x86_decoder_close(struct decoder *decoder)
{
    if (!decoder)
        return;
    cs_free(decoder->insn, 1);
    cs_close(&decoder->handle);
    free(decoder);
}

bool x86_next(struct decoder *decoder, const uint8_t *code, size_t size, uint64_t address)
{
    return size && cs_disasm_iter(decoder->handle, &code, &size, &address, decoder->insn);
}

bool x86_is_nop(const cs_insn *insn)
{
    static const uint8_t two_byte_nop[] = {0x66, 0x90};

    /* xchg %ax,%ax is how GNU as pads by two */
    return insn->id == X86_INS_NOP || insn->id == X86_INS_ENDBR64 ||
           (insn->size == 2 && memcmp(insn->bytes, two_byte_nop, 2) == 0);
}

/* Zeroes the field at offset in the copy of the instruction. */
static void blank_field(struct arch_insn *out, uint8_t offset, uint8_t size)
{
    if (offset && (size_t)offset + size <= sizeof(out->bytes))
        memset(out->bytes + offset, 0, size);
}

static void add_ref(struct arch_insn *out, uint64_t address, uint8_t size)
{
    if (out->ref_count < 2) {
        out->ref_sizes[out->ref_count] = size;
        out->refs[out->ref_count++] = address;
    }
}

static bool in_range(const struct address_range *range, uint64_t address)
{
    return address >= range->start && address < range->end;
}

/* A call or jump with its target in the instruction. */
static void decode_branch(const cs_insn *insn, struct arch_insn *out)
{
    const cs_x86 *x86 = &insn->detail->x86;

    out->target = (uint64_t)x86->operands[0].imm;
    out->id = (uint16_t)insn->id;
    /* the same jump has a short and a long form: only what it does counts */
    memset(out->bytes, 0, sizeof(out->bytes));
    if (insn->id == X86_INS_CALL)
        out->kind = INSN_CALL;
    else
        out->kind = insn->id == X86_INS_JMP ? INSN_JUMP : INSN_BRANCH;
}

/* mov slot(%rip),%r64 becomes lea place(%rip),%r64 when ld knows the place: tell them apart by kind
 * alone, so that the oracle can see the same load in both. */
static void decode_load(const cs_insn *insn, struct arch_insn *out)
{
    const cs_x86 *x86 = &insn->detail->x86;
    bool lea = insn->id == X86_INS_LEA;

    if (!lea && !(insn->id == X86_INS_MOV && x86->opcode[0] == 0x8b && x86->operands[0].size == 8))
        return;
    if (x86->operands[0].type != X86_OP_REG || x86->operands[1].type != X86_OP_MEM ||
        x86->operands[1].mem.base != X86_REG_RIP || x86->operands[0].size != 8)
        return;
    out->kind = lea ? INSN_LEA : INSN_LOAD_SLOT;
    memset(out->bytes, 0, sizeof(out->bytes));
    out->bytes[0] = 0x8d;
    out->bytes[1] = (uint8_t)(x86->operands[0].reg);
}

/*
 * Where the 32-bit displacement stands. capstone 4 does not tell it for instructions with a
 * mandatory prefix (66 0f 2e ...), so it is looked for in front of an immediate of each size,
 * behind a ModRM byte that asks for it. 0 when it is not found.
 */
uint8_t x86_displacement(const cs_insn *insn, int64_t displacement)
{
    static const uint8_t immediates[] = {0, 1, 2, 4};
    const cs_x86 *x86 = &insn->detail->x86;
    uint32_t value = (uint32_t)displacement;

    if (x86->encoding.disp_size == 4 && x86->encoding.disp_offset)
        return x86->encoding.disp_offset;
    for (size_t i = 0; i < sizeof(immediates); i++) {
        int at = insn->size - 4 - immediates[i];

        if (at >= 2 && (insn->bytes[at - 1] & 0xc7) == 0x05 &&
            memcmp(insn->bytes + at, &value, 4) == 0)
            return (uint8_t)at;
    }
    return 0;
}

/* Only %fs and %gs have bases of their own; 3e is also how notrack jumps through tables begin. */
static bool is_flat(x86_reg segment)
{
    return segment != X86_REG_FS && segment != X86_REG_GS;
}

/*
 * What the manual says of the bytes that scalar instructions read or write in memory; 0 for others.
 * capstone 4 takes those of scalar comparisons for whole vectors.
 */
static uint8_t scalar_size(const cs_insn *insn)
{
    switch (insn->id) {
    case X86_INS_MOVSS:
    case X86_INS_ADDSS:
    case X86_INS_SUBSS:
    case X86_INS_MULSS:
    case X86_INS_DIVSS:
    case X86_INS_COMISS:
    case X86_INS_UCOMISS:
    case X86_INS_VMOVSS:
    case X86_INS_VADDSS:
    case X86_INS_VSUBSS:
    case X86_INS_VMULSS:
    case X86_INS_VDIVSS:
    case X86_INS_VCOMISS:
    case X86_INS_VUCOMISS:
    case X86_INS_MOVD:
    case X86_INS_SQRTSS:
    case X86_INS_MAXSS:
    case X86_INS_MINSS:
    case X86_INS_CVTSS2SD:
    case X86_INS_CVTSS2SI:
    case X86_INS_CVTTSS2SI:
    case X86_INS_ROUNDSS:
    case X86_INS_VMOVD:
    case X86_INS_VSQRTSS:
    case X86_INS_VMAXSS:
    case X86_INS_VMINSS:
    case X86_INS_VCVTSS2SD:
    case X86_INS_VCVTSS2SI:
    case X86_INS_VCVTTSS2SI:
    case X86_INS_VROUNDSS:
        return 4;
    case X86_INS_MOVSD:
    case X86_INS_ADDSD:
    case X86_INS_SUBSD:
    case X86_INS_MULSD:
    case X86_INS_DIVSD:
    case X86_INS_COMISD:
    case X86_INS_UCOMISD:
    case X86_INS_VMOVSD:
    case X86_INS_VADDSD:
    case X86_INS_VSUBSD:
    case X86_INS_VMULSD:
    case X86_INS_VDIVSD:
    case X86_INS_VCOMISD:
    case X86_INS_VUCOMISD:
    case X86_INS_MOVQ:
    case X86_INS_SQRTSD:
    case X86_INS_MAXSD:
    case X86_INS_MINSD:
    case X86_INS_CVTSD2SS:
    case X86_INS_CVTTSD2SI:
    case X86_INS_MOVLPS:
    case X86_INS_MOVLPD:
    case X86_INS_MOVHPS:
    case X86_INS_MOVHPD:
    case X86_INS_CVTSD2SI:
    case X86_INS_ROUNDSD:
    case X86_INS_VMOVQ:
    case X86_INS_VSQRTSD:
    case X86_INS_VMAXSD:
    case X86_INS_VMINSD:
    case X86_INS_VCVTSD2SS:
    case X86_INS_VCVTSD2SI:
    case X86_INS_VCVTTSD2SI:
    case X86_INS_VROUNDSD:
    case X86_INS_VMOVLPS:
    case X86_INS_VMOVLPD:
    case X86_INS_VMOVHPS:
    case X86_INS_VMOVHPD:
        return 8;
    default:
        return 0;
    }
}

/* Bytes that the operand names. */
static uint8_t operand_size(const cs_insn *insn, const cs_x86_op *op)
{
    uint8_t scalar = scalar_size(insn);

    if (insn->id == X86_INS_LEA)
        return 0;
    return scalar ? scalar : op->size;
}

/*
 * A displacement is of 1 byte or of 4 in 64-bit code; capstone says 2 of the latter behind an
 * operand size prefix (66, also as VEX has it).
 */
static bool has_long_displacement(const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;

    return x86->encoding.disp_offset &&
           (x86->encoding.disp_size == 4 || x86->encoding.disp_size == 2);
}

static void decode_memory(const cs_insn *insn, const struct address_range *absolute,
                          struct arch_insn *out)
{
    const cs_x86 *x86 = &insn->detail->x86;

    for (uint8_t i = 0; i < x86->op_count; i++) {
        const cs_x86_op *op = &x86->operands[i];
        uint8_t size = operand_size(insn, op);

        if (op->type != X86_OP_MEM)
            continue;
        if (op->mem.base == X86_REG_RIP) {
            add_ref(out, insn->address + insn->size + (uint64_t)op->mem.disp, size);
            blank_field(out, x86_displacement(insn, op->mem.disp), 4);
            out->stores |= (op->access & CS_AC_WRITE) != 0;
        } else if (has_long_displacement(insn) && is_flat(op->mem.segment) &&
                   in_range(absolute, (uint64_t)op->mem.disp)) {
            /* with an index register it is the start of a table, of unknown extent */
            bool plain = op->mem.base == X86_REG_INVALID && op->mem.index == X86_REG_INVALID;

            add_ref(out, (uint64_t)op->mem.disp, plain ? size : 0);
            blank_field(out, x86->encoding.disp_offset, 4);
        }
    }
}

/*
 * For instructions that load constants, what the manual says of the bytes that they read: unlike
 * what capstone says of all others, it decides that the bytes behind them do not matter.
 */
static uint8_t exact_size(const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;

    switch (insn->id) {
    case X86_INS_MOVAPS:
    case X86_INS_MOVAPD:
    case X86_INS_MOVUPS:
    case X86_INS_MOVUPD:
    case X86_INS_MOVDQA:
    case X86_INS_MOVDQU:
    case X86_INS_ANDPS:
    case X86_INS_ANDPD:
    case X86_INS_ANDNPS:
    case X86_INS_ANDNPD:
    case X86_INS_ORPS:
    case X86_INS_ORPD:
    case X86_INS_XORPS:
    case X86_INS_XORPD:
        return 16;
    case X86_INS_VMOVAPS:
    case X86_INS_VMOVAPD:
    case X86_INS_VMOVUPS:
    case X86_INS_VMOVUPD:
    case X86_INS_VMOVDQA:
    case X86_INS_VMOVDQU:
        return x86->operands[0].reg >= X86_REG_XMM0 && x86->operands[0].reg <= X86_REG_XMM15 ? 16
                                                                                             : 32;
    default:
        return scalar_size(insn);
    }
}

static void decode_immediate(const cs_insn *insn, const struct address_range *absolute,
                             struct arch_insn *out)
{
    const cs_x86 *x86 = &insn->detail->x86;

    for (uint8_t i = 0; i < x86->op_count; i++) {
        const cs_x86_op *op = &x86->operands[i];

        if (op->type != X86_OP_IMM || x86->encoding.imm_size != 4 ||
            !in_range(absolute, (uint64_t)op->imm))
            continue;
        add_ref(out, (uint64_t)op->imm, 0);
        blank_field(out, x86->encoding.imm_offset, 4);
    }
}

static void decode_indirect(const cs_insn *insn, struct arch_insn *out)
{
    const cs_x86_op *op = &insn->detail->x86.operands[0];
    bool slot = op->type == X86_OP_MEM && op->mem.base == X86_REG_RIP;

    if (insn->id == X86_INS_CALL) {
        if (slot)
            out->kind = INSN_CALL_SLOT;
        out->indirect_call = !slot;
        return;
    }
    out->kind = slot ? INSN_JUMP_SLOT : INSN_STOP;
    out->indirect = !slot;
}

bool x86_ends_flow(unsigned int id)
{
    return id == X86_INS_RET || id == X86_INS_RETF || id == X86_INS_HLT || id == X86_INS_UD2 ||
           id == X86_INS_INT3;
}

static bool x86_decode(struct decoder *decoder, const uint8_t *code, size_t size, uint64_t address,
                       const struct address_range *absolute, struct arch_insn *out)
{
    const cs_insn *insn = decoder->insn;
    const cs_x86 *x86;

    if (!x86_next(decoder, code, size, address))
        return false;
    x86 = &insn->detail->x86;
    memset(out, 0, sizeof(*out));
    out->address = address;
    out->size = (uint8_t)insn->size;
    memcpy(out->bytes, insn->bytes, insn->size < sizeof(out->bytes) ? insn->size : 15);
    if (insn->id == X86_INS_ENDBR64) {
        out->kind = INSN_PLAIN; /* a function that gains or loses it is another function */
        return true;
    }
    if (x86_is_nop(insn)) {
        out->kind = INSN_NOP;
        return true;
    }
    if (x86_is_branch(decoder, insn) && x86->op_count == 1 && x86->operands[0].type == X86_OP_IMM) {
        decode_branch(insn, out);
        return true;
    }
    if (x86_is_branch(decoder, insn))
        decode_indirect(insn, out);
    else if (x86_ends_flow(insn->id))
        out->kind = INSN_STOP;
    out->returns = insn->id == X86_INS_RET || insn->id == X86_INS_RETF;
    decode_memory(insn, absolute, out);
    if (out->ref_count == 1 && !out->stores)
        out->exact_size = exact_size(insn);
    decode_immediate(insn, absolute, out);
    decode_load(insn, out);
    return true;
}

bool x86_is_branch(struct decoder *decoder, const cs_insn *insn)
{
    /* capstone puts loop and jrcxz into the group of jumps as well; ret is not in it */
    return cs_insn_group(decoder->handle, insn, CS_GRP_JUMP) ||
           cs_insn_group(decoder->handle, insn, CS_GRP_CALL);
}

static bool x86_is_redirectable(const uint8_t *code, size_t size)
{
    return size == 5 && (code[0] == 0xe8 || code[0] == 0xe9); /* call rel32, jmp rel32 */
}

/* Forms that ld writes: [endbr64] [bnd] jmp *slot(%rip). Lazy .plt entries begin the same way. */
static uint64_t x86_plt_slot(struct decoder *decoder, const uint8_t *code, size_t size,
                             uint64_t address)
{
    const cs_insn *insn = decoder->insn;
    const cs_x86_op *op;

    if (!x86_next(decoder, code, size, address))
        return 0;
    if (insn->id == X86_INS_ENDBR64) {
        size_t skip = insn->size;

        if (!x86_next(decoder, code + skip, size - skip, address + skip))
            return 0;
    }
    op = &insn->detail->x86.operands[0];
    if (insn->id != X86_INS_JMP || op->type != X86_OP_MEM || op->mem.base != X86_REG_RIP ||
        op->mem.index != X86_REG_INVALID)
        return 0;
    return insn->address + insn->size + (uint64_t)op->mem.disp;
}

static size_t x86_write_jump(uint8_t code[16], size_t *field)
{
    static const uint8_t jump[] = {0xe9, 0, 0, 0, 0};

    memcpy(code, jump, sizeof(jump));
    *field = 1;
    return sizeof(jump);
}

static size_t x86_write_slot_jump(uint8_t code[16], size_t *field)
{
    static const uint8_t jump[] = {0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25, 0, 0, 0, 0};

    memcpy(code, jump, sizeof(jump));
    *field = 6;
    return sizeof(jump);
}

/* The claim is one instruction: two injectors after each other cannot both get it. */
static size_t x86_write_hook_call(uint8_t code[ARCH_HOOK_CALL_MAX], struct arch_field fields[4],
                                  size_t *count)
{
    static const uint8_t bytes[] = {
        0xf3,
        0x0f,
        0x1e,
        0xfa, /*  0 endbr64 */
        0x48,
        0x83,
        0xec,
        0x08, /*  4 sub $8,%rsp: aligned at the call */
        0x31,
        0xc0, /*  8 xor %eax,%eax */
        0xb9,
        SC_HOOK_RUNNING,
        0,
        0,
        0, /* 10 mov $RUNNING,%ecx */
        0xf0,
        0x0f,
        0xb1,
        0x0d,
        0,
        0,
        0,
        0, /* 15 lock cmpxchg %ecx,progress(%rip) */
        0x75,
        0x15, /* 23 jne 46 */
        0xe8,
        0,
        0,
        0,
        0, /* 25 call hook */
        0x89,
        0x05,
        0,
        0,
        0,
        0, /* 30 mov %eax,result(%rip) */
        0xc7,
        0x05,
        0,
        0,
        0,
        0,
        SC_HOOK_DONE,
        0,
        0,
        0, /* 36 movl $DONE,progress(%rip) */
        0x48,
        0x83,
        0xc4,
        0x08, /* 46 add $8,%rsp */
        0xc3, /* 50 ret */
    };
    static const struct arch_field places[] = {
        {ARCH_FIELD_PROGRESS, 19, 4},
        {ARCH_FIELD_HOOK, 26, 4},
        {ARCH_FIELD_RESULT, 32, 4},
        {ARCH_FIELD_PROGRESS, 38, 8},
    };

    memcpy(code, bytes, sizeof(bytes));
    memcpy(fields, places, sizeof(places));
    *count = sizeof(places) / sizeof(places[0]);
    return sizeof(bytes);
}

/* lea sym(%rip), %reg: REX 8d /r; mov of the same: REX 8b /r. */
static void x86_address_to_load(uint8_t *field)
{
    if (field[-2] == 0x8d)
        field[-2] = 0x8b;
}

const struct arch arch_x86_64 = {
    .name = "x86_64",
    .machine = EM_X86_64,
    .loader = "ld-linux-x86-64.so.2",
    .jump_size = 5,
    .call_type = R_X86_64_PLT32,
    .pcrel_type = R_X86_64_PC32,
    .abs_type = R_X86_64_64,
    .dyn_tls_module = R_X86_64_DTPMOD64,
    .dyn_tls_offset = R_X86_64_TPOFF64,
    .dyn_tls_desc = R_X86_64_TLSDESC,
    .got_type = R_X86_64_GOTPCREL,
    .dyn_relative = R_X86_64_RELATIVE,
    .dyn_slot = R_X86_64_JUMP_SLOT,
    .dyn_glob_dat = R_X86_64_GLOB_DAT,
    .dyn_copy = R_X86_64_COPY,
    .dyn_irelative = R_X86_64_IRELATIVE,
    .reloc_name = x86_reloc_name,
    .reloc_class = x86_reloc_class,
    .decoder_open = x86_decoder_open,
    .decoder_close = x86_decoder_close,
    .decode = x86_decode,
    .first_insn = x86_first_insn,
    .jump_room = x86_jump_room,
    .copy_beginning = x86_copy_beginning,
    .registers_written = x86_registers_written,
    .is_redirectable = x86_is_redirectable,
    .tls_relax = x86_tls_relax,
    .plt_slot = x86_plt_slot,
    .write_jump = x86_write_jump,
    .write_slot_jump = x86_write_slot_jump,
    .write_hook_call = x86_write_hook_call,
    .address_to_load = x86_address_to_load,
    .frames_registrar = x86_frames_registrar,
    .write_guarded_jump = x86_write_guarded_jump,
};

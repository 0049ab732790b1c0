// SPDX-License-Identifier: GPL-2.0-or-later
// x86-64: code for thread-local variables as it is in programs.
//
// Code that may end up in a library asks where a variable is; in a program ld knows, and rewrites
// the code ("Linker Optimization Example" in "ELF Handling For Thread-Local Storage", and psABI,
// "Thread-Local Storage"). The patch is a library to ld, which leaves the code as it is there. So
// the differ rewrites it, byte by byte as ld does; the oracle compares with what ld has made.
#include "differ/arch/x86_64.h"

#include <string.h>

/* mov %fs:0,%rax; lea or add, whose operand follows: of the same length as lea and call. */
static const uint8_t general_head[] = {0x66, 0x48, 0x8d, 0x3d};
static const uint8_t call_direct[] = {0x66, 0x66, 0x48, 0xe8};
static const uint8_t call_slot[] = {0x66, 0x48, 0xff, 0x15};
static const uint8_t general_local[] = {0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0,
                                        0,    0x48, 0x8d, 0x80, 0,    0, 0, 0};
static const uint8_t general_initial[] = {0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0,
                                          0,    0x48, 0x03, 0x05, 0,    0, 0, 0};
static const uint8_t module_head[] = {0x48, 0x8d, 0x3d};
static const uint8_t module_local[] = {0x66, 0x66, 0x66, 0x66, 0x64, 0x48, 0x8b,
                                       0x04, 0x25, 0,    0,    0,    0};

/* True if the section has size bytes from at - before on. */
static bool holds(const struct tls_code *code, uint64_t before, uint64_t size)
{
    return code->at >= before && code->at - before <= code->size &&
           size <= code->size - (code->at - before);
}

/* data16 lea x@tlsgd(%rip),%rdi; data16 data16 rex64 call __tls_get_addr */
static enum reloc_class relax_general(struct tls_code *code)
{
    uint8_t *start = code->bytes + code->at - 4;

    if (!holds(code, 4, sizeof(general_local)) ||
        memcmp(start, general_head, sizeof(general_head)) != 0 ||
        (memcmp(start + 8, call_direct, sizeof(call_direct)) != 0 &&
         memcmp(start + 8, call_slot, sizeof(call_slot)) != 0))
        return RELOC_TLS;
    memcpy(start, code->imported ? general_initial : general_local, sizeof(general_local));
    code->at += 8;
    code->call = code->at;
    return code->imported ? RELOC_TLS_IE : RELOC_TLS_OFFSET;
}

/* lea x@tlsld(%rip),%rdi; call __tls_get_addr, the call with 5 or 6 bytes */
static enum reloc_class relax_module(struct tls_code *code)
{
    uint8_t *start = code->bytes + code->at - 3;
    bool slot;

    if (!holds(code, 3, 13 + 1) || memcmp(start, module_head, sizeof(module_head)) != 0)
        return RELOC_TLS;
    slot = start[7] == 0xff && start[8] == 0x15;
    if (!slot && start[7] != 0xe8)
        return RELOC_TLS;
    memcpy(start, slot ? module_local : module_local + 1, slot ? 13 : 12);
    code->call = code->at + (slot ? 6 : 5);
    return RELOC_NONE;
}

/* mov or add x@gottpoff(%rip),%reg */
static enum reloc_class relax_initial(struct tls_code *code)
{
    uint8_t *field = code->bytes + code->at;
    uint8_t reg;

    if (code->imported)
        return RELOC_TLS_IE;
    if (!holds(code, 3, 7) || (field[-3] & 0xfb) != 0x48 || (field[-1] & 0xc7) != 0x05 ||
        (field[-2] != 0x8b && field[-2] != 0x03))
        return RELOC_TLS;
    reg = (field[-1] >> 3) & 7;
    if (field[-2] == 0x8b) {
        /* mov $x,%reg */
        field[-3] = field[-3] == 0x4c ? 0x49 : 0x48;
        field[-2] = 0xc7;
        field[-1] = (uint8_t)(0xc0 | reg);
    } else if (reg == 4) {
        /* add $x,%reg: %rsp and %r12 cannot be bases without a further byte */
        field[-3] = field[-3] == 0x4c ? 0x49 : 0x48;
        field[-2] = 0x81;
        field[-1] = (uint8_t)(0xc0 | reg);
    } else {
        /* lea x(%reg),%reg */
        field[-3] = field[-3] == 0x4c ? 0x4d : 0x48;
        field[-2] = 0x8d;
        field[-1] = (uint8_t)(0x80 | reg | (reg << 3));
    }
    return RELOC_TLS_OFFSET;
}

/* lea x@tlsdesc(%rip),%reg becomes mov x@gottpoff(%rip),%reg or mov $x,%reg */
static enum reloc_class relax_descriptor(struct tls_code *code)
{
    uint8_t *field = code->bytes + code->at;

    if (!holds(code, 3, 7) || (field[-3] & 0xfb) != 0x48 || field[-2] != 0x8d ||
        (field[-1] & 0xc7) != 0x05)
        return RELOC_TLS;
    if (code->imported) {
        field[-2] = 0x8b;
        return RELOC_TLS_IE;
    }
    field[-3] = (uint8_t)((field[-3] & 0x48) | ((field[-3] >> 2) & 1));
    field[-2] = 0xc7;
    field[-1] = (uint8_t)(0xc0 | ((field[-1] >> 3) & 7));
    return RELOC_TLS_OFFSET;
}

/* call *x@tlsdesc(%rax) becomes a nop of two bytes */
static enum reloc_class relax_descriptor_call(struct tls_code *code)
{
    uint8_t *field = code->bytes + code->at;

    if (!holds(code, 0, 2) || field[0] != 0xff || (field[1] & 0xf8) != 0x10)
        return RELOC_TLS;
    field[0] = 0x66;
    field[1] = 0x90;
    return RELOC_NONE;
}

enum reloc_class x86_tls_relax(struct tls_code *code, enum reloc_class class)
{
    code->call = 0;
    switch (class) {
    case RELOC_TLS_GD:
        return relax_general(code);
    case RELOC_TLS_LD:
        return relax_module(code);
    case RELOC_TLS_LD_OFFSET:
        return RELOC_TLS_OFFSET;
    case RELOC_TLS_IE:
        return relax_initial(code);
    case RELOC_TLS_DESC:
        return relax_descriptor(code);
    case RELOC_TLS_DESC_CALL:
        return relax_descriptor_call(code);
    default:
        return class;
    }
}

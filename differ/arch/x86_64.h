/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two files of the x86-64 part share. */
#ifndef SYSCARE_DIFFER_ARCH_X86_64_H
#define SYSCARE_DIFFER_ARCH_X86_64_H

#include "differ/arch/arch.h"

#include <capstone/capstone.h>

struct decoder {
    csh handle;
    cs_insn *insn; /* the last one decoded */
};

/* Decodes one instruction into decoder->insn. */
bool x86_next(struct decoder *decoder, const uint8_t *code, size_t size, uint64_t address);
/* nop in all its forms, and endbr64. */
bool x86_is_nop(const cs_insn *insn);
/* A call or jump, direct or not. */
bool x86_is_branch(struct decoder *decoder, const cs_insn *insn);

/* Control does not go on behind it: return, trap. */
bool x86_ends_flow(unsigned int id);
/* Where the 32-bit displacement stands in the instruction; 0 when it is not found. */
uint8_t x86_displacement(const cs_insn *insn, int64_t displacement);
/* The 64-bit register that reg is a part of, or X86_REG_INVALID for those that a call preserves and
 * others (vectors, segments). */
x86_reg x86_whole_register(x86_reg reg);

/* arch.copy_beginning, arch.registers_written (x86_64_copy.c) */
bool x86_copy_beginning(struct decoder *decoder, const uint8_t *code, size_t size, uint64_t address,
                        size_t least, struct copied_code *copy);
uint64_t x86_registers_written(struct decoder *decoder, bool possibly);

/* arch.tls_relax */
enum reloc_class x86_tls_relax(struct tls_code *code, enum reloc_class class);

/* arch.frames_registrar, arch.write_guarded_jump (x86_64_frames.c) */
const uint8_t *x86_frames_registrar(size_t *size, size_t *field);
size_t x86_write_guarded_jump(uint8_t code[32], struct guarded_jump *fields);

/* arch.first_insn */
bool x86_first_insn(struct decoder *decoder, const uint8_t *old, size_t old_size,
                    const uint8_t *fresh, size_t fresh_size, struct first_insn *first,
                    const char **why);
/* arch.jump_room */
bool x86_jump_room(struct decoder *decoder, const uint8_t *code, size_t size, size_t from,
                   size_t to, const char **why);

#endif

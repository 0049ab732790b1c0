/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registration of the patch's frames with the unwinder of the process. */
#ifndef SYSCARE_DIFFER_REGISTRAR_H
#define SYSCARE_DIFFER_REGISTRAR_H

#include "differ/bind.h"
#include "differ/emit.h"

/* What the trampolines need of it in the object that is written. */
struct registrar {
    struct out_section *block; /* NULL: the patch does without */
    uint32_t block_symbol, code_symbol;
};

/* True if anything may be thrown through functions of the patch. */
bool registrar_needed(const struct differ *differ);

/* Finds the unwinder's function for it. False when the target cannot reach one. */
bool registrar_bind(const struct differ *differ, struct binding *binding);

/* Refuses what needs it and cannot have it. */
void registrar_check(struct differ *differ);

/* Writes the code into the section, and its block of data; function is what it calls. */
void registrar_emit(struct registrar *registrar, struct emitter *emitter, const struct arch *arch,
                    struct out_section *code, uint32_t function);

/* Sets the address of .eh_frame, which is written last. */
void registrar_finish(struct registrar *registrar, struct emitter *emitter, const struct arch *arch,
                      uint32_t eh_frame);

/* Writes a jump to symbol + value that registers first; returns its size. */
size_t registrar_jump(const struct registrar *registrar, struct emitter *emitter,
                      const struct arch *arch, struct out_section *code, uint32_t symbol,
                      uint64_t value);

#endif

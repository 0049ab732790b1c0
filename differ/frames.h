/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The call frame information of the functions in the patch. */
#ifndef SYSCARE_DIFFER_FRAMES_H
#define SYSCARE_DIFFER_FRAMES_H

#include "differ/differ.h"
#include "differ/elf_writer.h"

/*
 * Refuses functions of the patch whose frames need a personality routine (cleanup attributes,
 * exceptions): their tables are not carried over.
 */
void frames_check(struct differ *differ);

/*
 * Writes .eh_frame with the FDEs of the code that was emitted, their CIEs, and a zero terminator:
 * there is no crtend.o to bring one. 0, or -1 with err set.
 */
int frames_emit(struct differ *differ, struct elf_writer *writer, struct sc_error **err);

#endif

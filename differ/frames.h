/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The call frame information of the functions in the patch. */
#ifndef SYSCARE_DIFFER_FRAMES_H
#define SYSCARE_DIFFER_FRAMES_H

#include "differ/emit.h"

/* Includes what the frames of the patch's code refer to: personality routines. Part of phase_close.
 */
void frames_include(struct differ *differ);

/* Refuses what the frames of the patch's code refer to and cannot be bound. */
void frames_check(struct differ *differ);

/*
 * Writes .eh_frame with the FDEs of the code that was emitted, their CIEs, and a zero terminator:
 * there is no crtend.o to bring one. *symbol is that of the section. 0, or -1 with err set.
 */
int frames_emit(struct differ *differ, struct emitter *emitter, uint32_t *symbol,
                struct sc_error **err);

#endif

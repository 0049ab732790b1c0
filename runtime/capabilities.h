/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives up what root may do and the daemon does not need. capabilities(7). */
#ifndef SYSCARE_RUNTIME_CAPABILITIES_H
#define SYSCARE_RUNTIME_CAPABILITIES_H

#include "lib/error.h"

#include <stdbool.h>

/*
 * Leaves this process, and all that it starts, only the capabilities of the list in
 * capabilities.c (those of them that it has), which the unit's CapabilityBoundingSet repeats. For
 * the time before threads are started: each has its own. keep_kill: CAP_KILL stays too, where the
 * configuration asks for signals. 0, or -1 with err set.
 */
int capabilities_drop(bool keep_kill, struct sc_error **err);

/* True if this thread may send signals to processes of other users. */
bool capabilities_have_kill(void);

#endif

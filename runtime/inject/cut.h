/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads that were held for another patch than the one that they were stopped for. */
#ifndef SYSCARE_INJECT_CUT_H
#define SYSCARE_INJECT_CUT_H

#include "runtime/inject/injector.h"

/*
 * Before a stopped thread goes on: if our stop has ended its hold, and the code before it is still
 * the old one, it is sent back to the instruction with the probe, where it is held again.
 */
void cut_repair(struct injector *injector, struct tracee *tracee);

#endif

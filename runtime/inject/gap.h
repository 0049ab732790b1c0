/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks for room in an address space near the code that a patch refers to. */
#ifndef SYSCARE_INJECT_GAP_H
#define SYSCARE_INJECT_GAP_H

#include "runtime/process_maps.h"

/*
 * Finds an unmapped range of size bytes, aligned, from which [low, high) can be reached both ways
 * (arch_reach), and all of it below limit. Prefers what does not stand in the way of a growing heap
 * or stack. False when there is none.
 */
bool gap_find(const struct process *process, uint64_t low, uint64_t high, uint64_t size,
              uint64_t align, uint64_t limit, uint64_t *address);

#endif

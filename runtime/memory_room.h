/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control groups that have no memory left. A probe needs a page in each process that has the
 * function: for the copy of its code, and for the instruction that the kernel runs elsewhere. Where
 * the group may have no more, the kernel kills the process (__create_xol_area in
 * kernel/events/uprobes.c charges it to whoever called the function).
 */
#ifndef SYSCARE_RUNTIME_MEMORY_ROOM_H
#define SYSCARE_RUNTIME_MEMORY_ROOM_H

#include "lib/error.h"
#include "runtime/live_patch.h"
#include "runtime/process_scan.h"

/*
 * Looks for processes that map the target of one of the patches and whose memory control group, or
 * one above it, has less room (limit less usage, and what could be written out) than the patches
 * take in all its processes. 0, or -1 with err set: SC_REFUSED no-memory, which names one of them.
 * What cannot be read is no reason.
 */
int memory_room_check(struct build_id_cache *cache, const struct live_list *patches,
                      struct sc_error **err);

#endif

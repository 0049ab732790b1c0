/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether anything in a process may still point into a patch: only when nothing does, the patch
 * may be unmapped.
 *
 * Looked at are all writable memory, plain and as glibc mangles saved stacks and exit handlers
 * (PTR_MANGLE), all registers, and what the kernel keeps for the program: what epoll gives back,
 * timers, signal handlers. A false alarm only leaves the mapping where it is.
 */
#ifndef SYSCARE_INJECT_REFERS_H
#define SYSCARE_INJECT_REFERS_H

#include "runtime/inject/infect.h"

/* Everything but signal handlers. All threads are stopped. */
bool process_refers(struct job *job, uint64_t low, uint64_t high);

/* True if a signal handler lies in the range, or it cannot be known. Injects system calls. */
bool handlers_refer(struct job *job, struct infection *infection, uint64_t low, uint64_t high);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether any thread would notice that code changes under it.
 *
 * A window is a range of addresses at which no thread may be about to go on: by its instruction
 * pointer, or by a word on a stack that may be a return address or the saved instruction pointer
 * of a signal frame.
 */
#ifndef SYSCARE_INJECT_CHECK_H
#define SYSCARE_INJECT_CHECK_H

#include "runtime/inject/injector.h"

/* The open interval: low < address < high. */
struct check_window {
    uint64_t low, high;
    size_t func; /* of the patch: for the message */
};

struct check {
    struct check_window *windows; /* malloc'd; sorted and disjoint after check_prepare */
    size_t count, capacity;
    size_t hit; /* func of the window that was hit last */
};

/* Adds a window. -1 with the reply set when memory ran out. */
int check_add(struct job *job, struct check *check, uint64_t low, uint64_t high, size_t func);

/*
 * Looks at all stopped threads. Threads that are just executing in a window are let run for a
 * moment until they have left it. 0 when all is clear; JOB_RETRY with INJECT_BUSY, the tid and the
 * function; -1 with the reply set.
 */
int check_threads(struct job *job, struct check *check);

void check_free(struct check *check);

#endif

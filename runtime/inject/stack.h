/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A conservative look at the stacks of a stopped thread: every aligned word from below the red
 * zone to the end of the mapping may be a return address or a saved instruction pointer. 4–5 µs a
 * thread, against 11–47 µs for unwinding; and it needs no unwind tables.
 *
 * Where a signal handler runs, the frame that the kernel pushed leads to the stack of the code it
 * interrupted, which may be another one (sigaltstack): that is looked at too.
 */
#ifndef SYSCARE_INJECT_STACK_H
#define SYSCARE_INJECT_STACK_H

#include "runtime/inject/injector.h"

struct stack_visitor {
    /* Called for each word; true ends the walk. May be NULL. */
    bool (*word)(uint64_t word, void *data);
    /* Called for each signal frame found on the way; true ends the walk. May be NULL. */
    bool (*frame)(const struct arch_signal_frame *frame, void *data);
    void *data;
};

/*
 * The lowest address of the stack that the thread is on, in *bottom, where that is beyond doubt:
 * the main thread is on the stack of the process, another one on what the C library has mapped for
 * it and keeps in its description of the thread. False for the stacks of coroutines and the like,
 * of which only the program knows how small they are.
 */
bool stack_bottom(const struct job *job, const struct tracee *tracee, uint64_t *bottom);

/* The stack pointer points to no memory: the reply says so, and it may be otherwise later. */
#define STACK_LOST 2

/* 1 when a visitor ended the walk, 0 when none did, STACK_LOST or -1 with the reply set. */
int stack_walk(struct job *job, const struct tracee *tracee, const struct stack_visitor *visitor);

#endif

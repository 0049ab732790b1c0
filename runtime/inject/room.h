/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory of a process that it does not use, for what an injected call needs.
 *
 * As a rule that is below the red zone of the thread's stack. But the stacks of coroutines are
 * small (2 kB in Go) and lie beside other memory of the program; how far they reach only the
 * program knows. The main thread has memory that is surely free when it is on such a stack: below
 * the deepest point that the stack of the process has ever come to.
 */
#ifndef SYSCARE_INJECT_ROOM_H
#define SYSCARE_INJECT_ROOM_H

#include "runtime/inject/injector.h"

struct room {
    uint64_t top;   /* as many bytes as were asked for lie below it */
    uint64_t spare; /* 0, or where the memory begins that was added to the stack of the process */
    size_t size;    /* of that */
};

/*
 * Finds `needed` free bytes for the stopped thread. 0; JOB_RETRY or -1 with the reply set, as for
 * infect_begin.
 */
int room_find(struct job *job, const struct tracee *host, uint64_t needed, struct room *room);

/* The memory is not used any more. */
void room_leave(struct job *job, const struct tracee *host, const struct room *room);

#endif

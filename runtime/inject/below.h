/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patches below the one that a REVERT takes away: they take functions over in the same stop, so
 * that no thread meets some functions of one patch and some of another.
 *
 * Only those that are mapped completely are used, which INJECT_PREPARE sees to; where one is not,
 * the old code comes back, and its own APPLY follows.
 */
#ifndef SYSCARE_INJECT_BELOW_H
#define SYSCARE_INJECT_BELOW_H

#include "runtime/inject/injector.h"

struct below {
    const struct patch_object *patch; /* of the cache: not ours */
    struct process_state *state;      /* read with all threads stopped; NULL before */
};

/* Reads what they are in the process, which stands still. 0, or -1 with the reply set. */
int belows_read(struct job *job);

/*
 * The function of the newest of them that takes over function func of the job's patch in the
 * instance; *trampoline is its address. NULL: the old code does.
 */
const struct sc_patch_func *below_find(const struct job *job,
                                       const struct process_instance *instance, size_t func,
                                       uint64_t *trampoline);

/* Frees the list and what was read. */
void belows_free(struct job *job);

#endif

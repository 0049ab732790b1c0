/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the hooks of the patch's author in a process (lib/patch_format.h, struct sc_patch_hook).
 *
 * apply: pre-apply hooks, jumps, post-apply hooks. revert: pre-revert hooks, old bytes, post-revert
 * hooks. A revert hook runs only where its counterpart has: pre-revert after post-apply,
 * post-revert after pre-apply. What has run is kept in the process, so that each of these can be
 * begun anew after any interruption, by any injector, and in a forked child.
 *
 * A hook is called on one borrowed thread while the others run; only where a first call is being
 * held they stand still during pre-apply hooks, for no other thread may get past the old code.
 *
 * All return 0, JOB_RETRY or -1 with the reply set, and do nothing for patches without hooks.
 */
#ifndef SYSCARE_INJECT_HOOKS_H
#define SYSCARE_INJECT_HOOKS_H

#include "runtime/inject/injector.h"

/* True if hooks of an application of the patch have not run yet, going by job->state. */
bool hooks_pending(const struct job *job);

/* True if anything of the hooks is to be undone: the stage of some mapping is not idle. */
bool hooks_pending_leave(const struct job *job);

/* Pre-apply hooks, with a thread of their own; in mappings of the patch that are complete. */
int hooks_prepare(struct job *job);

/* The same for what is left when all threads are stopped: a first call is being held. */
int hooks_prepare_stopped(struct job *job);

/* Post-apply hooks. */
int hooks_finish(struct job *job);

/* Pre-revert hooks, before the old bytes come back. */
int hooks_leave(struct job *job);

/* Post-revert hooks, after that; then the next application begins from the start. */
int hooks_left(struct job *job);

#endif

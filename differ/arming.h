/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where processes that start, or load the target, can be met before any of its functions is called.
 * Needed for functions whose jump stands at the entry: no uprobe may be on them.
 */
#ifndef SYSCARE_DIFFER_ARMING_H
#define SYSCARE_DIFFER_ARMING_H

#include "differ/differ.h"

/*
 * Fills differ->arms (struct sc_patch_arm, host byte order) unless that is done: the entry point of
 * a program and the first function of its DT_PREINIT_ARRAY; DT_INIT of a library, or else the first
 * function of its DT_INIT_ARRAY (gABI, "Initialization and Termination Functions"). Why there is no
 * such place, or NULL.
 */
const char *arming_find(struct differ *differ);

/* True if a place where processes are met lies in [start, end). */
bool arming_inside(const struct differ *differ, uint64_t start, uint64_t end);

/*
 * Why the function at that address may be called before those places are reached, or NULL: by
 * resolvers of indirect functions, by the dynamic linker, by constructors of libraries that use
 * what a program exports. What such code calls through a pointer may be anything.
 */
const char *arming_early(struct differ *differ, uint64_t address);

#endif

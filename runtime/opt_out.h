/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which processes the configuration leaves alone: by the path of their executable, their control
 * group, or their user. They are never stopped, and, as far as that can be known before they start,
 * never held.
 */
#ifndef SYSCARE_RUNTIME_OPT_OUT_H
#define SYSCARE_RUNTIME_OPT_OUT_H

#include "runtime/hold.h"
#include "runtime/options.h"

/* Why the process is left alone, a static text for users; NULL if it is not. */
const char *opt_out_reason(const struct options *options, pid_t pid);

/*
 * Tells the BPF program of all users, and of those executables and control groups (of the unified
 * hierarchy) that there are now; one that comes later is told by opt_out_learn when it is first
 * met, or by the next call of this.
 */
void opt_out_teach(const struct options *options, struct hold *hold);

/* The process is left alone, but was held: others like it will not be. */
void opt_out_learn(const struct options *options, struct hold *hold, pid_t pid);

#endif

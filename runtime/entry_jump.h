/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patches with functions whose jump stands at the entry, where a uprobe of anybody would break it:
 * the kernel writes a breakpoint over the jump, executes the first instruction as it is in the
 * file, and lets the thread go on in the middle of the jump.
 */
#ifndef SYSCARE_RUNTIME_ENTRY_JUMP_H
#define SYSCARE_RUNTIME_ENTRY_JUMP_H

#include "runtime/daemon.h"

/*
 * Refuses the patch where the configuration forbids such jumps, or another tool has a uprobe on one
 * of these functions of the file open as target_fd (-1: not looked at). Others pass. 0, or -1 with
 * err set.
 */
int entry_jump_check(struct daemon *daemon, const struct live_patch *patch, int target_fd,
                     struct sc_error **err);

/*
 * Refuses the patch if a uprobe of ours would lie on its jumps, or on those of another patch while
 * that one may still be in some process. 0, or -1 with err set.
 */
int entry_jump_check_others(struct daemon *daemon, const struct live_patch *patch,
                            struct sc_error **err);

/* The function of the patch that has a uprobe in the file, owned by the patch; NULL for none. */
const char *entry_jump_probed(const struct live_patch *patch, int target_fd);

/* What is known of the tool that has a uprobe there, for messages: "" or " (…)". New string. */
char *entry_jump_prober(const struct live_patch *patch, const char *function);

/* Remembers the file that entry_jump_audit looks at. target_fd stays the caller's. */
void entry_jump_watch(struct live_patch *patch, int target_fd);

/* Reports uprobes that have come or gone since it last looked. */
void entry_jump_audit(struct daemon *daemon, struct live_patch *patch);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs one recorded link with link-time optimisation again, for the object that it makes. */
#ifndef SYSCARE_REPLAY_LINK_H
#define SYSCARE_REPLAY_LINK_H

#include "lib/error.h"
#include "wrappers/replay_unit.h"

/*
 * Runs the link that replay->id names with function and data sections forced on lto1, and writes
 * what lto1 makes of all LTO inputs to replay->output; the linked file is thrown away. All else is
 * as it was recorded, the partitions too: with one in place of many only 98.7 % of redis's
 * functions had the code that was shipped, without LTO 47 %, and functions that one partition has
 * to itself lack the endbr64 of those that others may call. Several objects are joined into one, in
 * which each begins with its file symbol. replay->extra goes to lto1 by way of the GCC options. The
 * objects that were linked must lie in the tree. 0, or -1 with err set (SC_REFUSED for a link
 * without LTO).
 */
int link_replay(const struct replay *replay, struct sc_error **err);

#endif

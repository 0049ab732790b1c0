/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where our own programs are. */
#ifndef SYSCARE_TOOL_H
#define SYSCARE_TOOL_H

/*
 * The path of one of our programs, in a new string: in SYSCARE_LIBEXECDIR, beside the program that
 * asks, in the build tree; else the name itself, for PATH.
 */
char *tool_path(const char *name);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to lib/patch_info*.c: the syntax of each kind of member. */
#ifndef SYSCARE_PATCH_INFO_P_H
#define SYSCARE_PATCH_INFO_P_H

#include <stdbool.h>

/* True if text is what its kind of member may be. */
typedef bool (*patch_check)(const char *text);

bool patch_check_package_name(const char *text);    /* as rpm's build/parsePreamble.c takes it */
bool patch_check_package_version(const char *text); /* version or release of the target */
bool patch_check_epoch(const char *text);
bool patch_check_arch(const char *text);
bool patch_check_type(const char *text);
bool patch_check_faithfulness(const char *text);
bool patch_check_file(const char *text);        /* a plain file name */
bool patch_check_entity_file(const char *text); /* the same, and not patch_info itself */
bool patch_check_elf_path(const char *text);    /* absolute, nothing to be resolved in it */
bool patch_check_digest(const char *text);      /* SHA-256 in hex */
bool patch_check_build_id(const char *text);
bool patch_check_line(const char *text); /* no control characters */
bool patch_check_filled_line(const char *text);
bool patch_check_text(const char *text); /* lines: newline and tab are allowed too */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Applies source patches to a prepared tree. */
#ifndef SYSCARE_PATCH_APPLY_H
#define SYSCARE_PATCH_APPLY_H

#include "lib/error.h"
#include "lib/string_list.h"

/*
 * Applies all patches in their order below directory, with -p1 and no fuzz; patch(1) does it, its
 * output goes to log. 0, or -1 with err set: the message names the patch, the file in it and the
 * hunk that does not apply.
 */
int patch_apply_all(const char *directory, const struct string_list *patches, const char *log,
                    struct sc_error **err);

#endif

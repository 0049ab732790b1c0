/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of phase_check share. */
#ifndef SYSCARE_DIFFER_CHECK_P_H
#define SYSCARE_DIFFER_CHECK_P_H

#include "differ/differ.h"

/* Data with a life of its own in the running process. */
static inline bool check_is_live(const struct symbol *symbol)
{
    return !symbol->by_content && !symbol->anonymous &&
           (symbol->common || (symbol->section && symbol->section->kind == SECTION_DATA));
}

/* check_state.c: refuses new variables that may be old ones under another name or elsewhere. */
void check_state(struct differ *differ);

/* check_bindings.c: refuses names that mean another definition than before. */
void check_bindings(struct differ *differ);

#endif

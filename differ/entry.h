/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of the target that the patch replaces, and where each can be entered. */
#ifndef SYSCARE_DIFFER_ENTRY_H
#define SYSCARE_DIFFER_ENTRY_H

#include "differ/differ.h"

/*
 * Notes the target of every direct branch in the reference's code: no jump may be written over a
 * place that code jumps to. 0, or -1 with err set.
 */
int entries_scan(struct differ *differ, struct sc_error **err);

/*
 * Makes differ->entries: for each changed function its old address and the way in. Refuses those
 * that cannot be found or have no room for a jump.
 */
void entries_find(struct differ *differ);

/* True if the jump into some function stands at its entry. */
bool entries_jump_at_entry(const struct differ *differ);

/* The entry of the old function at that address in the target, or NULL. */
struct entry *entry_at(const struct differ *differ, uint64_t address);

/*
 * The entry that a relocation of the original object refers to, or NULL. function holds the
 * relocation: what leads to a place inside of itself is no reference.
 */
struct entry *entry_referred(struct differ *differ, const struct relocation *relocation,
                             const struct symbol *function);

/* The entry of a changed function, or of one that it is another name of, or NULL. */
const struct entry *entry_of(const struct differ *differ, const struct symbol *symbol);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* References to thread-local variables that the target has. New ones are refused. */
#ifndef SYSCARE_DIFFER_TLS_H
#define SYSCARE_DIFFER_TLS_H

#include "differ/bind.h"

/*
 * For a target that is a program: rewrites the object's code as ld does, so that only offsets from
 * the thread pointer are left, which are known, and slots of the target. Right after reading.
 */
void tls_relax(struct differ *differ, struct object *object);

/* True for a relocation that has to do with a thread-local variable. */
bool tls_is_reference(const struct relocation *relocation);

/*
 * bind_reference for such a relocation. symbol is that of the original object, or an undefined
 * one. False when it is refused.
 */
bool tls_bind(struct differ *differ, const struct relocation *relocation,
              const struct symbol *symbol, struct binding *binding);

/* The thread-local symbol that the offset in the TLS segment lies in, or NULL. */
const struct image_symbol *tls_symbol_at(const struct image *image, uint64_t offset);

/* True if the slot, and in some the word behind it, are ld.so's for thread-local variables. */
bool tls_is_slot(const struct image *image, const struct image_slot *slot);

/*
 * What such a slot is for: the class of reference, and in *offset where in the TLS segment; for a
 * symbol of another file only slot->name says it, and *offset is 0.
 */
enum reloc_class tls_slot_class(const struct image *image, const struct image_slot *slot,
                                uint64_t *offset);

#endif

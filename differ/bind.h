/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the references of the patch are bound to: itself, or something in the target. */
#ifndef SYSCARE_DIFFER_BIND_H
#define SYSCARE_DIFFER_BIND_H

#include "differ/differ.h"

/* What a reference to a thread-local variable becomes in the patch (tls.h). */
enum binding_cell {
    CELL_NONE,     /* it is none, or leads to a slot of the target like others */
    CELL_NOTHING,  /* nothing needs to be done */
    CELL_CONSTANT, /* value itself, in 32 bits */
    CELL_MODULE,   /* two words of the patch: that of the target's slot, and value */
    CELL_OFFSET,   /* a word of the patch: that of the target's slot plus value */
};

struct binding {
    bool local; /* in the patch: symbol->unit */
    struct symbol *symbol;
    /* otherwise in the target, as in struct sc_patch_sym */
    uint8_t kind; /* enum sc_sym_kind */
    uint64_t address, size;
    const char *name;
    const char *version, *library; /* SC_SYM_IMPORT; may be NULL */
    bool weak;                     /* SC_SYM_IMPORT */
    enum binding_cell cell;
    uint64_t value;
    bool thunk; /* a call through a slot of the target: the patch needs a jump of its own */
};

/*
 * The definition of a symbol: itself, or for an undefined one that of another object of the job, in
 * the same version. NULL when no object of the job defines it.
 */
struct symbol *bind_definition(struct differ *differ, struct symbol *symbol);

/*
 * Finds what a relocation of the patch is bound to. False when it must be refused, which is then
 * recorded.
 */
bool bind_reference(struct differ *differ, const struct relocation *relocation,
                    struct binding *binding);

/* True for lea NAME(%rip), which can become a load of the address from a slot of the patch. */
bool bind_loads_address(const struct relocation *relocation);

/* The function that a relocation lies in, for messages; its section's name when there is none. */
const char *bind_place_name(const struct relocation *relocation);

/*
 * resolve.c: the symbol of the linked reference that an object's symbol became. NULL when there is
 * none or more than one, and *why then says which (REFUSE_SYMBOL_NOT_FOUND or _AMBIGUOUS_SYMBOL).
 * symbol is one of the original object, or an undefined one of either.
 */
struct image_symbol *resolve_symbol(struct differ *differ, const struct symbol *symbol,
                                    enum refusal_code *why);

/* True when another library may define the symbol in place of the target. */
bool resolve_is_preemptible(struct differ *differ, const struct image_symbol *symbol);

#endif

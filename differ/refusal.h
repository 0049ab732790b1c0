/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a patch is not made: stable codes, each with what it means and what can be done. */
#ifndef SYSCARE_DIFFER_REFUSAL_H
#define SYSCARE_DIFFER_REFUSAL_H

struct object;
struct relocation;
struct symbol;

/* Kept in the order of the table in refusal.c and of doc/refusals.md. */
enum refusal_code {
    REFUSE_UNSUPPORTED_RELOCATION,
    REFUSE_UNDECODABLE_CODE,
    REFUSE_AMBIGUOUS_REFERENCE,
    REFUSE_AMBIGUOUS_SYMBOL,
    REFUSE_SYMBOL_NOT_FOUND,
    REFUSE_AMBIGUOUS_STATIC,
    REFUSE_CHANGED_INITIALISER,
    REFUSE_CHANGED_OBJECT_SIZE,
    REFUSE_CHANGED_OBJECT_KIND,
    REFUSE_CONST_SHARED,
    REFUSE_NEW_IMPORT,
    REFUSE_NEW_LIBRARY,
    REFUSE_IMPORT_ADDRESS,
    REFUSE_PREEMPTIBLE_SYMBOL,
    REFUSE_IFUNC,
    REFUSE_TLS,
    REFUSE_CONSTRUCTOR,
    REFUSE_LINKER_SET,
    REFUSE_COMDAT,
    REFUSE_EXCEPTIONS,
    REFUSE_LANGUAGE,
    REFUSE_ASSEMBLER,
    REFUSE_MOVED_FUNCTION,
    REFUSE_BINDING,
    REFUSE_INSIDE_FUNCTION,
    REFUSE_NO_SKIP_FIRST,
    REFUSE_LINKER,
    REFUSE_TYPE_LAYOUT,
    REFUSE_NO_DEBUG_INFO,
    REFUSE_MARK,
    REFUSE_UNVERIFIED,
    REFUSE_CODE_COUNT
};

struct refusal {
    enum refusal_code code;
    const char *function, *object, *source; /* may be NULL */
    const char *message;
    const struct object *in;     /* where source is looked for; may be NULL */
    const struct symbol *about;  /* what it is about, or */
    const struct relocation *at; /* where; both may be NULL */
};

/* "new-import": never changes once published. */
const char *refusal_name(enum refusal_code code);
/* What the author of the patch can do. */
const char *refusal_advice(enum refusal_code code);

#endif

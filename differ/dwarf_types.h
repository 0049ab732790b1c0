/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The layouts of the types that an object file was compiled with, from its DWARF. */
#ifndef SYSCARE_DIFFER_DWARF_TYPES_H
#define SYSCARE_DIFFER_DWARF_TYPES_H

#include "differ/pool.h"
#include "lib/error.h"

#include <stdbool.h>
#include <stdint.h>

/* A member of a structure or union; an enumerator has its value as offset and no type. */
struct type_member {
    const char *name; /* "" for anonymous ones */
    int64_t offset;   /* bits from the start of the type */
    const char *type; /* "int:4", "struct list:16", "*struct list", "[8]int:1", "int:4/3 bits" */
    const char *file; /* where it is declared, or NULL; line as the compiler counts */
    uint32_t line;
};

/*
 * One structure, union, class or enumeration; or a variable that keeps its place while the program
 * runs, whose only member says what is stored there. The description of a member's type holds what
 * decides whether old and new code can share an object: sizes of numbers but not their signedness,
 * names of structures but not what is in them (they have a layout of their own), no qualifiers.
 */
struct type_layout {
    const char *key;  /* "struct list", "typedef list_t", "parse()::struct state", "variable x" */
    const char *file; /* where it is declared, as in struct type_member */
    uint32_t line;
    bool enumeration;
    bool variable;
    bool folded;   /* a variable that nothing writes: the compiler took its first value for it */
    uint64_t size; /* bytes; 0 for a variable */
    struct list members; /* struct type_member, in the order of the source */
};

/* All layouts of one object by key; the same key may occur several times. */
struct type_table {
    struct name_index index; /* of struct type_layout */
    struct list layouts;
};

/*
 * Reads the types of the object at path (DWARF 2 to 5, "Debugging Information Format"). Memory
 * belongs to the pool. Returns 1, 0 when the object has no debugging information, or some of it
 * lies elsewhere (-gsplit-dwarf, -fdebug-types-section), -1 with err set when it is damaged.
 */
int dwarf_types_read(struct pool *pool, const char *path, struct type_table *table,
                     struct sc_error **err);

#endif

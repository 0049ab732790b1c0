/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the debugging information of one object tells about its source: functions and variables with
 * their places, what is inlined into what, and the source line of each instruction.
 */
#ifndef SYSCARE_DIFFER_SOURCE_INFO_H
#define SYSCARE_DIFFER_SOURCE_INFO_H

#include "differ/edits.h"
#include "differ/model.h"

/* A place in a file of the source; line as the debugging information counts, 0: not known. */
struct source_place {
    const char *file; /* absolute, or NULL */
    uint32_t line;
};

/* A function, with or without code of its own, or a variable. */
struct source_thing {
    const char *name;  /* as symbols call it, without numbers of clones */
    const char *scope; /* the function that a static variable is in, or NULL */
    struct source_place place;
    uint32_t from, to;   /* function: its lines, counted as in its own version of the file */
    struct list inlined; /* function: names of functions that are inlined into it */
    bool has_code;
    bool noreturn;    /* declared so */
    const char *edit; /* place where the patch edits it, or NULL: explain.c */
};

/* The line that the instructions from address on were made from. */
struct source_row {
    uint64_t address; /* in the section */
    struct source_place place;
};

struct source_rows {
    struct source_row *rows; /* by address */
    size_t count, room;
};

struct source_info {
    struct list functions;          /* struct source_thing, by file and line */
    struct list variables;          /* the same */
    struct list files;              /* names of all files that it was made from */
    struct source_rows *by_section; /* as many as the object has sections; of units: the first */
    bool patched;                   /* of the patched version */
};

/*
 * Reads the object's debugging information. Lines of functions are counted as in the files of their
 * own version, so edits are needed. units: NULL, or for the one object of link-time optimisation
 * the paths of its units compiled without, NULL-terminated: its entries refer to files that are not
 * there, so only its lines are used, and functions and variables are those of the units.
 * abs_type: the architecture's relocation for addresses. NULL when there is none, or it is damaged:
 * then nothing is claimed about the source.
 */
struct source_info *source_info_read(struct pool *pool, const struct object *object,
                                     const char *path, const char *const *units,
                                     const struct edits *edits, uint32_t abs_type, bool patched);

/* The function of that name that has code, else one without; NULL for none. */
struct source_thing *source_function(const struct source_info *info, const char *name);

/* A variable by the name that its symbol has without numbers; NULL when there are several. */
const struct source_thing *source_variable(const struct source_info *info, const char *name);

/* The function that a line belongs to, counted as from and to; NULL for none. */
struct source_thing *source_owner(const struct source_info *info, const char *file, uint32_t line);

/* The place of the instruction at an offset of a section. line 0 when it is not known. */
struct source_place source_place_of(const struct source_info *info, size_t section,
                                    uint64_t offset);

/* The name of the function that a symbol was made from: f.constprop.0 -> f. Memory of the pool. */
const char *source_name(struct pool *pool, const char *symbol);

#endif

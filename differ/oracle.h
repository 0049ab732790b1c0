/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The oracle: compares two linked files function by function, knowing nothing of the object files.
 *
 * Each function is decoded and written as a text in which nothing depends on where the linker put
 * things: branches inside it become instruction numbers, other addresses become names, or the
 * contents of what lies there when that is a constant. Two functions are the same when their texts
 * are. The differ's answer must be the oracle's.
 */
#ifndef SYSCARE_DIFFER_ORACLE_H
#define SYSCARE_DIFFER_ORACLE_H

#include "differ/differ.h"
#include "lib/digest.h"

/* A function of a linked file with its cold parts. */
struct code {
    struct image_symbol *symbol;
    const char *key;     /* name without numbers */
    struct code *parent; /* of a cold part */
    struct list parts;   /* itself, then its cold parts */
    struct arch_insn *insns;
    size_t insn_count;
    bool complete; /* everything up to its end could be decoded */
    uint8_t digest[SC_DIGEST_SIZE];
    struct code *twin;
    bool changed_here;  /* by the oracle */
    bool changed_there; /* by the differ */
};

/* Which exception table a function, or a cold part, has. */
struct view_table {
    uint64_t function, lsda; /* addresses */
};

/* A linked file, decoded. */
struct view {
    struct differ *differ;
    struct image *image;
    struct code *codes; /* by address */
    size_t code_count;
    uint64_t code_left; /* bytes that may yet be decoded */
    uint64_t *starts; /* addresses that code takes without telling how much it uses there, sorted */
    size_t start_count;
    struct list tables;  /* struct view_table, by function */
    bool tell_files;     /* texts tell functions of other files from those of the same */
    struct view *target; /* a patch object: what its sct.* symbols are in */
    bool is_target;      /* of a patch object */
    const struct sc_patch_rela *runtime; /* a patch object: .syscare.rela */
    size_t runtime_count;
    const char *last_input,
        *last_object; /* of oracle.c: an input and the object that it belongs to */
};

/* oracle_frames.c: fills view->tables. */
void view_read_tables(struct view *view);

/*
 * oracle_view.c: decodes all functions. target: for a patch object the view of what it is for, else
 * NULL. NULL with err set.
 */
struct view *view_open(struct differ *differ, struct image *image, struct view *target,
                       struct sc_error **err);

/* The function (or cold part) that the address lies in, or NULL. */
struct code *view_code_at(const struct view *view, uint64_t address);

/* The next address after this one at which something else begins. */
uint64_t view_boundary(const struct view *view, uint64_t address);

/* oracle_text.c: writes the function as text; the caller frees it. */
char *view_text(struct view *view, struct code *code);

/*
 * The same, with what a linked file does not tell taken from the object file. Of data without a
 * symbol that begins with a text only the text counts: what follows may be numbers that no code
 * refers to. function: what the code is in its object, or NULL; an address that an instruction
 * names is written as the object names it, if it is that.
 */
char *view_text_lenient(struct view *view, struct code *code, const struct symbol *function);

/* The contents of a data object as text; the caller frees it. */
char *view_object_text(struct view *view, const struct image_symbol *symbol);

/* Frees what is not in the pool of its image; NULL is allowed. */
void view_close(struct view *view);

/*
 * Compares reference and patched link and the result with the differ's. Where they disagree, that
 * is a refusal. 0, or -1 with err set.
 */
int oracle_compare(struct differ *differ, struct sc_error **err);

/* Refuses a patch object with a function that is not that of the patched link. As above. */
int oracle_verify_patch(struct differ *differ, struct image *patch, struct sc_error **err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that write functions as text share. */
#ifndef SYSCARE_DIFFER_ORACLE_P_H
#define SYSCARE_DIFFER_ORACLE_P_H

#include "differ/oracle.h"

#include <stdio.h>

struct writer {
    struct view *view;
    struct code *code; /* the function, never a cold part */
    const char *input; /* the file that what it names without a global symbol lies in, or NULL */
    FILE *out;
    unsigned int depth;            /* of the constant that is being written */
    unsigned int slots;            /* that led to what is being written */
    bool lenient;                  /* see view_text_lenient */
    const struct symbol *function; /* what code is in its object file, or NULL */
    const struct code *part;       /* of the function: the one that is being written */
};

/* Whatever lies at the address; size is what an instruction is known to read there, or 0. */
void text_reference(struct writer *writer, uint64_t address, uint8_t size);

/* Bytes as they are. */
void text_bytes(struct writer *writer, const uint8_t *bytes, size_t size);

/*
 * oracle_data.c: what lies in the section at the address, which is no code and no slot; size as
 * above.
 */
void text_data(struct writer *writer, const struct elf_section *section, uint64_t address,
               uint8_t size);

/*
 * oracle_data.c: bytes with the pointers among them; those of a program that is not
 * position-independent are recognised by their values.
 */
void text_contents(struct writer *writer, uint64_t address, uint64_t size);

/* A pointer that the dynamic linker makes. */
void text_slot(struct writer *writer, const struct image_slot *slot);

/* In a patch object: reads a row of .syscare.sym; false when there is no such row. */
bool text_read_row(const struct view *view, uint32_t row, struct sc_patch_sym *symbol);

/* In a patch object: what row `row` of .syscare.sym stands for; false when there is no such row. */
bool text_row(struct writer *writer, uint32_t row, int64_t addend);

/* In a patch object: words that stand for a slot of thread-local variables; false for others. */
bool text_cell(struct writer *writer, const struct image_symbol *cell);

/* In the patched link: what a slot leads to that is for a new global symbol of its own, or NULL. */
const struct image_symbol *text_own_symbol(const struct view *view, const struct image_slot *slot);

/* In a patch object: a jump through a slot of the target, as a call of it; false for others. */
bool text_thunk(struct writer *writer, const struct code *part);

/* In a patch object: the runtime's relocation inside the instruction, or NULL. */
const struct sc_patch_rela *text_relocation(const struct view *view, const struct arch_insn *insn);

/*
 * An instruction that makes the address of a library's variable which the program has a copy of, as
 * a load of the address; false for others.
 */
bool text_copy_address(struct writer *writer, const struct arch_insn *insn);

/*
 * In a patch object: an instruction that loads the address of such a variable from the slot, which
 * ld knows to hold it; false for others.
 */
bool text_copy_load(struct writer *writer, const struct arch_insn *insn,
                    const struct image_slot *slot);

/* In a patch object: whether the slot is filled by a lookup, so that ld knows nothing of it. */
bool text_is_import(const struct view *view, const struct image_slot *slot);

/* oracle_text.c: a place in one part of the function, or behind it: the instruction's number. */
void writer_place(struct writer *writer, const struct code *part, uint64_t address);

/*
 * Whatever lies at an address, of which size bytes are read, or 0. absolute: it was no distance; in
 * a patch object it is one of the target's then.
 */
void writer_reference(struct writer *writer, uint64_t address, uint8_t size, bool absolute);

/* In a patch object: what the runtime puts into the field at place. False when it does not. */
bool writer_runtime(struct writer *writer, uint64_t place, size_t size);

/* oracle_frames.c: the exception table of the function, or of its cold part, if it has one. */
void writer_table(struct writer *writer, const struct code *part);

/* oracle.c: the only object of that name, in an input file of object when that is given; or NULL.
 */
struct image_symbol *oracle_object_named(const struct image *image, const char *name,
                                         const struct job_object *object);

/*
 * oracle_numbers.c: the relocations inside an instruction of one part of the function, in its
 * object file; NULL where they are not known. *count: how many.
 */
struct relocation *oracle_relocations(const struct symbol *function, const struct code *part,
                                      const struct arch_insn *insn, size_t *count);

/*
 * oracle_numbers.c: compares the texts `mine` and `theirs` of two functions that differ. In a
 * program at a fixed address a number may look like an address, and then seem to change when what
 * lies there moves: instructions that are the same bytes on both sides, and that no relocation
 * changes in the object that the left one was taken from, are the same. function: in that object.
 */
bool oracle_same_as_numbers(struct view *a, const struct code *left, const char *mine,
                            struct view *b, const struct code *right, const char *theirs,
                            const struct symbol *function);

#endif

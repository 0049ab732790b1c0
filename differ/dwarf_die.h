/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small steps through the tree of DWARF's debugging information entries (DWARF 5, section 2) with
 * libdwarf. Damage is noted in one flag: who asks for evidence wants all of it or none.
 */
#ifndef SYSCARE_DIFFER_DWARF_DIE_H
#define SYSCARE_DIFFER_DWARF_DIE_H

#include "differ/pool.h"
#include "lib/elf_file.h"
#include "lib/error.h"

#include <dwarf.h>
#include <libdwarf.h>
#include <stdbool.h>
#include <stdint.h>

/* Entries lie in each other: scopes of C++ some dozen deep. More is damage. */
#define DWARF_DEPTH_MAX 512

/* An object file whose debugging information is being read. */
struct dwarf_file {
    struct pool *pool;
    struct elf_file *elf;
    struct dwarf_object *object; /* dwarf_object.c */
    Dwarf_Debug dwarf;
    Dwarf_Half version; /* of the unit that is being read */
    bool has_lines;     /* that unit has a line table, which libdwarf may read */
    char **files;       /* its file names, as libdwarf counts them; freed with dwarf */
    Dwarf_Signed file_count;
    const char **names; /* the same, cleaned once they were asked for; memory of the pool */
    size_t copied;      /* bytes of all strings that were copied */
    unsigned int depth; /* of the entry that is being read; for whoever walks the tree */
    bool failed;        /* some of it is damaged */
    bool broken;        /* the list of entries leads nowhere: no more of them are read */
};

/*
 * dwarf_check.c: 0 when the file's debugging information is such that libdwarf may have a look at
 * it; -1 with err set. Called by dwarf_file_open.
 */
int dwarf_file_check(struct elf_file *elf, struct sc_error **err);

/*
 * dwarf_object.c: opens file->dwarf on file->elf; DW_DLV_OK, DW_DLV_NO_ENTRY without debugging
 * information, or DW_DLV_ERROR. To be closed in each case. Called by dwarf_file_open and _close.
 */
int dwarf_object_open(struct dwarf_file *file);
void dwarf_object_close(struct dwarf_file *file);
/* What libdwarf reads of a section; NULL when there is none. Memory of the file. */
const uint8_t *dwarf_object_contents(struct dwarf_file *file, const char *name, size_t *size);

/* dwarf_check.c: the same as dwarf_file_check, of tables as libdwarf reads them. Called as that. */
int dwarf_lists_check(struct dwarf_file *file, struct sc_error **err);

/*
 * dwarf_lines.c: true when the unit has a line table, and its header is such that libdwarf may have
 * a look at it. Called by dwarf_file_next_unit.
 */
bool dwarf_lines_are_sane(struct dwarf_file *file, Dwarf_Die unit);

/* 1; 0 when the file has no debugging information; -1 with err set. Close with dwarf_file_close. */
int dwarf_file_open(struct dwarf_file *file, struct pool *pool, const char *path,
                    struct sc_error **err);
void dwarf_file_close(struct dwarf_file *file);

/* The DIE of the next unit, its version and its files; NULL after the last. Free with die_free. */
Dwarf_Die dwarf_file_next_unit(struct dwarf_file *file);

/* True if types lie in COMDAT groups or in .debug_types (-fdebug-types-section): they are not read.
 */
bool dwarf_file_has_type_units(const struct dwarf_file *file);

Dwarf_Half dwarf_die_tag(struct dwarf_file *file, Dwarf_Die die);
bool dwarf_die_has(Dwarf_Die die, Dwarf_Half attribute);
/* A copy in the pool, or NULL. */
const char *dwarf_die_string(struct dwarf_file *file, Dwarf_Die die, Dwarf_Half attribute);
/* The same, of the DIE or of what it is an instance of. */
const char *dwarf_die_origin_string(struct dwarf_file *file, Dwarf_Die die, Dwarf_Half attribute);
/* What symbols call it: C++ has a name for the linker besides that of the source. May be NULL. */
const char *dwarf_die_name(struct dwarf_file *file, Dwarf_Die die);
/* False when the DIE has none, or it is no number. */
bool dwarf_die_number(struct dwarf_file *file, Dwarf_Die die, Dwarf_Half attribute,
                      uint64_t *value);
/* True if DW_AT_location is one expression with an address: static or thread-local storage. */
bool dwarf_die_has_address(struct dwarf_file *file, Dwarf_Die die);
/* The DIE that the attribute refers to; NULL for none. */
Dwarf_Die dwarf_die_reference(struct dwarf_file *file, Dwarf_Die die, Dwarf_Half attribute);
Dwarf_Die dwarf_die_child(struct dwarf_file *file, Dwarf_Die die);
/* The sibling after die, which is freed. */
Dwarf_Die dwarf_die_next(struct dwarf_file *file, Dwarf_Die die);
void dwarf_die_free(struct dwarf_file *file, Dwarf_Die die);

/*
 * Goes one entry deeper; false, and noted as damage, where that is too deep. dwarf_leave goes back.
 */
bool dwarf_enter(struct dwarf_file *file);
void dwarf_leave(struct dwarf_file *file);

/*
 * The file that DW_AT_decl_file or a row of the line table names by number, absolute and without
 * "." and ".."; NULL when there is none of that number.
 */
const char *dwarf_file_name(struct dwarf_file *file, uint64_t number);

/* "/a/./b/../c" is "/a/c". Memory of the pool. */
const char *dwarf_path_clean(struct pool *pool, const char *path);

#endif

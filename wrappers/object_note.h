/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Build records in object files: reading them, and adding one (doc/formats.md, "Build record"). */
#ifndef SYSCARE_OBJECT_NOTE_H
#define SYSCARE_OBJECT_NOTE_H

#include "lib/error.h"

#include <json-c/json.h>
#include <libelf.h>
#include <stdbool.h>

/* What a link needs to know of an input. */
struct object_facts {
    bool shared;                 /* ET_DYN: a library to link against, not a part of the output */
    bool lto;                    /* has LTO sections */
    struct json_object *records; /* array of build records, in file order; owned by the holder */
};

/*
 * Reads an ELF object, of either class, as elf_begin gave it. Notes of other owners and types are
 * passed over; a record that is not JSON is an error. 0, or -1 with err set.
 */
int object_facts_read(Elf *elf, struct object_facts *facts, struct sc_error **err);

/* As object_facts_read for a file that is one object; not an ELF object is an error. */
int object_facts_read_file(const char *path, struct object_facts *facts, struct sc_error **err);

/* Frees what facts holds. */
void object_facts_free(struct object_facts *facts);
#define cleanup_facts __attribute__((cleanup(object_facts_free)))

/*
 * Adds a section .syscare.build with one record to a relocatable object: it goes to the end of the
 * file, and no section, symbol or byte that is there already changes place. 0, or -1 with err set.
 */
int object_note_add(const char *path, struct json_object *record, struct sc_error **err);

#endif

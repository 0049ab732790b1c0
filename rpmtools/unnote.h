/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes build records (lib/build_note.h) out of objects and archives that a package ships. What
 * remains is byte for byte the file that a build without a capture makes.
 */
#ifndef SYSCARE_UNNOTE_H
#define SYSCARE_UNNOTE_H

#include "lib/error.h"

#include <stddef.h>

/*
 * bytes: a relocatable ELF object of either class (gABI). 1: *out (malloc'd) is the object without
 * its records; 0: there are none in it, *out is not set; -1 with err set: the object is damaged, or
 * its layout is not one that assembler, ld -r and strip write, so that the original cannot be
 * known.
 */
int unnote_object(const void *bytes, size_t size, void **out, size_t *out_size,
                  struct sc_error **err);

/* The same for an archive (ar(5), System V form, with or without a symbol table). */
int unnote_archive(const void *bytes, size_t size, void **out, size_t *out_size,
                   struct sc_error **err);

/*
 * Takes the records out of all objects and archives below root, by their contents, not their names.
 * Files keep their times, modes and hard links. Returns how many files changed, or -1 with err set.
 */
int unnote_tree(const char *root, struct sc_error **err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells whether two ELF files hold the same program. */
#ifndef SYSCARE_ELF_MATCH_H
#define SYSCARE_ELF_MATCH_H

#include "lib/digest.h"
#include "lib/error.h"

#include <stdbool.h>

enum elf_match_kind {
    ELF_MATCH_OTHER = 0,   /* no ELF executable or shared library of this machine */
    ELF_MATCH_PROGRAM = 1, /* ET_EXEC or ET_DYN with code */
};

/*
 * What the file is, by its contents. For a program *digest is its target digest and build_id its
 * build-id in hex ("" without one; room for 65 bytes). Returns enum elf_match_kind, or -1 with err
 * set for a damaged program.
 */
int elf_match_identify(const char *path, char digest[SC_DIGEST_HEX_SIZE], char *build_id,
                       struct sc_error **err);

/*
 * True if all allocated sections are equal but .dynamic, .dynstr and the build-id: those are what
 * chrpath and patchelf change in an installed file. Damaged files are not equal to anything.
 */
bool elf_match_code(const char *path, const char *other);

#endif

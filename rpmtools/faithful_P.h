/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to rpmtools/faithful*.c: comparisons of a shipped and a rebuilt ELF file. */
#ifndef SYSCARE_FAITHFUL_P_H
#define SYSCARE_FAITHFUL_P_H

#include "lib/elf_file.h"

/*
 * Each returns 0 when nothing differs, or -1 with err set to what differs (or to why it cannot be
 * told). Files may be separate .debug files unless it says otherwise.
 */

/* The allocated sections: names, types (apart from SHT_NOBITS), flags, addresses and sizes. */
int faithful_same_layout(struct elf_file *shipped, struct elf_file *own, struct sc_error **err);

/* Layout, and the contents of the allocated sections but the build-id; not for .debug files.
   symbols: a file whose .symtab names the functions for the message, or NULL. */
int faithful_same_code(struct elf_file *shipped, struct elf_file *own, struct elf_file *symbols,
                       struct sc_error **err);

/* .symtab: names, values, sizes, bindings and types, in order. */
int faithful_same_symbols(struct elf_file *shipped, struct elf_file *own, struct sc_error **err);

/* Contents of all sections that both have contents of, apart from the build-id and links. */
int faithful_same_debug(struct elf_file *shipped, struct elf_file *own, struct sc_error **err);

/* "compilers: shipped …, rebuilt …" from .comment or DW_AT_producer; NULL when they are equal. */
char *faithful_compilers(struct elf_file *shipped, struct elf_file *own);

/* "functions of another size, new or missing: a, b and 5 more" by both .symtab; NULL if none. */
char *faithful_resized(struct elf_file *shipped, struct elf_file *own);

/* The file name in .gnu_debugaltlink (dwz), or NULL. Owned by the file. */
const char *faithful_alternate(struct elf_file *file);

#endif

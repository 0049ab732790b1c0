/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the names of symbols and sections tell, and what they do not. */
#ifndef SYSCARE_DIFFER_NAMES_H
#define SYSCARE_DIFFER_NAMES_H

#include "differ/model.h"

/*
 * The name without what the compiler counts up: calls.3 -> calls, f.constprop.0.cold.2 ->
 * f.constprop.cold, x.lto_priv.7 -> x. Memory of the pool, or name itself when nothing changes.
 */
const char *name_key(struct pool *pool, const char *name);

/*
 * names_cxx.c: for a C++ name that the compiler puts numbers into (lambdas, unnamed types, things
 * inside of functions) the same without them, in a form of its own; and for the initialiser of a
 * file one that does not depend on what is first in it. name itself when there is nothing to take
 * out.
 */
const char *name_cxx_key(struct pool *pool, const char *name);

/* True for a mangled C++ name (Itanium C++ ABI, "Mangling"). */
bool name_is_cxx(const char *name);

/* The name as its author wrote it, for messages; memory of the pool, or name itself. */
const char *name_for_people(struct pool *pool, const char *name);

/* The name without ".lto_priv.N", which tells static things of one name apart. */
const char *name_without_lto(struct pool *pool, const char *name);

/* The name of the function that a NAME.cold or NAME.cold.N belongs to; NULL for other names. */
const char *name_cold_parent(struct pool *pool, const char *name);

/*
 * Read-only data that the compiler makes and numbers afresh in each run (CSWTCH.N, __func__.N,
 * .LC0): identity means nothing, contents everything.
 */
bool name_is_compiler_made(const char *name);

/* What a section is, by its header and, where the header does not tell, by its name. */
enum section_kind section_classify(const char *name, uint32_t type, uint64_t flags);

/* printf@GLIBC_2.2.5 -> printf: tables of symbols write versions into names, .dynsym does not. */
const char *name_without_version(struct pool *pool, const char *name);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparing symbols of the original and the patched object. */
#ifndef SYSCARE_DIFFER_COMPARE_H
#define SYSCARE_DIFFER_COMPARE_H

#include "differ/model.h"

/* Same size, same bytes and relocations at the same places of the same kinds, whatever they mean.
 */
bool compare_code_shape(const struct symbol *original, const struct symbol *patched);

/* The same, and what the relocations mean is equal apart from numbers in names. */
bool compare_code_loosely(const struct symbol *original, const struct symbol *patched);

/* True if both relocations mean the same thing in their versions; pairing must be done. */
bool compare_references(const struct relocation *original, const struct relocation *patched);

/* Why the contents of two symbols differ, or NULL when they are equal. */
const char *compare_contents(const struct symbol *original, const struct symbol *patched);

#endif

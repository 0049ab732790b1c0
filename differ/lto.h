/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is special about an object of link-time optimisation: it is several objects joined, one for
 * each partition of the link, and names that clash, or that another partition uses, were changed.
 */
#ifndef SYSCARE_DIFFER_LTO_H
#define SYSCARE_DIFFER_LTO_H

#include "differ/differ.h"

/*
 * Tells the symbols of an object that was just read which partition they come from, by the file
 * symbols between them.
 */
void lto_find_partitions(struct object *object);

/*
 * Pairs what another partition uses in one version only (f and f.lto_priv.0), and takes the trust
 * from all names that are given more than once: which one got which number tells nothing.
 */
void lto_pair_names(struct object *original, struct object *patched);

/*
 * Refuses a function that has its name from one in another file that goes, where something points
 * to that one: it may be the same function, which was moved.
 */
void lto_check_moved(struct differ *differ, struct object *original, struct object *patched);

/*
 * True for a static thing that other partitions use: its name has a number, which is that of
 * another thing of the name in the other version.
 */
bool lto_is_renamed(const struct symbol *symbol);

/* True for an input that LTO made of several files: "/tmp/ccqZ.ltrans3.ltrans.o". */
bool lto_is_partition(const char *input);

/*
 * False if the symbol is a static one of an LTO object and the input of the link is another
 * partition than it comes from.
 */
bool lto_may_be_in(const struct symbol *symbol, const char *input);

/*
 * The symbol of the original link that a static one of the original object became: the replay went
 * the way of the link, so name and partition are the same. NULL with *why set.
 */
struct image_symbol *lto_resolve(struct differ *differ, const struct symbol *symbol,
                                 enum refusal_code *why);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a function is in the patch, by the evidence of the source and of its debugging information.
 */
#ifndef SYSCARE_DIFFER_EXPLAIN_H
#define SYSCARE_DIFFER_EXPLAIN_H

#include "differ/differ.h"

/* One reason; doc/formats.md, "report.json", lists the kinds. */
struct why {
    const char *kind;     /* "source", "inlines", … */
    const char *function; /* the other function, or the object, that it is about; or NULL */
    const char *place;    /* "a.c:12", or NULL */
    const char *text;     /* a sentence */
};

/* True if the function is switched only when no thread is inside. */
bool explain_is_quiesced(const struct differ *differ, const struct symbol *symbol);

#endif

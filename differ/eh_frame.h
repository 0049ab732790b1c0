/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Call frame information of an object file. */
#ifndef SYSCARE_DIFFER_EH_FRAME_H
#define SYSCARE_DIFFER_EH_FRAME_H

#include "differ/model.h"

/* One record of .eh_frame: a CIE, or an FDE of some function. */
struct eh_record {
    struct section *section;
    uint64_t offset, size; /* with its length field */
    uint64_t cie;          /* FDE: offset of its CIE; CIE: UINT64_MAX */
};

/* The record at offset. False at the end and where the section is malformed. */
bool eh_frame_record(struct section *section, uint64_t offset, struct eh_record *record);

/* The relocation of an FDE's first address; NULL when there is none. */
const struct relocation *eh_frame_function(const struct eh_record *fde);

/*
 * Gives each function the table of landing pads, actions and types (LSDA) that its frames have:
 * symbol.lsda, a piece without a name that is compared by content. Called by object_read.
 */
void eh_frame_attach(struct object *object);

#endif

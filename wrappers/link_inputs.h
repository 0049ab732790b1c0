/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the inputs that a map names to the build records that they hold. */
#ifndef SYSCARE_LINK_INPUTS_H
#define SYSCARE_LINK_INPUTS_H

#include "lib/error.h"
#include "wrappers/link_map.h"

#include <json-c/json.h>
#include <stdbool.h>

/*
 * Reads every object and archive member of the list, writes their build records to tu/ of the
 * capture, and returns the array "inputs" of the link record (doc/formats.md), which the caller
 * owns. Shared libraries, archives as such and files that are gone (the temporary objects of LTO)
 * are not in it. *lto is set when one of them holds LTO code. NULL with err set when an input is
 * damaged.
 */
struct json_object *link_inputs_read(const char *capture, const struct map_inputs *inputs,
                                     bool *lto, struct sc_error **err);

#endif

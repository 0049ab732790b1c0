/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The headers that a package installs: programs of other packages were compiled with them. */
#ifndef SYSCARE_RPMTOOLS_HEADERS_H
#define SYSCARE_RPMTOOLS_HEADERS_H

#include "lib/error.h"
#include "lib/json_util.h"

#include <stdbool.h>

/* True for the name of a C or C++ header. */
bool headers_named(const char *path);

/*
 * An object {"usr/include/expat.h": "sha256 in hex", …} of the headers below a build root, which
 * the caller puts. NULL with err set if it cannot be read.
 */
struct json_object *headers_read(const char *root, struct sc_error **err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to rpmtools/srpm*.c. */
#ifndef SYSCARE_SRPM_P_H
#define SYSCARE_SRPM_P_H

#include "lib/error.h"

#include <rpm/header.h>
#include <sys/types.h>

/*
 * Reads the header of the package at path (to be freed with headerFree) and where in the file its
 * payload begins. 0, or -1 with err set.
 */
int rpm_header_read(const char *path, Header *header, off_t *payload, struct sc_error **err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that read a linked file share. */
#ifndef SYSCARE_DIFFER_IMAGE_P_H
#define SYSCARE_DIFFER_IMAGE_P_H

#include "differ/image.h"

/* Gives each symbol of .dynsym its version and library. 0, or -1 with err set. */
int image_read_versions(struct image *image, struct sc_error **err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attaches a BPF program to many offsets of one file by a single link. */
#ifndef SYSCARE_UPROBE_LINK_H
#define SYSCARE_UPROBE_LINK_H

#include "lib/error.h"

#include <stddef.h>
#include <stdint.h>

/* What a program must be loaded with (enum bpf_attach_type BPF_TRACE_UPROBE_MULTI, Linux 6.6). */
#define UPROBE_MULTI_ATTACH_TYPE 48
#define UPROBE_MULTI_LINK_TYPE 12 /* enum bpf_link_type */

/*
 * Brings the pages of the offsets into the page cache: attaching to a page that is not there makes
 * ext4 warn.
 */
void uprobe_pages_read(int fd, const uint64_t *offsets, size_t count);

/*
 * Attaches prog_fd to count offsets (file offsets of instructions, with a cookie each) of the file
 * open as file_fd, in all processes that map it now or later, whatever the path they know it by.
 * Returns the link's file descriptor, or -1 with err set; saved_errno tells why the kernel refused
 * (EINVAL where it does not know the link type).
 */
int uprobe_link_create(int prog_fd, int file_fd, const uint64_t *offsets, const uint64_t *cookies,
                       size_t count, struct sc_error **err);

#endif

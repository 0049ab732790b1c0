/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The target digest: what of an ELF file a patch relies on.
 *
 * SHA-256 over every allocated section (SHF_ALLOC) but the one with the build-id note, in the order
 * of the section header table: name with its NUL, then sh_type as u32, sh_flags, sh_addr and
 * sh_size as u64 (little-endian), then the contents unless SHT_NOBITS. Stripping, debugedit,
 * .gnu_debuglink and minidebuginfo do not change it; any other byte that is mapped does. It proves
 * that a rebuilt file and the shipped one run the same, even when their build-ids differ because
 * they were built in different directories.
 */
#ifndef SYSCARE_TARGET_DIGEST_H
#define SYSCARE_TARGET_DIGEST_H

#include "lib/digest.h"
#include "lib/elf_file.h"

/*
 * 0, or -1 with err set: the file has no section headers, or a section lies outside it. The
 * .debug files of debuginfo packages have no contents to digest: that is an error too.
 */
int target_digest(struct elf_file *file, uint8_t out[SC_DIGEST_SIZE], struct sc_error **err);

#endif

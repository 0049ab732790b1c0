/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proves that a rebuilt ELF file is what was shipped, or says where they differ. */
#ifndef SYSCARE_FAITHFUL_H
#define SYSCARE_FAITHFUL_H

#include "lib/digest.h"
#include "lib/elf_file.h"
#include "lib/error.h"
#include "lib/string_list.h"
#include "rpmtools/srpm.h"

/*
 * The strongest evidence found, weakest first. All but NONE are enough to build a patch; DEBUGINFO
 * does not show constants in code and data, so there the runtime's comparison of the target digest
 * with the installed file is what decides.
 */
enum faithful_level {
    FAITHFUL_NONE = 0,  /* differs, or nothing of the shipped file was found: reason says which */
    FAITHFUL_SELF,      /* captured at the official build; no shipped package was at hand */
    FAITHFUL_DEBUGINFO, /* the .debug files are equal: sections, symbols, debugging information */
    FAITHFUL_SECTIONS,  /* the target digests of both files are equal (lib/target_digest.h) */
    FAITHFUL_BUILD_ID,  /* the build-ids are equal, and nothing that is at hand contradicts */
};

struct faithful_result {
    enum faithful_level level;
    char *reason;      /* NULL unless level is FAITHFUL_NONE: what differs and, where it helps, the
                          compilers of both */
    char *build_id;    /* of the shipped file, hex digits; NULL when not found */
    char *own_digest;  /* target digest of the rebuilt file, 64 hex digits */
    char *shipped_elf; /* path of the shipped file itself where it is at hand, or NULL */
    char *shipped_debug; /* path of its .debug file, or NULL */
};

/* The shipped packages, unpacked. */
struct faithful;

/*
 * srpm: the source package. rpms: paths of shipped packages (debuginfo; main packages may be among
 * them); packages of the same source that lie beside them in the same directories are used too.
 * Each rpms entry must be built from srpm (RPMTAG_SOURCERPM is its file name, or name, version and
 * release are equal): else an error that names both. work: a directory for our files, made, which
 * the caller removes. NULL with err set.
 */
struct faithful *faithful_open(const struct rpm_package *srpm, const struct string_list *rpms,
                               const char *work, struct sc_error **err);

/*
 * Compares one file. elf_path is its installed path ("/usr/bin/redis-server"); own_root holds the
 * rebuilt file there and its .debug file below usr/lib/debug (the RPMs of the rebuild unpacked, or
 * its build root). The shipped file is looked for in the packages, then on the host by its
 * build-id. 0 with *result filled in (clear it), or -1 with err set when own_root's file cannot be
 * read.
 */
int faithful_check(struct faithful *faithful, const char *own_root, const char *elf_path,
                   struct faithful_result *result, struct sc_error **err);

/*
 * The result for a file that was captured at the official build, without shipped packages: the
 * file itself says what it is. 0 with *result filled in, or -1 with err set.
 */
int faithful_self(const char *own_root, const char *elf_path, struct faithful_result *result,
                  struct sc_error **err);

/* "build-id", "sections", "debuginfo", "self", "none": the words of patch_info. */
const char *faithful_level_name(enum faithful_level level);

void faithful_result_clear(struct faithful_result *result);

/* NULL is allowed. */
void faithful_close(struct faithful *faithful);

#endif

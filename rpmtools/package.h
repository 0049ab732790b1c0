/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the patch RPM and the patch source RPM, and opens the latter again. */
#ifndef SYSCARE_PACKAGE_H
#define SYSCARE_PACKAGE_H

#include "lib/error.h"
#include "lib/patch_info.h"
#include "lib/string_list.h"

#include <stdint.h>

/* Where patch RPMs install to; one directory, named by the uuid, for each patch. */
#define PACKAGE_PATCH_DIR "/usr/lib/syscare/patches"

/* What goes into the packages. */
struct package_job {
    /* Complete but for uuid, the entities' uuid and sha256, the patches' sha256 and digest: those
       are calculated from the files (and must be equal where they are set already). */
    struct patch_info *info;
    const struct string_list *objects; /* patch object of each entity, in their order */
    const struct string_list *patches; /* source patch of each info->patches, in their order */
    const char *source_rpm;            /* the original source package, not a patch source RPM */
    const char *output;                /* directory for the results; made */
    const char *work;                  /* directory for our files; made, the caller removes it */
    uint64_t date; /* SOURCE_DATE_EPOCH: seconds since 1970; the same input gives the same RPM */
};

struct package_result {
    char *binary, *source; /* paths of the RPMs made */
};

/*
 * Makes both packages with rpmbuild. 0, or -1 with err set (SC_USAGE for names that cannot be).
 * The log of rpmbuild is work/rpmbuild.log.
 */
int package_make(const struct package_job *job, struct package_result *result,
                 struct sc_error **err);
void package_result_clear(struct package_result *result);

/* A patch source RPM, unpacked. */
struct package_source {
    char *source_rpm;           /* path of the original source package */
    struct patch_info *info;    /* of the patch so far */
    struct string_list patches; /* paths of all its source patches, in order; a path ends in the
                                   name that the patch had */
};

/*
 * If path is a patch source RPM, unpacks it into directory (made), checks all digests and returns
 * 1 with *source filled in (clear it). 0 for any other source RPM. -1 with err set.
 */
int package_read_source(const char *path, const char *directory, struct package_source *source,
                        struct sc_error **err);
void package_source_clear(struct package_source *source);

/*
 * The release of the next cumulative patch: release raised by one ("1" gives "2"; "1.2" "2.2").
 * A new string, or NULL with err set when it does not begin with a number.
 */
char *package_next_release(const char *release, struct sc_error **err);

#endif

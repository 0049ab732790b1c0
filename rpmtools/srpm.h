/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RPM packages: what their headers say, and unpacking them. librpm and libarchive do the work. */
#ifndef SYSCARE_SRPM_H
#define SYSCARE_SRPM_H

#include "lib/error.h"
#include "lib/string_list.h"

#include <stdbool.h>
#include <stdint.h>

enum rpm_package_kind {
    RPM_PACKAGE_SOURCE = 1,
    RPM_PACKAGE_BINARY,
    RPM_PACKAGE_DEBUGINFO,   /* has .debug files */
    RPM_PACKAGE_DEBUGSOURCE, /* has only sources for the debugger */
};

/* What the header says. Strings are owned and not NULL unless said. */
struct rpm_package {
    char *path; /* of the file it was read from */
    enum rpm_package_kind kind;
    char *name, *version, *release, *arch, *license;
    char *epoch;             /* decimal, or NULL */
    char *build_host;        /* RPMTAG_BUILDHOST, "" when missing */
    char *source_rpm;        /* RPMTAG_SOURCERPM: file name of the source package; NULL in one */
    char *spec;              /* source package: file name of its spec; else NULL */
    uint64_t build_time;     /* seconds since 1970 */
    uint64_t changelog_time; /* of the newest entry, 0 without a changelog */
    /* "name", or "name >= version"; for a source package these are the BuildRequires. */
    struct string_list requires;
    struct string_list provides; /* the same form */
};

/*
 * Reads the header of a package. Signatures are not required; digests of the header must be right.
 * NULL with err set: no such file, not an RPM, damaged.
 */
struct rpm_package *rpm_package_read(const char *path, struct sc_error **err);

/* NULL is allowed. */
void rpm_package_free(struct rpm_package *package);
void rpm_package_cleanup(struct rpm_package **package);
#define cleanup_rpm __attribute__((cleanup(rpm_package_cleanup)))

/* "name-version-release" / "[epoch:]version-release" in a new string. */
char *rpm_package_nvr(const struct rpm_package *package);
char *rpm_package_evr(const struct rpm_package *package);

/*
 * Unpacks a package's payload below directory, which is made. No entry gets out of it: names with
 * ".." and names that lead through a symbolic link are an error. Devices are left out, files stay
 * readable and writable for the user. The payload's digest (RPMTAG_PAYLOADDIGEST) is checked
 * before. 0, or -1 with err set.
 */
int rpm_package_unpack(const struct rpm_package *package, const char *directory,
                       struct sc_error **err);

/*
 * Unpacks a source package: its spec into topdir/SPECS, everything else into topdir/SOURCES (both
 * are made). *spec gets the absolute path of the spec, to be freed. 0, or -1 with err set.
 */
int srpm_unpack(const struct rpm_package *package, const char *topdir, char **spec,
                struct sc_error **err);

enum srpm_requires {
    SRPM_REQUIRES_MET = 0,
    SRPM_REQUIRES_MISSING = 1, /* missing says which */
    SRPM_REQUIRES_UNKNOWN = 2, /* the rpm database has no packages: it cannot tell */
};

/*
 * Compares the BuildRequires of a source package with the rpm database of the host (root NULL) or
 * of a root directory. Appends to missing one "name >= version" for each that nothing provides.
 * Returns an enum srpm_requires, or -1 with err set.
 */
int srpm_missing_requires(const struct rpm_package *package, const char *root,
                          struct string_list *missing, struct sc_error **err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private to rpmtools/package*.c: what the patch source RPM consists of. */
#ifndef SYSCARE_PACKAGE_P_H
#define SYSCARE_PACKAGE_P_H

#include "lib/patch_info.h"

#include <stddef.h>

/* The spec's file name tells a patch source RPM from all others. */
#define PACKAGE_SPEC "syscare-patch.spec"

/* Below SOURCES, not in the source RPM: what is installed, laid out as below %{buildroot}. */
#define PACKAGE_STAGE "stage"

/*
 * The name of the source package, "<target>-<version>-<release>-<patch>": what an RPM's name cannot
 * have ('~' and '^' of versions) becomes '_'. The binary package's is "patch-" and this.
 */
char *package_name(const struct patch_info *info);

/* The file in the source RPM that holds the patch of this index: "0001-CVE-2025-32023.patch". */
char *package_patch_file(const struct patch_info *info, size_t index);

/* The text of the spec; source_rpm is the file name of the original source package. */
char *package_spec(const struct patch_info *info, const char *source_rpm);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is the package that a patch was made for what is installed here? */
#ifndef SYSCARE_RUNTIME_TARGET_CHECK_H
#define SYSCARE_RUNTIME_TARGET_CHECK_H

#include "lib/error.h"
#include "runtime/patch_store.h"

/*
 * The RPM database below root ("" for the real one) must have exactly the name, epoch, version,
 * release and arch. 0, or -1 with err set: SC_REFUSED target-not-installed or target-version (it
 * names both), SC_FAILED when the database cannot be read. Not thread-safe, as librpm is not.
 */
int target_check_package(const char *root, const struct patch_target *target,
                         struct sc_error **err);

/*
 * The file root + target_elf must have the build-id and the target digest of patch_info, and each
 * function that the patch object at object_path replaces must be the very bytes it was made for.
 * Returns a descriptor of the file that was checked, or -1 with err set (SC_REFUSED
 * target-build-id, target-digest, function-digest).
 */
int target_check_file(const char *root, const struct entity *entity, const char *object_path,
                      struct sc_error **err);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// Is the package that a patch was made for what is installed here?
#include "runtime/target_check.h"

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/elf_file.h"
#include "lib/file.h"
#include "lib/target_digest.h"
#include "runtime/patch_object.h"

#include <fcntl.h>
#include <rpm/header.h>
#include <rpm/rpmdb.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmmacro.h>
#include <rpm/rpmts.h>
#include <string.h>

/* True if there is an RPM database in that directory below root. */
static bool has_database(const char *root, const char *dir)
{
    static const char *const files[] = {"rpmdb.sqlite", "Packages.db", "Packages"};
    bool found = false;

    for (size_t i = 0; !found && i < sizeof(files) / sizeof(files[0]); i++) {
        cleanup_free char *path = sc_format("%s%s/%s", root, dir, files[i]);

        found = sc_file_exists(path);
    }
    return found;
}

/*
 * Where the database below root is, in a new string; NULL when there is none. Distributions
 * differ, and Debian's rpm, which dnf uses too, keeps it in the caller's home directory.
 */
static char *find_database(const char *root)
{
    static const char *const dirs[] = {"/usr/lib/sysimage/rpm", "/var/lib/rpm", "/root/.rpmdb"};
    cleanup_free char *configured = rpmExpand("%{?_dbpath}", NULL);

    if (configured && configured[0] == '/' && has_database(root, configured))
        return steal_pointer(&configured);
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        if (has_database(root, dirs[i]))
            return sc_format("%s", dirs[i]);
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* True if the header is the package; otherwise its name is put into *other. */
static bool header_matches(Header header, const struct patch_target *target, char **other)
{
    uint64_t epoch = headerGetNumber(header, RPMTAG_EPOCH);
    uint64_t wanted = target->epoch ? strtoull(target->epoch, NULL, 10) : 0;
    bool same = epoch == wanted &&
                same_text(headerGetString(header, RPMTAG_VERSION), target->version) &&
                same_text(headerGetString(header, RPMTAG_RELEASE), target->release) &&
                same_text(headerGetString(header, RPMTAG_ARCH), target->arch);

    if (!same) {
        free(*other);
        *other = headerGetAsString(header, RPMTAG_NEVRA);
    }
    return same;
}

/* Looks the package up. True if it is installed; *other is another one of that name. */
static bool find_package(rpmts ts, const struct patch_target *target, char **other)
{
    rpmdbMatchIterator iterator = rpmtsInitIterator(ts, RPMDBI_NAME, target->name, 0);
    bool found = false;
    Header header;

    while (!found && (header = rpmdbNextIterator(iterator)))
        found = header_matches(header, target, other);
    rpmdbFreeIterator(iterator);
    return found;
}

/* Opens the database and looks; the macro of its path is set for that time only. */
static int look_up(const char *root, const char *dbpath, const struct patch_target *target,
                   bool *found, char **other, struct sc_error **err)
{
    rpmts ts = rpmtsCreate();
    int result = 0;

    rpmPushMacro(NULL, "_dbpath", NULL, dbpath, RMIL_CMDLINE);
    rpmtsSetRootDir(ts, root[0] ? root : "/");
    rpmtsSetVSFlags(ts, RPMVSF_MASK_NODIGESTS | RPMVSF_MASK_NOSIGNATURES);
    if (rpmtsOpenDB(ts, O_RDONLY) != 0)
        result = sc_error_set(err, SC_FAILED, "cannot open the RPM database %s%s", root, dbpath);
    else
        *found = find_package(ts, target, other);
    rpmtsFree(ts);
    rpmPopMacro(NULL, "_dbpath");
    return result;
}

int target_check_package(const char *root, const struct patch_target *target, struct sc_error **err)
{
    cleanup_free char *dbpath = find_database(root);
    cleanup_free char *wanted =
        sc_format("%s-%s%s%s-%s.%s", target->name, target->epoch ? target->epoch : "",
                  target->epoch ? ":" : "", target->version, target->release, target->arch);
    cleanup_free char *other = NULL;
    bool found = false;

    if (!dbpath)
        return sc_error_set(err, SC_REFUSED,
                            "target-not-installed: there is no RPM database below %s/, so %s is not"
                            " installed",
                            root, wanted);
    if (look_up(root, dbpath, target, &found, &other, err) < 0)
        return -1;
    if (found)
        return 0;
    if (other)
        return sc_error_set(err, SC_REFUSED,
                            "target-version: the patch is for %s, but %s is installed", wanted,
                            other);
    return sc_error_set(err, SC_REFUSED, "target-not-installed: %s is not installed", wanted);
}

/* Compares the build-id and the digest of the installed file. */
static int check_identity(struct elf_file *elf, const struct entity *entity, struct sc_error **err)
{
    uint8_t id[SC_BUILD_ID_MAX], digest[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE];
    int size = elf_build_id(elf, id, err);

    if (size < 0)
        return -1;
    sc_hex_encode(id, (size_t)size, hex);
    if (strcmp(hex, entity->info->build_id) != 0)
        return sc_error_set(err, SC_REFUSED,
                            "target-build-id: %s has build-id %s, the patch is for %s", elf->path,
                            size ? hex : "(none)", entity->info->build_id);
    if (target_digest(elf, digest, err) < 0)
        return -1;
    sc_hex_encode(digest, sizeof(digest), hex);
    if (strcmp(hex, entity->info->target_digest) != 0)
        return sc_error_set(err, SC_REFUSED,
                            "target-digest: the contents of %s are not those of the package",
                            elf->path);
    return 0;
}

/* Compares one function's bytes in the file with those that the patch was made for. */
static int check_function(struct elf_file *elf, const struct patch_object *object,
                          const struct sc_patch_func *func, struct sc_error **err)
{
    cleanup_free uint8_t *bytes = malloc(func->old_size ? func->old_size : 1);
    uint8_t digest[SC_DIGEST_SIZE];
    uint64_t offset = 0;

    if (!bytes)
        return sc_error_errno(err, "cannot read function %s", patch_func_name(object, func));
    if (elf_offset_of_vaddr(elf, func->old_vaddr, &offset, err) < 0)
        return -1;
    if (offset != func->old_offset ||
        pread(elf->fd, bytes, func->old_size, (off_t)offset) != (ssize_t)func->old_size)
        return sc_error_set(err, SC_REFUSED, "function-digest: %s is not where the patch says",
                            patch_func_name(object, func));
    sc_digest_memory(bytes, func->old_size, digest);
    if (memcmp(digest, func->old_digest, sizeof(digest)) != 0)
        return sc_error_set(err, SC_REFUSED,
                            "function-digest: the code of %s in %s is not what the patch is for",
                            patch_func_name(object, func), elf->path);
    return 0;
}

/* A uprobe is put there: it must be on the instruction that the patch means. */
static int check_arm(struct elf_file *elf, const struct sc_patch_arm *arm, struct sc_error **err)
{
    uint8_t bytes[SC_ARM_BYTES];
    uint64_t offset = 0;

    if (elf_offset_of_vaddr(elf, arm->vaddr, &offset, err) < 0)
        return -1;
    if (offset != arm->offset ||
        pread(elf->fd, bytes, arm->size, (off_t)offset) != (ssize_t)arm->size ||
        memcmp(bytes, arm->bytes, arm->size) != 0)
        return sc_error_set(err, SC_REFUSED,
                            "function-digest: %s does not begin where the patch says", elf->path);
    return 0;
}

/*
 * Every function that is replaced, although the target digest covers them: the tables of the patch
 * object are compared with the file too.
 */
static int check_functions(struct elf_file *elf, const char *object_path, struct sc_error **err)
{
    cleanup_close int fd = open(object_path, O_RDONLY | O_CLOEXEC);
    cleanup_patch struct patch_object *object = NULL;

    if (fd < 0)
        return sc_error_errno(err, "cannot open %s", object_path);
    object = patch_object_open(fd, err);
    if (!object)
        return sc_error_wrap(err, "%s", object_path);
    for (size_t i = 0; i < object->func_count; i++)
        if (check_function(elf, object, &object->funcs[i], err) < 0)
            return -1;
    for (size_t i = 0; i < object->arm_count; i++)
        if (check_arm(elf, &object->arms[i], err) < 0)
            return -1;
    return 0;
}

int target_check_file(const char *root, const struct entity *entity, const char *object_path,
                      struct sc_error **err)
{
    cleanup_free char *path = sc_format("%s%s", root, entity->info->target_elf);
    cleanup_elf struct elf_file *elf = NULL;

    if (!sc_file_exists(path))
        return sc_error_set(err, SC_REFUSED, "target-not-installed: %s does not exist", path);
    elf = elf_file_open(path, err);
    if (!elf || check_identity(elf, entity, err) < 0 || check_functions(elf, object_path, err) < 0)
        return -1;
    /* The same open file, so that nobody can exchange it between check and use. */
    return fcntl(elf->fd, F_DUPFD_CLOEXEC, 3);
}

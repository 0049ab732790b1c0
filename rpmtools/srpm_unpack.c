// SPDX-License-Identifier: GPL-2.0-or-later
// Unpacks RPM packages through libarchive, so that no entry gets out of its directory.
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "rpmtools/srpm.h"
#include "rpmtools/srpm_P.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Decides where an entry goes: a new string, NULL with err set when it may go nowhere. */
typedef char *(*entry_place)(const char *name, const void *data, struct sc_error **err);

/* From where the file stands to its end. */
static int digest_rest(int fd, const char *path, uint8_t out[SC_DIGEST_SIZE], struct sc_error **err)
{
    struct sc_digest *digest = sc_digest_new();
    char buffer[65536];
    ssize_t n;

    if (!digest)
        abort();
    while ((n = read(fd, buffer, sizeof(buffer))) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            sc_digest_add(digest, buffer, (size_t)n);
    sc_digest_finish(digest, out);
    return n < 0 ? sc_error_errno(err, "cannot read %s", path) : 0;
}

/* The SHA-256 of the compressed payload as the header has it; packages of rpm < 4.14 have none. */
static int expected_digest(const char *path, char hex[SC_DIGEST_HEX_SIZE], off_t *payload,
                           struct sc_error **err)
{
    struct rpmtd_s digests;
    Header header;
    const char *text;

    if (rpm_header_read(path, &header, payload, err) < 0)
        return -1;
    hex[0] = '\0';
    if (headerGetNumber(header, RPMTAG_PAYLOADDIGESTALGO) == 8 && /* PGPHASHALGO_SHA256 */
        headerGet(header, RPMTAG_PAYLOADDIGEST, &digests, HEADERGET_MINMEM)) {
        text = rpmtdNext(&digests) >= 0 ? rpmtdGetString(&digests) : NULL;
        if (text && strlen(text) == SC_DIGEST_HEX_SIZE - 1)
            strcpy(hex, text);
        rpmtdFreeData(&digests);
    }
    headerFree(header);
    return 0;
}

/* librpm checks a payload only when it installs one. */
static int check_payload(const char *path, struct sc_error **err)
{
    cleanup_close int fd = -1;
    uint8_t digest[SC_DIGEST_SIZE];
    char want[SC_DIGEST_HEX_SIZE], have[SC_DIGEST_HEX_SIZE];
    off_t payload;

    if (expected_digest(path, want, &payload, err) < 0)
        return -1;
    if (!want[0])
        return 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || lseek(fd, payload, SEEK_SET) < 0)
        return sc_error_errno(err, "cannot read %s", path);
    if (digest_rest(fd, path, digest, err) < 0)
        return -1;
    sc_hex_encode(digest, sizeof(digest), have);
    if (strcasecmp(want, have) != 0)
        return sc_error_set(err, SC_FAILED,
                            "%s: damaged RPM package: the digest of its payload "
                            "is wrong",
                            path);
    return 0;
}

/* True if name is relative and stays below where it starts. */
static bool name_is_safe(const char *name)
{
    if (!*name || *name == '/')
        return false;
    for (const char *part = name; *part; part += strspn(part, "/")) {
        size_t size = strcspn(part, "/");

        if (size == 2 && part[0] == '.' && part[1] == '.')
            return false;
        part += size;
    }
    return true;
}

/* Below a directory; payloads name files "./usr/bin/x" or "/usr/bin/x". */
static char *place_below(const char *name, const void *data, struct sc_error **err)
{
    const char *relative = name;

    relative += strspn(relative, "/");
    while (strncmp(relative, "./", 2) == 0) {
        relative += 2;
        relative += strspn(relative, "/");
    }
    if (!name_is_safe(relative)) {
        sc_error_set(err, SC_FAILED, "the package has a file called '%s'", name);
        return NULL;
    }
    return sc_format("%s/%s", (const char *)data, relative);
}

struct source_places {
    const char *spec; /* file name of the spec */
    const char *topdir;
};

/* Source packages are flat: a slash in a name is nothing that rpmbuild made. */
static char *place_source(const char *name, const void *data, struct sc_error **err)
{
    const struct source_places *places = data;

    if (strncmp(name, "./", 2) == 0)
        name += 2;
    if (strchr(name, '/') || !name_is_safe(name)) {
        sc_error_set(err, SC_FAILED, "the source package has a file called '%s'", name);
        return NULL;
    }
    return sc_format("%s/%s/%s", places->topdir, strcmp(name, places->spec) ? "SOURCES" : "SPECS",
                     name);
}

/* What is unpacked is for the user who builds: his to change, never set-uid. */
static void entry_tame(struct archive_entry *entry)
{
    mode_t mode = archive_entry_perm(entry) & 0777;

    archive_entry_set_perm(entry, mode | (archive_entry_filetype(entry) == AE_IFDIR ? 0700 : 0600));
}

/* Gives the entry its place on disk; a hard link's other end must be inside too. */
static int entry_redirect(struct archive_entry *entry, entry_place place, const void *data,
                          struct sc_error **err)
{
    cleanup_free char *path = NULL;
    cleanup_free char *link = NULL;

    if (!archive_entry_pathname(entry))
        return sc_error_set(err, SC_FAILED, "the package has a file without a name");
    path = place(archive_entry_pathname(entry), data, err);
    if (!path)
        return -1;
    archive_entry_set_pathname(entry, path);
    if (!archive_entry_hardlink(entry))
        return 0;
    link = place(archive_entry_hardlink(entry), data, err);
    if (!link)
        return -1;
    archive_entry_set_hardlink(entry, link);
    return 0;
}

/*
 * Devices, sockets and pipes need root and are never what is compared or built. In newc cpio
 * only the last of several hard links has the contents: libarchive brings the others as links.
 */
static bool entry_is_wanted(struct archive_entry *entry)
{
    mode_t type = archive_entry_filetype(entry);

    return type == AE_IFREG || type == AE_IFDIR || type == AE_IFLNK ||
           archive_entry_hardlink(entry);
}

/* Block by block with its offset, so that holes stay holes. */
static int copy_data(struct archive *in, struct archive *out, struct sc_error **err)
{
    const void *block;
    size_t size;
    int64_t offset;
    int rc;

    while ((rc = archive_read_data_block(in, &block, &size, &offset)) == ARCHIVE_OK)
        if (archive_write_data_block(out, block, size, offset) < ARCHIVE_OK)
            return sc_error_set(err, SC_FAILED, "%s", archive_error_string(out));
    if (rc != ARCHIVE_EOF)
        return sc_error_set(err, SC_FAILED, "%s", archive_error_string(in));
    return 0;
}

/* A warning is a failure here: it means that the entry is not what the package says. */
static int unpack_entry(struct archive *in, struct archive *out, struct archive_entry *entry,
                        struct sc_error **err)
{
    if (archive_write_header(out, entry) < ARCHIVE_OK)
        return sc_error_set(err, SC_FAILED, "%s", archive_error_string(out));
    if (archive_entry_filetype(entry) == AE_IFREG && copy_data(in, out, err) < 0)
        return -1;
    if (archive_write_finish_entry(out) < ARCHIVE_WARN)
        return sc_error_set(err, SC_FAILED, "%s", archive_error_string(out));
    return 0;
}

static int unpack_all(struct archive *in, struct archive *out, entry_place place, const void *data,
                      struct sc_error **err)
{
    struct archive_entry *entry;
    int rc;

    while ((rc = archive_read_next_header(in, &entry)) == ARCHIVE_OK) {
        if (!entry_is_wanted(entry))
            continue;
        entry_tame(entry);
        if (entry_redirect(entry, place, data, err) < 0 || unpack_entry(in, out, entry, err) < 0)
            return -1;
    }
    if (rc != ARCHIVE_EOF)
        return sc_error_set(err, SC_FAILED, "%s", archive_error_string(in));
    return 0;
}

/* libarchive's rpm filter skips lead, signature and header; the compression is found by itself. */
static int unpack(const char *path, entry_place place, const void *data, struct sc_error **err)
{
    struct archive *in = archive_read_new();
    struct archive *out = archive_write_disk_new();
    int result;

    if (!in || !out)
        abort();
    archive_read_support_filter_all(in);
    archive_read_support_format_cpio(in);
    /* A symbolic link in the package must not lead a later entry elsewhere. */
    archive_write_disk_set_options(out, ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM |
                                            ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                                            ARCHIVE_EXTRACT_SECURE_NODOTDOT);
    if (archive_read_open_filename(in, path, 1 << 16) != ARCHIVE_OK)
        result = sc_error_set(err, SC_FAILED, "%s", archive_error_string(in));
    else
        result = unpack_all(in, out, place, data, err);
    archive_read_free(in);
    if (archive_write_free(out) < ARCHIVE_WARN && result == 0)
        result = sc_error_set(err, SC_FAILED, "cannot finish unpacking");
    return result < 0 ? sc_error_wrap(err, "cannot unpack %s", path) : 0;
}

/* The directory, made and without symbolic links on the way: those are not the package's. */
static char *make_real(const char *directory, struct sc_error **err)
{
    char *real;

    if (sc_dir_make(directory, 0755, err) < 0)
        return NULL;
    real = realpath(directory, NULL);
    if (!real)
        sc_error_errno(err, "%s", directory);
    return real;
}

int rpm_package_unpack(const struct rpm_package *package, const char *directory,
                       struct sc_error **err)
{
    cleanup_free char *real = make_real(directory, err);

    if (!real || check_payload(package->path, err) < 0)
        return -1;
    return unpack(package->path, place_below, real, err);
}

int srpm_unpack(const struct rpm_package *package, const char *topdir, char **spec,
                struct sc_error **err)
{
    cleanup_free char *real = make_real(topdir, err);
    cleanup_free char *specs = real ? sc_format("%s/SPECS", real) : NULL;
    cleanup_free char *sources = real ? sc_format("%s/SOURCES", real) : NULL;
    struct source_places places = {.spec = package->spec, .topdir = real};

    if (package->kind != RPM_PACKAGE_SOURCE || !package->spec)
        return sc_error_set(err, SC_USAGE, "%s is not a source package with a spec", package->path);
    if (!real || sc_dir_make(specs, 0755, err) < 0 || sc_dir_make(sources, 0755, err) < 0 ||
        check_payload(package->path, err) < 0 ||
        unpack(package->path, place_source, &places, err) < 0)
        return -1;
    *spec = sc_format("%s/%s", specs, package->spec);
    if (sc_file_exists(*spec))
        return 0;
    free(steal_pointer(spec));
    return sc_error_set(err, SC_FAILED, "%s: the spec %s is not in it", package->path,
                        package->spec);
}

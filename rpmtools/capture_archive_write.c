// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the capture of an official build into one compressed archive.
#include "rpmtools/capture_archive.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/*
 * Most of a capture is object files. Level 1 costs a third of the time of zstd's own default and
 * gives files a tenth larger: the official build must not feel it.
 */
#define ZSTD_LEVEL "1"

struct capture_writer {
    struct archive *archive;
    char *path, *temporary;
};

static int archive_failed(const struct capture_writer *writer, struct sc_error **err)
{
    return sc_error_set(err, SC_FAILED, "cannot write %s: %s", writer->path,
                        archive_error_string(writer->archive));
}

/* pax: times in nanoseconds, by which make(1) decides what is newer. */
static int open_archive(struct capture_writer *writer, struct sc_error **err)
{
    struct archive *archive = writer->archive = archive_write_new();

    if (!archive)
        abort();
    if (archive_write_set_format_pax(archive) != ARCHIVE_OK ||
        archive_write_add_filter_zstd(archive) != ARCHIVE_OK ||
        archive_write_set_options(archive, "zstd:compression-level=" ZSTD_LEVEL) != ARCHIVE_OK ||
        archive_write_open_filename(archive, writer->temporary) != ARCHIVE_OK)
        return archive_failed(writer, err);
    return 0;
}

struct capture_writer *capture_writer_open(const char *path, struct json_object *header,
                                           struct sc_error **err)
{
    struct capture_writer *writer = calloc(1, sizeof(*writer));

    if (!writer)
        abort();
    writer->path = sc_format("%s", path);
    writer->temporary = sc_format("%s.part", path);
    if (open_archive(writer, err) == 0 &&
        capture_writer_add_json(writer, "capture.json", header, err) == 0)
        return writer;
    capture_writer_close(writer, false, NULL);
    return NULL;
}

int capture_writer_add_json(struct capture_writer *writer, const char *name,
                            struct json_object *value, struct sc_error **err)
{
    const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
                                                                 JSON_C_TO_STRING_NOSLASHESCAPE);
    struct archive_entry *entry = archive_entry_new();
    size_t size = strlen(text);
    int result = 0;

    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    if (archive_write_header(writer->archive, entry) != ARCHIVE_OK ||
        archive_write_data(writer->archive, text, size) != (la_ssize_t)size)
        result = archive_failed(writer, err);
    archive_entry_free(entry);
    return result;
}

/* Exactly as many bytes as the header says: a file that shrinks meanwhile is an error. */
static int add_contents(struct capture_writer *writer, const char *path, off_t size,
                        struct sc_error **err)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char buffer[65536];

    if (fd < 0)
        return sc_error_errno(err, "cannot read %s", path);
    while (size > 0) {
        size_t want = (size_t)size < sizeof(buffer) ? (size_t)size : sizeof(buffer);
        ssize_t n = read(fd, buffer, want);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? sc_error_errno(err, "cannot read %s", path)
                         : sc_error_set(err, SC_FAILED, "%s became shorter", path);
        if (archive_write_data(writer->archive, buffer, (size_t)n) != n)
            return archive_failed(writer, err);
        size -= n;
    }
    return 0;
}

/* Owners are left out: what is unpacked belongs to the user who builds. */
static int add_entry(struct capture_writer *writer, const char *path, const char *name,
                     const struct stat *st, struct sc_error **err)
{
    struct archive_entry *entry = archive_entry_new();
    char target[PATH_MAX];
    int result = 0;

    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, st->st_mode & S_IFMT);
    archive_entry_set_perm(entry, st->st_mode & 07777);
    archive_entry_set_mtime(entry, st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
    if (S_ISREG(st->st_mode))
        archive_entry_set_size(entry, st->st_size);
    if (S_ISLNK(st->st_mode)) {
        ssize_t n = readlink(path, target, sizeof(target) - 1);

        target[n < 0 ? 0 : n] = '\0';
        archive_entry_set_symlink(entry, target);
    }
    if (archive_write_header(writer->archive, entry) < ARCHIVE_WARN)
        result = archive_failed(writer, err);
    else if (S_ISREG(st->st_mode))
        result = add_contents(writer, path, st->st_size, err);
    archive_entry_free(entry);
    return result;
}

/* One walk over a tree. */
struct walk {
    struct capture_writer *writer;
    const char *prefix;
    capture_wanted wanted;
    void *data;
};

static int add_directory(const struct walk *walk, const char *path, const char *relative,
                         struct sc_error **err);

/* Sockets, pipes and devices are left out: no build needs the ones of an earlier run. */
static int add_one(const struct walk *walk, const char *path, const char *relative,
                   struct sc_error **err)
{
    cleanup_free char *name = sc_format("%s/%s", walk->prefix, relative);
    struct stat st;

    if (lstat(path, &st) < 0)
        return sc_error_errno(err, "%s", path);
    if (walk->wanted && !walk->wanted(path, relative, &st, walk->data))
        return S_ISDIR(st.st_mode) ? add_directory(walk, path, relative, err) : 0;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
        return 0;
    if (add_entry(walk->writer, path, name, &st, err) < 0)
        return -1;
    return S_ISDIR(st.st_mode) ? add_directory(walk, path, relative, err) : 0;
}

static int add_directory(const struct walk *walk, const char *path, const char *relative,
                         struct sc_error **err)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort), result = 0;

    if (count < 0)
        return sc_error_errno(err, "cannot read %s", path);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;

        if (result == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            cleanup_free char *below = sc_format("%s/%s", path, name);
            cleanup_free char *other = sc_format("%s%s%s", relative, *relative ? "/" : "", name);

            result = add_one(walk, below, other, err);
        }
        free(entries[i]);
    }
    free(entries);
    return result;
}

int capture_writer_add_tree(struct capture_writer *writer, const char *root, const char *prefix,
                            capture_wanted wanted, void *data, struct sc_error **err)
{
    struct walk walk = {writer, prefix, wanted, data};

    return sc_file_exists(root) ? add_directory(&walk, root, "", err) : 0;
}

int capture_writer_close(struct capture_writer *writer, bool commit, struct sc_error **err)
{
    int result = 0;

    if (!writer)
        return 0;
    if (archive_write_close(writer->archive) != ARCHIVE_OK && commit)
        result = archive_failed(writer, err);
    archive_write_free(writer->archive);
    if (commit && result == 0 && rename(writer->temporary, writer->path) < 0)
        result = sc_error_errno(err, "cannot write %s", writer->path);
    if (!commit || result < 0)
        unlink(writer->temporary);
    free(writer->path);
    free(writer->temporary);
    free(writer);
    return result;
}

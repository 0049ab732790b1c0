// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the capture of an official build: what it says of itself, and its files.
#include "rpmtools/capture_archive.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/json_util.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <string.h>

#define HEADER_NAME "capture.json"
#define RESULT_NAME "result.json"

/* --- the archive as such --------------------------------------------------------------------- */

static struct archive *open_archive(const char *path, struct sc_error **err)
{
    struct archive *in = archive_read_new();

    if (!in)
        abort();
    archive_read_support_filter_zstd(in);
    archive_read_support_format_tar(in);
    if (archive_read_open_filename(in, path, 1 << 20) == ARCHIVE_OK)
        return in;
    sc_error_set(err, SC_FAILED, "%s is not a capture: %s", path, archive_error_string(in));
    archive_read_free(in);
    return NULL;
}

/* The contents of the entry that comes, as JSON. */
static struct json_object *read_json(struct archive *in, struct archive_entry *entry,
                                     struct sc_error **err)
{
    la_int64_t size = archive_entry_size(entry);
    cleanup_free char *text = NULL;

    if (size < 0 || size > (la_int64_t)SC_JSON_MAX) {
        sc_error_set(err, SC_FAILED, "%s is too large", archive_entry_pathname(entry));
        return NULL;
    }
    text = malloc((size_t)size + 1);
    if (!text)
        abort();
    if (archive_read_data(in, text, (size_t)size) != size) {
        sc_error_set(err, SC_FAILED, "damaged: %s", archive_error_string(in));
        return NULL;
    }
    text[size] = '\0';
    return sc_json_parse(text, (size_t)size, err);
}

/* --- the header ------------------------------------------------------------------------------ */

static int take_string(struct json_object *from, const char *name, char **to, struct sc_error **err)
{
    const char *text = sc_json_string(from, name, err);

    if (!text)
        return -1;
    *to = sc_format("%s", text);
    return 0;
}

static void take_optional(struct json_object *from, const char *name, char **to)
{
    const char *text = sc_json_string_optional(from, name, NULL);

    *to = text ? sc_format("%s", text) : NULL;
}

static int take_list(struct json_object *from, const char *name, struct string_list *to,
                     struct sc_error **err)
{
    struct json_object *array = sc_json_array(from, name, err);

    for (size_t i = 0; array && i < json_object_array_length(array); i++) {
        struct json_object *item = json_object_array_get_idx(array, i);

        if (!json_object_is_type(item, json_type_string))
            return sc_error_set(err, SC_FAILED, "'%s' must hold strings", name);
        string_list_add(to, json_object_get_string(item));
    }
    return array ? 0 : -1;
}

/* A part of a path: it is put together with others to find compilers. */
static bool is_word(const char *text)
{
    if (!*text || *text == '.')
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("._+-", *text))
            return false;
    return true;
}

static int take_compilers(struct json_object *from, struct capture_header *header,
                          struct sc_error **err)
{
    struct json_object *array = sc_json_array(from, "compilers", err);
    size_t count = array ? json_object_array_length(array) : 0;

    header->compilers = calloc(count + 1, sizeof(*header->compilers));
    if (!header->compilers)
        abort();
    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(array, i);
        struct capture_compiler *compiler = &header->compilers[header->compiler_count++];

        if (take_string(item, "target", &compiler->target, err) < 0 ||
            take_string(item, "version", &compiler->version, err) < 0 ||
            take_string(item, "full_version", &compiler->full_version, err) < 0 ||
            take_string(item, "sha256", &compiler->sha256, err) < 0)
            return -1;
        if (!is_word(compiler->target) || !is_word(compiler->version))
            return sc_error_set(err, SC_FAILED, "bad name of a compiler");
    }
    return array ? 0 : -1;
}

static int take_sources(struct json_object *from, struct capture_header *header,
                        struct sc_error **err)
{
    struct json_object *array = sc_json_array(from, "sources", err);
    size_t count = array ? json_object_array_length(array) : 0;

    header->sources = calloc(count + 1, sizeof(*header->sources));
    if (!header->sources)
        abort();
    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(array, i);
        struct capture_source *source = &header->sources[header->source_count++];

        if (take_string(item, "name", &source->name, err) < 0 ||
            take_string(item, "sha256", &source->sha256, err) < 0)
            return -1;
        if (strchr(source->name, '/') || *source->name == '.')
            return sc_error_set(err, SC_FAILED, "bad name of a source");
    }
    return array ? 0 : -1;
}

static int take_package(struct json_object *from, struct capture_header *header,
                        struct sc_error **err)
{
    struct json_object *package = sc_json_object(from, "package", err);

    if (!package || take_string(package, "name", &header->name, err) < 0 ||
        take_string(package, "version", &header->version, err) < 0 ||
        take_string(package, "release", &header->release, err) < 0 ||
        take_string(package, "arch", &header->arch, err) < 0)
        return -1;
    take_optional(package, "epoch", &header->epoch);
    return 0;
}

static int take_settings(struct json_object *from, struct capture_header *header,
                         struct sc_error **err)
{
    struct json_object *settings = sc_json_object(from, "settings", err);

    if (!settings || take_list(settings, "defines", &header->defines, err) < 0 ||
        take_list(settings, "with", &header->with, err) < 0 ||
        take_list(settings, "without", &header->without, err) < 0)
        return -1;
    take_optional(settings, "macros", &header->macros);
    return 0;
}

/* Mounted over, so it must be a plain absolute path, and not one that everything is in. */
static bool is_place(const char *path)
{
    return *path == '/' && path[1] && !strstr(path, "/../") && !strstr(path, "/./") &&
           !strstr(path, "//") && path[strlen(path) - 1] != '/' && strrchr(path, '/') != path;
}

static int fill_header(struct json_object *from, struct capture_header *header,
                       struct sc_error **err)
{
    uint64_t version;

    if (sc_json_u64(from, "version", &version, err) < 0)
        return -1;
    if (version != 1)
        return sc_error_set(err, SC_FAILED, "version %llu, which is not known",
                            (unsigned long long)version);
    if (take_package(from, header, err) < 0 || take_settings(from, header, err) < 0 ||
        take_compilers(from, header, err) < 0 || take_sources(from, header, err) < 0 ||
        take_string(from, "build_directory", &header->build_directory, err) < 0 ||
        take_string(from, "build_root", &header->build_root, err) < 0 ||
        take_string(from, "host", &header->host, err) < 0 ||
        sc_json_u64(from, "build_links", &header->build_links, err) < 0)
        return -1;
    take_optional(from, "source_date", &header->source_date);
    if (!is_place(header->build_directory) || !is_place(header->build_root))
        return sc_error_set(err, SC_FAILED, "its directories %s and %s cannot be used",
                            header->build_directory, header->build_root);
    return 0;
}

/* First in the archive, so that this reads no more than a block of it. */
struct capture_header *capture_header_read(const char *path, struct sc_error **err)
{
    struct archive *in = open_archive(path, err);
    struct capture_header *header = calloc(1, sizeof(*header));
    cleanup_json struct json_object *json = NULL;
    struct archive_entry *entry;
    int result = -1;

    if (!header)
        abort();
    if (in &&
        (archive_read_next_header(in, &entry) != ARCHIVE_OK || !archive_entry_pathname(entry) ||
         strcmp(archive_entry_pathname(entry), HEADER_NAME) != 0))
        sc_error_set(err, SC_FAILED, "%s is not a capture", path);
    else if (in && (json = read_json(in, entry, err)) && fill_header(json, header, err) == 0)
        result = 0;
    else
        sc_error_wrap(err, "%s", path);
    if (in)
        archive_read_free(in);
    if (result == 0)
        return header;
    capture_header_free(header);
    return NULL;
}

void capture_header_free(struct capture_header *header)
{
    if (!header)
        return;
    for (size_t i = 0; i < header->compiler_count; i++) {
        free(header->compilers[i].target);
        free(header->compilers[i].version);
        free(header->compilers[i].full_version);
        free(header->compilers[i].sha256);
    }
    for (size_t i = 0; i < header->source_count; i++) {
        free(header->sources[i].name);
        free(header->sources[i].sha256);
    }
    free(header->compilers);
    free(header->sources);
    free(header->name);
    free(header->version);
    free(header->release);
    free(header->arch);
    free(header->epoch);
    free(header->build_directory);
    free(header->build_root);
    free(header->host);
    free(header->source_date);
    free(header->macros);
    string_list_clear(&header->defines);
    string_list_clear(&header->with);
    string_list_clear(&header->without);
    free(header);
}

/* --- its files ------------------------------------------------------------------------------- */

/* What libarchive would clean up: "a//b", "a/./b", "a/../b". A slash at the end is left out. */
static bool name_is_plain(const char *name)
{
    while (*name) {
        size_t length = strcspn(name, "/");

        if (length == 0 || (length <= 2 && strncmp(name, "..", length) == 0))
            return false;
        name += length;
        name += *name == '/';
    }
    return true;
}

/*
 * Below one of the places: a new string; NULL with err set for any other name. A place itself can
 * only be a directory: as a symbolic link it would lead all that comes later elsewhere.
 */
static char *place_of(const struct capture_places *places, const char *name, bool directory,
                      struct sc_error **err)
{
    const char *const names[] = {"tree/", "installed/", "root/", "capture/"};
    const char *const directories[] = {places->tree, places->installed, places->root,
                                       places->capture};

    for (size_t i = 0; i < 4; i++) {
        size_t length = strlen(names[i]);

        if (strncmp(name, names[i], length) == 0 && name_is_plain(name + length) &&
            (name[length] || directory))
            return sc_format("%s%s%s", directories[i], name[length] ? "/" : "", name + length);
    }
    sc_error_set(err, SC_FAILED, "it has a file called '%s'", name);
    return NULL;
}

/* libarchive refuses "..", and to write through a symbolic link that an earlier entry made. */
static struct archive *open_disk(void)
{
    struct archive *out = archive_write_disk_new();

    if (!out)
        abort();
    archive_write_disk_set_options(out, ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM |
                                            ARCHIVE_EXTRACT_SECURE_SYMLINKS |
                                            ARCHIVE_EXTRACT_SECURE_NODOTDOT);
    return out;
}

static int unpack_contents(struct archive *in, struct archive *out, struct sc_error **err)
{
    const void *block;
    size_t size;
    int64_t offset;
    int rc;

    while ((rc = archive_read_data_block(in, &block, &size, &offset)) == ARCHIVE_OK)
        if (archive_write_data_block(out, block, size, offset) < ARCHIVE_OK)
            return sc_error_set(err, SC_FAILED, "%s", archive_error_string(out));
    return rc == ARCHIVE_EOF ? 0 : sc_error_set(err, SC_FAILED, "%s", archive_error_string(in));
}

/* Modes as they were, but never set-uid, and readable for the user who builds. */
static int unpack_entry(struct archive *in, struct archive *out, struct archive_entry *entry,
                        const struct capture_places *places, struct sc_error **err)
{
    const char *name = archive_entry_pathname(entry);
    mode_t type = archive_entry_filetype(entry), mode = archive_entry_perm(entry) & 0777;
    cleanup_free char *path = NULL;

    if (!name || archive_entry_hardlink(entry) ||
        (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK))
        return sc_error_set(err, SC_FAILED, "it has an entry that no capture has");
    path = place_of(places, name, type == AE_IFDIR, err);
    if (!path)
        return -1;
    archive_entry_set_pathname(entry, path);
    archive_entry_set_perm(entry, mode | (type == AE_IFDIR ? 0700 : 0400));
    if (archive_write_header(out, entry) < ARCHIVE_WARN)
        return sc_error_set(err, SC_FAILED, "%s", archive_error_string(out));
    if (type == AE_IFREG && unpack_contents(in, out, err) < 0)
        return -1;
    if (archive_write_finish_entry(out) < ARCHIVE_WARN)
        return sc_error_set(err, SC_FAILED, "%s", archive_error_string(out));
    return 0;
}

static int unpack_all(struct archive *in, struct archive *out, const struct capture_places *places,
                      struct json_object **result, struct sc_error **err)
{
    struct archive_entry *entry;
    int rc;

    while ((rc = archive_read_next_header(in, &entry)) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(entry);

        if (name && strcmp(name, HEADER_NAME) == 0)
            continue;
        if (name && strcmp(name, RESULT_NAME) == 0 && !*result) {
            *result = read_json(in, entry, err);
            if (!*result)
                return -1;
        } else if (unpack_entry(in, out, entry, places, err) < 0) {
            return -1;
        }
    }
    if (rc != ARCHIVE_EOF)
        return sc_error_set(err, SC_FAILED, "%s", archive_error_string(in));
    return *result ? 0
                   : sc_error_set(err, SC_FAILED, "it is cut short: %s is missing", RESULT_NAME);
}

static int make_places(const struct capture_places *places, struct sc_error **err)
{
    const char *const all[] = {places->tree, places->installed, places->root, places->capture};

    for (size_t i = 0; i < 4; i++)
        if (sc_dir_make(all[i], 0755, err) < 0)
            return -1;
    return 0;
}

int capture_archive_unpack(const char *path, const struct capture_places *places,
                           struct json_object **result, struct sc_error **err)
{
    struct archive *in = open_archive(path, err);
    struct archive *out = open_disk();
    int status = -1;

    *result = NULL;
    if (in && make_places(places, err) == 0)
        status = unpack_all(in, out, places, result, err);
    if (in)
        archive_read_free(in);
    if (archive_write_free(out) < ARCHIVE_WARN && status == 0)
        status = sc_error_set(err, SC_FAILED, "cannot finish unpacking");
    return status < 0 && in ? sc_error_wrap(err, "cannot unpack %s", path) : status;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capture of an official build in one file (doc/formats.md, "Capture archive"): a tar archive,
 * compressed with zstd, that is written while the package is built and read by `syscare build
 * --capture`.
 */
#ifndef SYSCARE_CAPTURE_ARCHIVE_H
#define SYSCARE_CAPTURE_ARCHIVE_H

#include "lib/error.h"
#include "lib/string_list.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define CAPTURE_ARCHIVE_SUFFIX ".syscare-capture.tar.zst"

/* --- writing. capture_archive_write.c -------------------------------------------------------- */

struct capture_writer;

/*
 * Begins path, which is only there once capture_writer_close has succeeded; header is its first
 * entry, capture.json. NULL with err set.
 */
struct capture_writer *capture_writer_open(const char *path, struct json_object *header,
                                           struct sc_error **err);

/* A value as an entry of that name. */
int capture_writer_add_json(struct capture_writer *writer, const char *name,
                            struct json_object *value, struct sc_error **err);

/* True if the file or directory gets an entry; relative is its path below the tree's root. */
typedef bool (*capture_wanted)(const char *path, const char *relative, const struct stat *st,
                               void *data);

/*
 * Adds the files, directories and symbolic links below root as prefix/…, in the order of their
 * names, with their modes and times. Directories that are not wanted get no entry, but what is
 * below them is asked for. wanted NULL: all. A root that is missing is empty.
 */
int capture_writer_add_tree(struct capture_writer *writer, const char *root, const char *prefix,
                            capture_wanted wanted, void *data, struct sc_error **err);

/* Completes the file; frees. With commit false the file is given up. */
int capture_writer_close(struct capture_writer *writer, bool commit, struct sc_error **err);

/* --- reading. capture_archive_read.c --------------------------------------------------------- */

/* A compiler that the capture was laid out for. */
struct capture_compiler {
    char *target, *version; /* as in its directory: "x86_64-linux-gnu", "12" */
    char *full_version;     /* "12.2.0" */
    char *sha256;           /* of its cc1, hex */
};

/* A source of the package. */
struct capture_source {
    char *name, *sha256;
};

/* What capture.json says. Strings are not NULL unless said. */
struct capture_header {
    char *name, *version, *release, *arch;
    char *epoch;                /* decimal, or NULL */
    char *build_directory;      /* absolute: where the trees were, and must be again */
    char *build_root;           /* absolute: %{buildroot} */
    char *host;                 /* its name */
    char *source_date;          /* SOURCE_DATE_EPOCH of the stages, or NULL */
    char *macros;               /* contents of the macro file that was loaded, or NULL */
    struct string_list defines; /* of rpmbuild's command line, without directories */
    struct string_list with, without;
    struct capture_compiler *compilers;
    size_t compiler_count;
    struct capture_source *sources;
    size_t source_count;
    uint64_t build_links; /* links that were made before %install */
};

/* Reads the first entry. Every member is checked. NULL with err set. */
struct capture_header *capture_header_read(const char *path, struct sc_error **err);

/* NULL is allowed. */
void capture_header_free(struct capture_header *header);

/* Where the parts of an archive go: absolute directories, made when they are missing. */
struct capture_places {
    const char *tree;      /* after %build */
    const char *installed; /* what %install changed in it */
    const char *root;      /* ELF files of the build root, with those below usr/lib/debug */
    const char *capture;   /* the capture directory, without shims and tools */
};

/*
 * Unpacks all entries; nothing gets out of the places. *result becomes the value of result.json,
 * owned by the caller. 0, or -1 with err set.
 */
int capture_archive_unpack(const char *path, const struct capture_places *places,
                           struct json_object **result, struct sc_error **err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A capture directory, read: doc/formats.md, "Capture directory". */
#ifndef SYSCARE_CAPTURE_H
#define SYSCARE_CAPTURE_H

#include "lib/error.h"
#include "lib/string_list.h"

#include <stdbool.h>
#include <stddef.h>

/* A translation unit. */
struct capture_unit {
    char *id;
    char *kind;   /* "gcc" or "as" */
    char *source; /* as the compiler was told; relative to cwd */
    char *cwd, *object;
    char *gcc_version;       /* "" for kind "as" */
    bool lto;                /* the object has GIMPLE instead of, or beside, code */
    bool compiled;           /* its compilation was seen in this capture, not only its object */
    struct string_list deps; /* all files read, absolute, without "." and ".."; source among them */
};

/* One input of a link: an object file, or a member of an archive. */
struct capture_input {
    char *name;             /* as the map writes it */
    struct string_list tus; /* ids of the units in it */
};

/* A run of the linker that ended well. */
struct capture_link {
    char *id;         /* of the record: "<base>" or "<base>-<n>" */
    char *base;       /* the same for each link of one output in either tree */
    char *output;     /* absolute */
    char *map, *copy; /* absolute paths: the linker's map, what the linker wrote */
    bool final;       /* executable or shared library, not ld -r */
    bool lto;
    size_t order; /* position in links.jsonl */
    struct capture_input *inputs;
    size_t input_count;
};

/* A compiler run that no plugin fits. */
struct capture_stranger {
    char *tool, *reason;
    struct string_list files; /* its arguments as absolute paths */
};

struct capture {
    char *directory;
    struct capture_unit *units; /* sorted by id */
    size_t unit_count;
    struct capture_link *links; /* in the order of the build */
    size_t link_count;
    struct capture_stranger *strangers;
    size_t stranger_count;
};

/* Reads a capture directory; every record is checked. NULL with err set. */
struct capture *capture_read(const char *directory, struct sc_error **err);

/* NULL is allowed. */
void capture_free(struct capture *capture);
void capture_cleanup(struct capture **capture);
#define cleanup_capture __attribute__((cleanup(capture_cleanup)))

/* The unit with the id, or NULL. */
struct capture_unit *capture_unit_find(const struct capture *capture, const char *id);

/* The last link with that base id, or NULL. */
struct capture_link *capture_link_last(const struct capture *capture, const char *base);

/* Number of links in links.jsonl of a capture that is still being written; 0 when there is none. */
size_t capture_count_links(const char *directory);

/* path relative to cwd, made absolute, without "", "." and ".."; symbolic links are not read. */
char *capture_path(const char *cwd, const char *path);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The patches that the daemon knows: those installed in the patch directory, and copies of those
 * that are applied, which stay when the package is erased. One thread uses a store at a time.
 */
#ifndef SYSCARE_RUNTIME_PATCH_STORE_H
#define SYSCARE_RUNTIME_PATCH_STORE_H

#include "lib/error.h"
#include "lib/patch_info.h"
#include "lib/string_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum patch_status {
    PATCH_NOT_APPLIED, /* not loaded */
    PATCH_DEACTIVED,   /* loaded, no process runs it */
    PATCH_ACTIVED,     /* every process runs it */
    PATCH_ACCEPTED,    /* the same, and applied again at boot */
};

struct patch;

/* One patched ELF file of a patch: a line of `syscare list`. */
struct entity {
    struct patch *patch;             /* that it belongs to */
    const struct patch_entity *info; /* owned by patch->info */
    char *name;                      /* <name-ver-rel>/<PATCH-ver-rel>/<elf> */
    enum patch_status status;
    uint64_t order; /* counts up: when the status was reached; 0 for PATCH_NOT_APPLIED */
};

struct patch {
    const struct patch_store *store; /* that it belongs to */
    struct patch_info *info;
    char *target_name;       /* <name-ver-rel> of the package that it is for */
    char *name;              /* <name-ver-rel>/<PATCH-ver-rel> */
    char *installed;         /* directory below the patch directory, or NULL */
    char *copy;              /* directory below the state directory, or NULL */
    struct entity *entities; /* info->entity_count of them */
};

struct patch_store {
    char *patch_dir, *copy_dir; /* without symbolic links */
    bool trust_parents;         /* whoever owns the directories above these two */
    struct patch **patches;     /* by name, then uuid */
    size_t count;
};

/* "NOT-APPLIED", "DEACTIVED", "ACTIVED", "ACCEPTED"; and back: -1 for another text. */
const char *patch_status_name(enum patch_status status);
int patch_status_parse(const char *text, enum patch_status *status);

/* True for ACTIVED and ACCEPTED. */
bool patch_status_active(enum patch_status status);

/*
 * An empty store. Both directories may be missing. Unless trust_parents, all directories from / on
 * must be root's. Free with store_free.
 */
struct patch_store *store_new(const char *patch_dir, const char *copy_dir, bool trust_parents);
void store_free(struct patch_store *store);

/*
 * Looks at both directories again; states are kept. A directory that does not hold a good patch is
 * left out and described in problems ("path: reason"). 0, or -1 with err set when the patch
 * directory as a whole cannot be trusted: somebody but root can write there.
 */
int store_scan(struct patch_store *store, struct string_list *problems, struct sc_error **err);

/* The entity, or patch, with that uuid; NULL when there is none. */
struct entity *store_entity(struct patch_store *store, const char *uuid);
struct patch *store_patch(struct patch_store *store, const char *uuid);

/* Path of the patch object that is to be used: the copy where there is one. New string. */
char *store_object_path(const struct entity *entity);

/*
 * Makes the copy of the entity's patch object and of patch_info, synced to disk. Success when it
 * is there and good already.
 */
int store_copy_make(struct patch_store *store, struct entity *entity, struct sc_error **err);

/* Removes the copy of the object, and of patch_info with the last one of a patch. */
void store_copy_remove(struct patch_store *store, struct entity *entity);

/*
 * Opens the object that is to be used, after a look at each directory on the way (trust.h), and
 * proves by its digest that it is the one that patch_info names. Returns a new string, the path by
 * which just that open file can be opened again while *fd is open; NULL with err set and *fd -1.
 */
char *store_object_open(const struct entity *entity, int *fd, struct sc_error **err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the user asked for, kept across restarts and boots: the file `state`.
 *
 * JSON with a digest like that of patch_info, replaced atomically: after any failure it is the old
 * or the new one. While a transaction runs it also holds a journal of what is being changed.
 */
#ifndef SYSCARE_RUNTIME_STATE_FILE_H
#define SYSCARE_RUNTIME_STATE_FILE_H

#include "lib/error.h"
#include "runtime/patch_store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_FORMAT 1
#define STATE_MAX (16u << 20) /* bytes; the largest file that is read */

/* The status of one entity. */
struct state_entry {
    char uuid[SC_UUID_SIZE];
    enum patch_status status;
    uint64_t order; /* when it was reached, compared with the others */
};

/* A change under way. */
struct state_change {
    char uuid[SC_UUID_SIZE];
    enum patch_status from, to;
};

struct state {
    char boot_id[SC_UUID_SIZE]; /* of the boot in which it was written; "" in a new one */
    uint64_t sequence;          /* the highest order that was given */
    struct state_entry *entries;
    size_t entry_count;
    struct state_entry *saved; /* by `syscare save` */
    size_t saved_count;
    bool has_saved;
    struct state_change *changes; /* journal of the transaction that runs */
    size_t change_count;
};

/*
 * Reads the file. A missing one gives an empty state. NULL with err set when it cannot be read, or
 * is damaged (SC_REFUSED), or is of a later format.
 */
struct state *state_read(const char *path, struct sc_error **err);

/* Replaces the file. 0, or -1 with err set and the old file untouched. */
int state_write(const struct state *state, const char *path, struct sc_error **err);

/* An empty one; free with state_free. */
struct state *state_new(void);
void state_free(struct state *state);
void state_cleanup(struct state **state);
#define cleanup_saved_state __attribute__((cleanup(state_cleanup)))

/* Appends; the lists grow as needed. */
void state_add_entry(struct state *state, const char *uuid, enum patch_status status,
                     uint64_t order);
void state_add_saved(struct state *state, const char *uuid, enum patch_status status,
                     uint64_t order);
void state_add_change(struct state *state, const char *uuid, enum patch_status from,
                      enum patch_status to);

/* The entry of the uuid in a list, or NULL. */
const struct state_entry *state_find(const struct state_entry *entries, size_t count,
                                     const char *uuid);

/* /proc/sys/kernel/random/boot_id. */
void state_boot_id(char boot_id[SC_UUID_SIZE]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patch objects that processes run, or shall be rid of: what the threads of the daemon share.
 *
 * A live_patch is made by a transaction, used by the threads that answer first callers, and freed
 * by whoever lets go of it last. Everything in it is constant but the atomic members and the slot.
 */
#ifndef SYSCARE_RUNTIME_LIVE_PATCH_H
#define SYSCARE_RUNTIME_LIVE_PATCH_H

#include "lib/error.h"
#include "runtime/hold.h"
#include "runtime/inject/protocol.h"
#include "runtime/process_scan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct file_range {
    uint64_t start, end;
};

/* A function that no uprobe may be on while processes are patched. */
struct entry_jump {
    const char *name;            /* owned by the patch */
    uint64_t offset;             /* in the target file */
    uint8_t size;                /* of the jump */
    uint8_t old[HOLD_OLD_BYTES]; /* what is there in the file */
};

struct live_patch {
    atomic_int references;
    atomic_bool wanted; /* true: in all processes; false: in none */
    /*
     * Newer wanted patches replace all its functions: no process needs it now. What the wanted
     * patches of a target replace, less what is covered, is disjoint.
     */
    atomic_bool shadowed;
    atomic_uint_least64_t covered[INJECT_FUNCTIONS_MAX / 64]; /* functions that newer ones have */
    atomic_bool unmap;  /* it is to leave nothing behind: not applied any more */
    atomic_bool linked; /* there may be links and sites for the slot */
    char uuid[37];      /* of the entity */
    char *name;         /* for logs: <name-ver-rel>/<PATCH-ver-rel>/<elf> */
    int fd;             /* the patch object, open for reading */
    struct build_id target;
    uint32_t slot;                /* in the maps of the BPF program */
    size_t *probe_functions;      /* by probe: which function, or function_count: an entry point */
    struct hold_function *probes; /* where processes are met: functions, or the target's entry */
    size_t probe_count;
    struct entry_jump *entry_jumps; /* functions whose jump stands at their entry */
    int target_fd;                  /* the file that was installed, with entry jumps; else -1 */
    const char *probed;             /* what entry_jump_audit saw last; control thread only */
    size_t entry_jump_count;  /* not 0: the whole patch is armed at the target's entry points */
    struct file_range *jumps; /* of each function, the bytes of its jump in the target file */
    uint64_t *old_start, *old_end; /* address ranges of the functions that are replaced */
    char **function_names;
    size_t function_count;
    const char
        *nop_function; /* one whose probe some kernels spoil (features.nop_probes), or NULL */
};

/*
 * Opens and checks the patch object at path. target_hex is the build-id of patch_info, which must
 * be the object's. The result has one reference. NULL with err set.
 */
struct live_patch *live_patch_open(const char *path, const char *uuid, const char *name,
                                   const char *target_hex, struct sc_error **err);

/* One more, or one less, reference. NULL is allowed. */
struct live_patch *live_patch_get(struct live_patch *patch);
void live_patch_put(struct live_patch *patch);

/*
 * The name of a function of either patch whose jump would lie under a uprobe of the other; NULL if
 * there is none. Such a pair must never be in force at the same time.
 */
const char *live_patch_probe_clash(const struct live_patch *a, const struct live_patch *b);

/* True if both are for the same ELF file. */
bool live_patch_same_target(const struct live_patch *a, const struct live_patch *b);

/* The name of a function that both replace, owned by a; NULL if there is none. */
const char *live_patch_overlap(const struct live_patch *a, const struct live_patch *b);

/* True if a newer patch has function index (live_patch_cover). */
bool live_patch_is_covered(const struct live_patch *patch, size_t index);

/*
 * Says anew which functions of patch those of newer replace, of which only wanted ones count, and
 * whether that is all of them. True if a function came to light by it.
 */
bool live_patch_cover(struct live_patch *patch, struct live_patch *const *newer, size_t count);

/* The same for the injector: inject_request.covered. */
void live_patch_covered(const struct live_patch *patch, uint64_t words[INJECT_FUNCTIONS_MAX / 64]);

/* True if newer replaces every function that older does; both are for the same ELF file. */
bool live_patch_covers(const struct live_patch *newer, const struct live_patch *older);

/* A list that threads share. */
struct live_set {
    pthread_mutex_t lock;
    struct live_patch **items; /* with a reference each, in the order of activation */
    size_t count;
};

/* A copy of the list at one moment, with references of its own. */
struct live_list {
    struct live_patch **items;
    size_t count;
};

void live_set_init(struct live_set *set);
void live_set_destroy(struct live_set *set);

/* Adds with a reference of its own; removes and drops that. */
void live_set_add(struct live_set *set, struct live_patch *patch);
void live_set_remove(struct live_set *set, struct live_patch *patch);

/* A slot of hold that no live patch has, and no probe; -1 with err set when there is none. */
int live_set_free_slot(struct live_set *set, struct hold *hold, struct sc_error **err);

/* The live patch of the entity, with a reference; NULL when there is none. */
struct live_patch *live_set_find(struct live_set *set, const char *uuid);

struct live_list live_set_list(struct live_set *set);
void live_list_clear(struct live_list *list);
#define cleanup_live_list __attribute__((cleanup(live_list_clear)))
void live_list_add(struct live_list *list, struct live_patch *patch);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control side of the daemon: what one thread, the control thread, owns and changes. The
 * threads that answer held callers (lazy.h) share only `live` and `switcher` with it.
 */
#ifndef SYSCARE_RUNTIME_DAEMON_H
#define SYSCARE_RUNTIME_DAEMON_H

#include "runtime/features.h"
#include "runtime/hold.h"
#include "runtime/live_patch.h"
#include "runtime/log.h"
#include "runtime/options.h"
#include "runtime/patch_id.h"
#include "runtime/patch_store.h"
#include "runtime/peer.h"
#include "runtime/request.h"
#include "runtime/state_file.h"
#include "runtime/switcher.h"

struct lazy;

struct daemon {
    struct options options;
    struct log log;
    struct features features;
    char *pin_dir;     /* where pins are: options.bpffs or a directory of a bpffs of ours */
    bool own_bpffs;    /* pin_dir is on a file system that we mounted */
    struct hold *hold; /* NULL where the kernel cannot */
    struct live_set live;
    struct switcher *switcher;
    struct lazy *lazy;
    struct patch_store *store;
    char *state_path;
    uint64_t sequence;   /* highest order given */
    struct state *saved; /* only its list `saved` is used */
};

/*
 * Everything up to the point where requests can be served: reads the state, undoes or completes
 * what was interrupted, and makes all processes what the state says. 0, or -1 with err set.
 */
int daemon_start(struct daemon *daemon, struct sc_error **err);

/* Ends what daemon_start began, also half of it. Leaves nothing behind if nothing is active. */
void daemon_stop(struct daemon *daemon);

/* Answers one request of somebody who may ask for as much as right says. */
void daemon_serve(struct daemon *daemon, const struct request *request, enum peer_right right,
                  struct answer *answer);

/* True for the requests that there are. */
bool daemon_has_command(const char *command);

/* The periodic comparison of processes with the state. */
void daemon_audit(struct daemon *daemon);

/* ---- state (daemon_state.c) ---- */

/* Writes the statuses of the store, and changes (may be empty) as the journal. */
int daemon_write_state(struct daemon *daemon, const struct state_change *changes,
                       size_t change_count, struct sc_error **err);

/* Sets a status and the order that goes with it. */
void daemon_set_status(struct daemon *daemon, struct entity *entity, enum patch_status status);

/* Replaces the list `saved` by the statuses of the store. */
void daemon_save(struct daemon *daemon);

/* Entities with a status, in the order in which it was reached. */
struct entity_list daemon_in_order(struct daemon *daemon);

/* ---- activation (activate.c): no state file, no checks of what the user may do ---- */

/*
 * Checks the entity against this host, and gives what is needed to activate it. conflicts false
 * leaves the check for other patches of the same functions out. The result's fd of the target file
 * goes to *target_fd. NULL with err set.
 */
struct live_patch *entity_check(struct daemon *daemon, struct entity *entity, bool conflicts,
                                int *target_fd, struct sc_error **err);

/*
 * Refuses patch if it replaces some, but not all, of the functions of a wanted live patch or of
 * one in list. In any case the newer one wins, function by function, and the older one comes back
 * when it goes; but patches that were not made together need not fit together.
 */
int live_patch_check_conflicts(struct daemon *daemon, const struct live_patch *patch,
                               const struct live_list *list, struct sc_error **err);

/* Gives the patch a slot (slot < 0: a free one) and makes its links, not yet holding anybody. */
int live_patch_link(struct daemon *daemon, struct live_patch *patch, int slot, int target_fd,
                    struct sc_error **err);

/*
 * Switches all processes to the patches, eagerly, then holds the first callers of later ones.
 * On failure the caller calls live_patches_deactivate.
 */
int live_patches_activate(struct daemon *daemon, const struct live_list *patches,
                          unsigned timeout_s, struct pass_result *result, struct sc_error **err);

/* Links away, then every process back to the old code, or to the patch below. */
int live_patches_deactivate(struct daemon *daemon, const struct live_list *patches,
                            unsigned timeout_s, struct pass_result *result, struct sc_error **err);

/* Lets go of patches that are not wanted and that no process runs any more, and their copies. */
void live_patches_settle(struct daemon *daemon);

/* ---- verbs ---- */

/* One wish of a transaction. */
struct change {
    struct entity *entity;
    enum patch_status from, to;
};

struct change_list {
    struct change *items;
    size_t count;
};

void change_list_add(struct change_list *list, struct entity *entity, enum patch_status to);
void change_list_clear(struct change_list *list);
#define cleanup_changes __attribute__((cleanup(change_list_clear)))

/* How a transaction is to be done. */
struct change_options {
    bool dry_run;
    bool force;      /* patches that replace only some functions of others may come over them */
    bool low_memory; /* also where processes might end for want of memory */
    unsigned timeout_s;
};

/*
 * Does all changes or none (either activations or deactivations, with whatever else), and adds to
 * the answer what came of it. 0, or -1 with err set and everything as it was. Processes that could
 * not be switched make the answer SC_PARTIAL.
 */
int changes_run(struct daemon *daemon, const struct change_list *changes,
                const struct change_options *how, struct answer *answer, struct sc_error **err);

/* verbs_show.c */
void verb_list(struct daemon *daemon, const struct request *request, struct answer *answer);
void verb_info(struct daemon *daemon, const struct request *request, struct answer *answer);
void verb_target(struct daemon *daemon, const struct request *request, struct answer *answer);
void verb_status(struct daemon *daemon, const struct request *request, struct answer *answer);
void verb_check(struct daemon *daemon, const struct request *request, struct answer *answer);
void verb_rescan(struct daemon *daemon, const struct request *request, struct answer *answer);

/* verbs_change.c */
void verb_change(struct daemon *daemon, const struct request *request, struct answer *answer);
void verb_save(struct daemon *daemon, const struct request *request, struct answer *answer);
void verb_restore(struct daemon *daemon, const struct request *request, struct answer *answer);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// A transaction: several patches change their state together, or none does.
//
// The journal in the state file is written first. An interrupted activation is rolled back at the
// next start, an interrupted deactivation completed: both lead to fewer patches, never to one that
// nobody asked for.
#include "lib/cleanup.h"
#include "lib/json_util.h"
#include "runtime/daemon.h"
#include "runtime/memory_room.h"

#include <string.h>

void change_list_add(struct change_list *list, struct entity *entity, enum patch_status to)
{
    list->items = reallocarray(list->items, list->count + 1, sizeof(*list->items));
    if (!list->items)
        abort();
    list->items[list->count].entity = entity;
    list->items[list->count].from = entity->status;
    list->items[list->count++].to = to;
}

void change_list_clear(struct change_list *list)
{
    free(list->items);
    list->items = NULL;
    list->count = 0;
}

/* A transaction while it runs. */
struct transaction {
    struct daemon *daemon;
    const struct change_list *changes;
    const struct change_options *how;
    struct live_list coming, going; /* patches to be activated, to be deactivated */
    int *target_fds;                /* of each in coming */
    struct pass_result activated, deactivated;
};

/* The change makes the patch run in processes. */
static bool is_coming(const struct change *change)
{
    return !patch_status_active(change->from) && patch_status_active(change->to);
}

/* The change takes the patch out of processes. */
static bool is_going(const struct change *change)
{
    return patch_status_active(change->from) && !patch_status_active(change->to);
}

/*
 * A patch that runs nowhere any more still lies in processes, to be used again. When it is removed
 * it goes there too. One that cannot be opened now stays: that is no reason to keep its state.
 */
static struct live_patch *open_resting(const struct change *change)
{
    cleanup_free char *path = NULL;

    if (change->from == PATCH_NOT_APPLIED || change->to != PATCH_NOT_APPLIED)
        return NULL;
    path = store_object_path(change->entity);
    return live_patch_open(path, change->entity->info->uuid, change->entity->name,
                           change->entity->info->build_id, NULL);
}

/* Checks everything that can be checked before anything is changed. */
static int prepare(struct transaction *transaction, struct sc_error **err)
{
    struct daemon *daemon = transaction->daemon;

    for (size_t i = 0; i < transaction->changes->count; i++) {
        const struct change *change = &transaction->changes->items[i];
        struct live_patch *patch = NULL;
        int fd = -1;

        if (is_going(change)) {
            patch = live_set_find(&daemon->live, change->entity->info->uuid);
            if (patch)
                live_list_add(&transaction->going, patch);
        } else if (is_coming(change)) {
            patch = entity_check(daemon, change->entity, false, &fd, err);
            if (!patch)
                return -1;
            transaction->target_fds[transaction->coming.count] = fd;
            live_list_add(&transaction->coming, patch);
        } else if ((patch = open_resting(change))) {
            live_list_add(&transaction->going, patch);
        }
        live_patch_put(patch);
    }
    return 0;
}

/* Functions that two patches replace, among those that come and those that stay. */
static int check_conflicts(const struct transaction *transaction, struct sc_error **err)
{
    for (size_t i = 0; !transaction->how->force && i < transaction->coming.count; i++) {
        struct live_list before = {.items = transaction->coming.items, .count = i};

        if (live_patch_check_conflicts(transaction->daemon, transaction->coming.items[i], &before,
                                       err) < 0)
            return -1;
    }
    return 0;
}

/* Probes may be more than what a process can bear. */
static int check_memory(const struct transaction *transaction, struct sc_error **err)
{
    if (transaction->how->low_memory)
        return 0;
    return memory_room_check(switcher_cache(transaction->daemon->switcher), &transaction->coming,
                             err);
}

/* The first write of a transaction: when the disk is full, nothing was touched yet. */
static int write_journal(const struct transaction *transaction, struct sc_error **err)
{
    const struct change_list *changes = transaction->changes;
    cleanup_free struct state_change *journal = calloc(changes->count + 1, sizeof(*journal));

    if (!journal)
        abort();
    for (size_t i = 0; i < changes->count; i++) {
        memcpy(journal[i].uuid, changes->items[i].entity->info->uuid, SC_UUID_SIZE);
        journal[i].from = changes->items[i].from;
        journal[i].to = changes->items[i].to;
    }
    return daemon_write_state(transaction->daemon, journal, changes->count, err);
}

/* Copies of the patch objects, so that the package can be erased while they are in use. */
static int make_copies(const struct transaction *transaction, struct sc_error **err)
{
    const struct change_list *changes = transaction->changes;

    for (size_t i = 0; i < changes->count; i++)
        if (changes->items[i].to != PATCH_NOT_APPLIED &&
            store_copy_make(transaction->daemon->store, changes->items[i].entity, err) < 0)
            return -1;
    return 0;
}

/*
 * A patch that is still being taken out of some processes is live already: that one goes on, with
 * its slot, instead of the new one.
 */
static void adopt_live(struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->coming.count; i++) {
        struct live_patch **item = &transaction->coming.items[i];
        struct live_patch *live = live_set_find(&transaction->daemon->live, (*item)->uuid);

        if (!live)
            continue;
        live_set_remove(&transaction->daemon->live, live);
        live_patch_put(live);
    }
}

/*
 * Everything that comes is linked before anything is switched, so that a file which cannot be
 * probed fails the transaction while no process has noticed.
 */
static int activate(struct transaction *transaction, struct sc_error **err)
{
    struct daemon *daemon = transaction->daemon;

    adopt_live(transaction);
    for (size_t i = 0; i < transaction->coming.count; i++)
        if (live_patch_link(daemon, transaction->coming.items[i], -1, transaction->target_fds[i],
                            err) < 0)
            return -1;
    if (transaction->coming.count == 0)
        return 0;
    return live_patches_activate(daemon, &transaction->coming, transaction->how->timeout_s,
                                 &transaction->activated, err);
}

/* Undoes what activate and make_copies did. */
static void roll_back(struct transaction *transaction)
{
    struct daemon *daemon = transaction->daemon;
    cleanup_pass struct pass_result result = {0};

    live_patches_deactivate(daemon, &transaction->coming, transaction->how->timeout_s, &result,
                            NULL);
    live_patches_settle(daemon);
    for (size_t i = 0; i < transaction->changes->count; i++) {
        const struct change *change = &transaction->changes->items[i];

        change->entity->status = change->from;
        if (change->from == PATCH_NOT_APPLIED && result.problems.count == 0)
            store_copy_remove(daemon->store, change->entity);
    }
    /* Should this fail, the journal says the same. */
    daemon_write_state(daemon, NULL, 0, NULL);
}

/* Those that are removed, not only deactivated, leave nothing in the processes. */
static void mark_removed(const struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->changes->count; i++) {
        const struct change *change = &transaction->changes->items[i];

        for (size_t j = 0; j < transaction->going.count; j++)
            if (change->to == PATCH_NOT_APPLIED &&
                strcmp(transaction->going.items[j]->uuid, change->entity->info->uuid) == 0)
                atomic_store(&transaction->going.items[j]->unmap, true);
    }
}

/*
 * Once the links are gone there is no way back: what a pass that failed did not reach is done by
 * the audit.
 */
static void deactivate(struct transaction *transaction, struct answer *answer)
{
    cleanup_error struct sc_error *err = NULL;

    mark_removed(transaction);
    if (transaction->going.count == 0 ||
        live_patches_deactivate(transaction->daemon, &transaction->going,
                                transaction->how->timeout_s, &transaction->deactivated, &err) == 0)
        return;
    answer->status = SC_PARTIAL;
    string_list_add(&answer->errors, err->message);
}

/*
 * Statuses in memory and on disk. A deactivation cannot fail here: the journal on disk says that
 * it is to be completed, so what is in memory and what a restart would make of the disk are equal.
 */
static int commit(struct transaction *transaction, struct sc_error **err)
{
    const struct change_list *changes = transaction->changes;
    cleanup_free uint64_t *orders = calloc(changes->count + 1, sizeof(*orders));

    if (!orders)
        abort();
    for (size_t i = 0; i < changes->count; i++) {
        orders[i] = changes->items[i].entity->order;
        daemon_set_status(transaction->daemon, changes->items[i].entity, changes->items[i].to);
    }
    if (daemon_write_state(transaction->daemon, NULL, 0, err) == 0)
        return 0;
    if (transaction->going.count > 0) {
        log_write(&transaction->daemon->log, LOG_WARNING, NULL, "%s", (*err)->message);
        sc_error_free(steal_pointer(err));
        return 0;
    }
    for (size_t i = 0; i < changes->count; i++) {
        changes->items[i].entity->status = changes->items[i].from;
        changes->items[i].entity->order = orders[i];
    }
    return -1;
}

/* Copies of patches that are not applied any more, unless a process still has to be rid of one. */
static void drop_copies(const struct transaction *transaction)
{
    struct daemon *daemon = transaction->daemon;

    live_patches_settle(daemon);
    for (size_t i = 0; i < transaction->changes->count; i++) {
        const struct change *change = &transaction->changes->items[i];
        struct live_patch *live = live_set_find(&daemon->live, change->entity->info->uuid);

        if (change->to == PATCH_NOT_APPLIED && !live)
            store_copy_remove(daemon->store, change->entity);
        live_patch_put(live);
    }
}

/* "name: ACTIVED", and the same as data. */
static void report_changes(const struct transaction *transaction, struct answer *answer)
{
    struct json_object *list = NULL;

    if (!json_object_object_get_ex(answer->data, "changes", &list)) {
        list = json_object_new_array();
        json_object_object_add(answer->data, "changes", list);
    }
    for (size_t i = 0; i < transaction->changes->count; i++) {
        const struct change *change = &transaction->changes->items[i];
        struct json_object *item = json_object_new_object();

        sc_json_add_string(item, "uuid", change->entity->info->uuid);
        sc_json_add_string(item, "name", change->entity->name);
        sc_json_add_string(item, "from", patch_status_name(change->from));
        sc_json_add_string(item, "to", patch_status_name(change->to));
        json_object_array_add(list, item);
        string_list_format(&answer->messages, "%s: %s%s", change->entity->name,
                           patch_status_name(change->to),
                           transaction->how->dry_run ? " (dry run: nothing was changed)" : "");
    }
}

/* What ACTIVED does not promise on a kernel that cannot hold first callers. */
static void report_warning(const struct transaction *transaction, struct answer *answer)
{
    const struct hold *hold = transaction->daemon->hold;

    if (transaction->coming.count && hold && hold_warning(hold))
        string_list_format(&answer->messages, "note: %s (uprobes = %s)", hold_warning(hold),
                           uprobes_name(hold_way(hold)));
}

/* Processes that are not as they should be: a line each, and SC_PARTIAL. */
static void report_problems(const struct problem_list *problems, struct answer *answer)
{
    struct json_object *list = NULL;

    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        struct json_object *item = json_object_new_object();

        if (!json_object_object_get_ex(answer->data, "processes", &list)) {
            list = json_object_new_array();
            json_object_object_add(answer->data, "processes", list);
        }
        sc_json_add_u64(item, "pid", (uint64_t)problem->pid);
        sc_json_add_string(item, "comm", problem->comm);
        sc_json_add_string(item, "uuid", problem->uuid);
        sc_json_add_string(item, "reason", problem->reason);
        json_object_array_add(list, item);
        string_list_format(&answer->errors, "process %d (%s) still runs the %s code: %s",
                           problem->pid, problem->comm, problem->wanted ? "old" : "patched",
                           problem->reason);
        if (answer->status == SC_OK && !problem->opted_out)
            answer->status = SC_PARTIAL;
    }
}

/* The journal of the host says who was patched with what, and when. */
static void log_changes(const struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->changes->count; i++) {
        const struct change *change = &transaction->changes->items[i];
        struct log_about about = {.patch = change->entity->name,
                                  .result = patch_status_name(change->to)};

        log_write(&transaction->daemon->log, LOG_INFO, &about, "%s is %s", change->entity->name,
                  patch_status_name(change->to));
    }
}

/*
 * The transaction as a list of steps. What is going goes first: it may be in the way of what comes.
 */
static int run(struct transaction *transaction, struct answer *answer, struct sc_error **err)
{
    if (prepare(transaction, err) < 0 || check_conflicts(transaction, err) < 0 ||
        check_memory(transaction, err) < 0)
        return -1;
    if (transaction->how->dry_run) {
        report_changes(transaction, answer);
        return 0;
    }
    if (transaction->coming.count + transaction->going.count > 0 &&
        write_journal(transaction, err) < 0)
        return -1;
    deactivate(transaction, answer);
    if (make_copies(transaction, err) < 0 || activate(transaction, err) < 0 ||
        commit(transaction, err) < 0) {
        roll_back(transaction);
        return -1;
    }
    drop_copies(transaction);
    log_changes(transaction);
    report_changes(transaction, answer);
    report_warning(transaction, answer);
    report_problems(&transaction->activated.problems, answer);
    report_problems(&transaction->deactivated.problems, answer);
    return 0;
}

int changes_run(struct daemon *daemon, const struct change_list *changes,
                const struct change_options *how, struct answer *answer, struct sc_error **err)
{
    struct transaction transaction = {.daemon = daemon, .changes = changes, .how = how};
    int result;

    if (changes->count == 0)
        return 0;
    transaction.target_fds = calloc(changes->count, sizeof(int));
    if (!transaction.target_fds)
        abort();
    result = run(&transaction, answer, err);
    for (size_t i = 0; i < transaction.coming.count; i++)
        close(transaction.target_fds[i]);
    free(transaction.target_fds);
    live_list_clear(&transaction.coming);
    live_list_clear(&transaction.going);
    pass_result_clear(&transaction.activated);
    pass_result_clear(&transaction.deactivated);
    return result;
}

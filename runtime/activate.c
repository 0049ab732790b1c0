// SPDX-License-Identifier: GPL-2.0-or-later
// Activates and deactivates patch objects: checks, links, passes over the processes, holds.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/daemon.h"
#include "runtime/target_check.h"

#include <string.h>

/* The eager pass gets this much even where the caller's time is over: an unfinished one helps
 * nobody. */
#define PASS_MIN_NS 100000000ull

int live_patch_check_conflicts(struct daemon *daemon, const struct live_patch *patch,
                               const struct live_list *list, struct sc_error **err)
{
    cleanup_live_list struct live_list live = live_set_list(&daemon->live);

    for (size_t i = 0; list && i < list->count; i++)
        live_list_add(&live, list->items[i]);
    for (size_t i = 0; i < live.count; i++) {
        const struct live_patch *other = live.items[i];
        const char *function = live_patch_overlap(patch, other);
        bool counts = atomic_load(&other->wanted);

        for (size_t j = 0; list && j < list->count; j++)
            counts = counts || list->items[j] == other;
        if (function && counts && strcmp(patch->uuid, other->uuid) != 0)
            return sc_error_set(err, SC_REFUSED,
                                "conflict: %s and %s both replace function %s; deactivate the other"
                                " one first",
                                patch->name, other->name, function);
    }
    return 0;
}

struct live_patch *entity_check(struct daemon *daemon, struct entity *entity, bool conflicts,
                                int *target_fd, struct sc_error **err)
{
    cleanup_free char *path = store_object_path(entity);
    const char *root = daemon->options.root;
    struct live_patch *patch = NULL;
    cleanup_close int fd = -1;

    if (strcmp(entity->patch->info->type, "user") != 0) {
        sc_error_set(err, SC_REFUSED, "unsupported-type: patches of type %s",
                     entity->patch->info->type);
        return NULL;
    }
    if (store_object_verify(entity, path, err) == 0 &&
        target_check_package(root, &entity->patch->info->target, err) == 0)
        fd = target_check_file(root, entity, path, err);
    if (fd >= 0)
        patch =
            live_patch_open(path, entity->info->uuid, entity->name, entity->info->build_id, err);
    if (patch && conflicts && live_patch_check_conflicts(daemon, patch, NULL, err) < 0) {
        live_patch_put(patch);
        patch = NULL;
    }
    if (!patch) {
        sc_error_wrap(err, "%s", entity->name);
        return NULL;
    }
    *target_fd = fd;
    fd = -1; /* given away */
    return patch;
}

int live_patch_link(struct daemon *daemon, struct live_patch *patch, int slot, int target_fd,
                    struct sc_error **err)
{
    if (!daemon->hold || !features_lazy(&daemon->features))
        return sc_error_set(err, SC_REFUSED,
                            "unsupported-kernel: this kernel cannot hold the first callers in"
                            " processes started later (the log of syscared says what is missing)");
    if (slot < 0)
        slot = live_set_free_slot(&daemon->live, err);
    if (slot < 0)
        return -1;
    patch->slot = (uint32_t)slot;
    live_set_add(&daemon->live, patch);
    if (hold_slot_fill(daemon->hold, patch->slot, patch->functions, patch->function_count, err) < 0)
        return sc_error_wrap(err, "%s", patch->name);
    atomic_store(&patch->linked, true);
    if (target_fd >= 0 && hold_link(daemon->hold, patch->slot, patch->uuid, patch->functions,
                                    patch->function_count, target_fd, err) < 0)
        return sc_error_wrap(err, "%s", patch->name);
    return 0;
}

static uint64_t deadline_after(unsigned timeout_s)
{
    uint64_t ns = timeout_s * 1000000000ull;

    return hold_clock() + (ns < PASS_MIN_NS ? PASS_MIN_NS : ns);
}

int live_patches_activate(struct daemon *daemon, const struct live_list *patches,
                          unsigned timeout_s, struct pass_result *result, struct sc_error **err)
{
    uint64_t deadline = deadline_after(timeout_s);
    struct pass_result last;
    int failed;

    for (size_t i = 0; i < patches->count; i++)
        atomic_store(&patches->items[i]->wanted, true);
    if (switcher_pass(daemon->switcher, patches, deadline, result, err) < 0)
        return -1;
    for (size_t i = 0; i < patches->count; i++)
        if (hold_slot_enable(daemon->hold, patches->items[i]->slot, true, err) < 0)
            return -1;
    /* Processes that began after the pass had seen the last one, and before the hold was on. */
    failed = switcher_pass(daemon->switcher, patches, deadline, &last, err);
    last.switched += result->switched;
    pass_result_clear(result);
    *result = last;
    return failed;
}

int live_patches_deactivate(struct daemon *daemon, const struct live_list *patches,
                            unsigned timeout_s, struct pass_result *result, struct sc_error **err)
{
    for (size_t i = 0; i < patches->count; i++) {
        struct live_patch *patch = patches->items[i];

        atomic_store(&patch->wanted, false);
        switcher_forget(daemon->switcher, patch->uuid);
        if (daemon->hold && atomic_exchange(&patch->linked, false))
            hold_slot_clear(daemon->hold, patch->slot, patch->function_count);
    }
    return switcher_pass(daemon->switcher, patches, deadline_after(timeout_s), result, err);
}

/* True if some process still has to be rid of the patch. */
static bool has_problems(struct daemon *daemon, const struct live_patch *patch)
{
    cleanup_problems struct problem_list list = switcher_problems(daemon->switcher, patch->uuid);

    return list.count > 0;
}

void live_patches_settle(struct daemon *daemon)
{
    cleanup_live_list struct live_list list = live_set_list(&daemon->live);

    for (size_t i = 0; i < list.count; i++) {
        struct live_patch *patch = list.items[i];
        struct entity *entity = store_entity(daemon->store, patch->uuid);

        if (atomic_load(&patch->wanted) || has_problems(daemon, patch))
            continue;
        live_set_remove(&daemon->live, patch);
        if (entity && entity->status == PATCH_NOT_APPLIED)
            store_copy_remove(daemon->store, entity);
    }
}

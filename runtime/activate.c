// SPDX-License-Identifier: GPL-2.0-or-later
// Activates and deactivates patch objects: checks, links, passes over the processes, holds.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/daemon.h"
#include "runtime/entry_jump.h"
#include "runtime/target_check.h"

#include <string.h>

/* The eager pass gets this much even where the caller's time is over: an unfinished one helps
 * nobody. */
#define PASS_MIN_NS 100000000ull

/* Refuses patch over an older one: it must replace none of its functions, or all of them. */
static int check_pair(const struct live_patch *patch, const struct live_patch *older,
                      struct sc_error **err)
{
    const char *function = live_patch_overlap(patch, older);

    if (!function || strcmp(patch->uuid, older->uuid) == 0 || live_patch_covers(patch, older))
        return 0;
    return sc_error_set(err, SC_REFUSED,
                        "conflict: %s and %s both replace function %s, and the new one does not"
                        " replace all that the other does; deactivate the other one first (or"
                        " --force: each function of both as the newer one has it)",
                        patch->name, older->name, function);
}

int live_patch_check_conflicts(struct daemon *daemon, const struct live_patch *patch,
                               const struct live_list *list, struct sc_error **err)
{
    cleanup_live_list struct live_list live = live_set_list(&daemon->live);

    for (size_t i = 0; i < live.count; i++)
        if (atomic_load(&live.items[i]->wanted) && check_pair(patch, live.items[i], err) < 0)
            return -1;
    for (size_t i = 0; list && i < list->count; i++)
        if (check_pair(patch, list->items[i], err) < 0)
            return -1;
    return 0;
}

struct live_patch *entity_check(struct daemon *daemon, struct entity *entity, bool conflicts,
                                int *target_fd, struct sc_error **err)
{
    const char *root = daemon->options.root;
    cleanup_close int object_fd = -1;
    cleanup_free char *path = NULL;
    struct live_patch *patch = NULL;
    cleanup_close int fd = -1;

    if (strcmp(entity->patch->info->type, "user") != 0) {
        sc_error_set(err, SC_REFUSED, "unsupported-type: patches of type %s",
                     entity->patch->info->type);
        return NULL;
    }
    path = store_object_open(entity, &object_fd, err);
    if (path && target_check_package(root, &entity->patch->info->target, err) == 0)
        fd = target_check_file(root, entity, path, err);
    if (fd >= 0)
        patch =
            live_patch_open(path, entity->info->uuid, entity->name, entity->info->build_id, err);
    if (patch && entry_jump_check(daemon, patch, fd, err) < 0) {
        live_patch_put(patch);
        patch = NULL;
    }
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

/* Describes the functions to the BPF program and attaches it to the file that is installed. */
static int attach(struct daemon *daemon, struct live_patch *patch, int target_fd,
                  struct sc_error **err)
{
    if (hold_slot_fill(daemon->hold, patch->slot, patch->uuid, patch->probes, patch->probe_count,
                       err) < 0)
        return sc_error_wrap(err, "%s", patch->name);
    atomic_store(&patch->linked, true);
    if (target_fd >= 0 && hold_link(daemon->hold, patch->slot, patch->uuid, patch->probes,
                                    patch->probe_count, target_fd, err) < 0)
        return sc_error_wrap(err, "%s", patch->name);
    return 0;
}

int live_patch_link(struct daemon *daemon, struct live_patch *patch, int slot, int target_fd,
                    struct sc_error **err)
{
    if (!daemon->hold)
        return sc_error_set(err, SC_REFUSED,
                            "unsupported-kernel: this kernel, as configured, cannot notice calls in"
                            " processes started later (the log of syscared says what is missing)");
    if (patch->nop_function && !daemon->features.nop_probes)
        return sc_error_set(err, SC_REFUSED,
                            "unsupported-kernel: function %s begins with a 5-byte nop, and with"
                            " this kernel (6.18 and later) a probe there kills forked children",
                            patch->nop_function);
    /* Not for the probes of others: what is in force already stays so, and the audit reports. */
    if (entry_jump_check(daemon, patch, -1, err) < 0 ||
        entry_jump_check_others(daemon, patch, err) < 0)
        return -1;
    entry_jump_watch(patch, target_fd);
    if (slot < 0)
        slot = live_set_free_slot(&daemon->live, daemon->hold, err);
    if (slot < 0)
        return -1;
    patch->slot = (uint32_t)slot;
    live_set_add(&daemon->live, patch);
    return attach(daemon, patch, target_fd, err);
}

/*
 * Describes to the BPF program those functions that are left to the patch, and only those. Probes
 * at entry points of the target stay: they are there for all functions.
 */
static int cover_sites(struct daemon *daemon, struct live_patch *patch, struct sc_error **err)
{
    for (size_t i = 0; atomic_load(&patch->linked) && i < patch->probe_count; i++) {
        size_t function = patch->probe_functions[i];
        bool covered = function < patch->function_count && live_patch_is_covered(patch, function);

        if (hold_site_set(daemon->hold, patch->slot, i, covered ? NULL : &patch->probes[i], err) <
            0)
            return -1;
    }
    return 0;
}

/*
 * Leaves to newer patches what they replace: callers of those functions are held for the newer one
 * only, and a patch that has none left needs no links.
 */
static void cover_live(struct daemon *daemon)
{
    cleanup_live_list struct live_list live = live_set_list(&daemon->live);

    for (size_t i = 0; i < live.count; i++) {
        struct live_patch *patch = live.items[i];

        if (!atomic_load(&patch->wanted))
            continue;
        live_patch_cover(patch, live.items + i + 1, live.count - i - 1);
        if (!atomic_load(&patch->shadowed))
            cover_sites(daemon, patch, NULL);
        else if (atomic_exchange(&patch->linked, false))
            hold_slot_clear(daemon->hold, patch->slot, patch->probe_count);
    }
}

/* Links a patch again that had no function left, for processes that start from now on. */
static int link_again(struct daemon *daemon, struct live_patch *patch, struct sc_error **err)
{
    struct entity *entity = store_entity(daemon->store, patch->uuid);
    cleanup_free char *path = entity ? store_object_path(entity) : NULL;
    cleanup_close int fd = path ? target_check_file(daemon->options.root, entity, path, NULL) : -1;

    return attach(daemon, patch, fd, err);
}

/* Puts functions that come to light again to work. */
static void uncover(struct daemon *daemon, struct live_patch *patch, bool linked)
{
    cleanup_error struct sc_error *err = NULL;

    if ((!linked && link_again(daemon, patch, &err) < 0) || cover_sites(daemon, patch, &err) < 0 ||
        (!linked && hold_slot_enable(daemon->hold, patch->slot, true, &err) < 0))
        log_write(&daemon->log, LOG_ERR, &(struct log_about){.patch = patch->name}, "%s",
                  err->message);
}

/* True if the patch replaces a function that one of the list does. */
static bool overlaps_any(const struct live_patch *patch, const struct live_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (live_patch_overlap(patch, list->items[i]))
            return true;
    return false;
}

/*
 * Adds to list the patches to which those that go leave functions. One that was just being applied
 * may have taken functions in some processes before it covered any.
 */
static void find_uncovered(struct daemon *daemon, const struct live_list *going,
                           struct live_list *list)
{
    cleanup_live_list struct live_list live = live_set_list(&daemon->live);

    for (size_t i = 0; i < live.count; i++) {
        struct live_patch *patch = live.items[i];
        bool linked = atomic_load(&patch->linked), came_to_light;

        if (!atomic_load(&patch->wanted))
            continue;
        came_to_light = live_patch_cover(patch, live.items + i + 1, live.count - i - 1);
        if (came_to_light)
            uncover(daemon, patch, linked);
        if (came_to_light || overlaps_any(patch, going))
            live_list_add(list, patch);
    }
}

/* When a pass that may take so long has to end. */
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
    for (size_t i = 0; i < patches->count; i++)
        live_patch_cover(patches->items[i], patches->items + i + 1, patches->count - i - 1);
    if (switcher_pass(daemon->switcher, patches, deadline, result, err) < 0)
        return -1;
    for (size_t i = 0; i < patches->count; i++)
        if (hold_slot_enable(daemon->hold, patches->items[i]->slot,
                             !atomic_load(&patches->items[i]->shadowed), err) < 0)
            return -1;
    /* Older ones only now: until the hold was on, they were better than nothing. */
    cover_live(daemon);
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
    cleanup_live_list struct live_list all = {0}, below = {0};

    for (size_t i = 0; i < patches->count; i++) {
        atomic_store(&patches->items[i]->wanted, false);
        switcher_forget(daemon->switcher, patches->items[i]->uuid);
    }
    /* Those below take over first: nobody runs the old code in between. */
    find_uncovered(daemon, patches, &below);
    for (size_t i = 0; i < patches->count; i++) {
        struct live_patch *patch = patches->items[i];

        if (daemon->hold && atomic_exchange(&patch->linked, false))
            hold_slot_clear(daemon->hold, patch->slot, patch->probe_count);
        live_list_add(&all, patch);
    }
    /* What goes is switched to what is below in one step (switcher_process.c); then the rest. */
    for (size_t i = 0; i < below.count; i++)
        live_list_add(&all, below.items[i]);
    return switcher_pass(daemon->switcher, &all, deadline_after(timeout_s), result, err);
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

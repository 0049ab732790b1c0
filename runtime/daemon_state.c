// SPDX-License-Identifier: GPL-2.0-or-later
// Between the store in memory and the state file.
#include "lib/cleanup.h"
#include "runtime/daemon.h"

void daemon_set_status(struct daemon *daemon, struct entity *entity, enum patch_status status)
{
    bool was_active = patch_status_active(entity->status);

    entity->status = status;
    if (status == PATCH_NOT_APPLIED)
        entity->order = 0;
    else if (!(was_active && patch_status_active(status)))
        entity->order = ++daemon->sequence; /* accepting does not change the order */
}

/* Oldest first: patches are made active again in the order in which users activated them. */
static int compare_orders(const void *a, const void *b)
{
    const struct entity *left = *(struct entity *const *)a, *right = *(struct entity *const *)b;

    return left->order < right->order ? -1 : left->order > right->order;
}

struct entity_list daemon_in_order(struct daemon *daemon)
{
    struct entity_list list = {0};

    for (size_t i = 0; i < daemon->store->count; i++) {
        struct patch *patch = daemon->store->patches[i];

        for (size_t j = 0; j < patch->info->entity_count; j++)
            if (patch->entities[j].status != PATCH_NOT_APPLIED)
                entity_list_add(&list, &patch->entities[j]);
    }
    if (list.count)
        qsort(list.items, list.count, sizeof(*list.items), compare_orders);
    return list;
}

int daemon_write_state(struct daemon *daemon, const struct state_change *changes,
                       size_t change_count, struct sc_error **err)
{
    cleanup_entities struct entity_list list = daemon_in_order(daemon);
    cleanup_saved_state struct state *state = state_new();

    state_boot_id(state->boot_id);
    state->sequence = daemon->sequence;
    for (size_t i = 0; i < list.count; i++)
        state_add_entry(state, list.items[i]->info->uuid, list.items[i]->status,
                        list.items[i]->order);
    state->has_saved = daemon->saved->has_saved;
    for (size_t i = 0; i < daemon->saved->saved_count; i++)
        state_add_saved(state, daemon->saved->saved[i].uuid, daemon->saved->saved[i].status,
                        daemon->saved->saved[i].order);
    for (size_t i = 0; i < change_count; i++)
        state_add_change(state, changes[i].uuid, changes[i].from, changes[i].to);
    return state_write(state, daemon->state_path, err);
}

void daemon_save(struct daemon *daemon)
{
    struct state *saved = state_new();

    saved->has_saved = true;
    for (size_t i = 0; i < daemon->store->count; i++) {
        struct patch *patch = daemon->store->patches[i];

        for (size_t j = 0; j < patch->info->entity_count; j++)
            state_add_saved(saved, patch->entities[j].info->uuid, patch->entities[j].status,
                            patch->entities[j].order);
    }
    state_free(daemon->saved);
    daemon->saved = saved;
}

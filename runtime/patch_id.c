// SPDX-License-Identifier: GPL-2.0-or-later
// From what a user typed to the patches that are meant.
#include "runtime/patch_id.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <fnmatch.h>
#include <string.h>

void entity_list_clear(struct entity_list *list)
{
    free(list->items);
    list->items = NULL;
    list->count = 0;
}

void entity_list_add(struct entity_list *list, struct entity *entity)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == entity)
            return;
    list->items = reallocarray(list->items, list->count + 1, sizeof(*list->items));
    if (!list->items)
        abort();
    list->items[list->count++] = entity;
}

static bool is_pattern(const char *id)
{
    return strpbrk(id, "*?[") != NULL;
}

/* A slash is matched by a star: "redis*" means all files of all patches of redis. */
static bool matches(const char *id, const char *text)
{
    return is_pattern(id) ? fnmatch(id, text, 0) == 0 : strcmp(id, text) == 0;
}

/* True if id is the patch's short name, with or without version and release. */
static bool short_name_matches(const char *id, const struct patch *patch)
{
    return matches(id, patch->info->name) || matches(id, strchr(patch->name, '/') + 1);
}

/* True if id means the whole patch, short names aside. */
static bool patch_matches(const char *id, const struct patch *patch)
{
    return matches(id, patch->info->uuid) || matches(id, patch->name) ||
           matches(id, patch->target_name);
}

static bool entity_matches(const char *id, const struct entity *entity)
{
    return matches(id, entity->info->uuid) || matches(id, entity->name);
}

/* A short name must mean one patch, unless it is a pattern. */
static int check_unique(struct patch_store *store, const char *id, struct sc_error **err)
{
    cleanup_strings struct string_list names = {0};
    cleanup_free char *text = NULL;

    for (size_t i = 0; i < store->count; i++)
        if (short_name_matches(id, store->patches[i]))
            string_list_add(&names, store->patches[i]->name);
    if (names.count < 2)
        return 0;
    text = string_list_join(&names, ", ");
    return sc_error_set(err, SC_FAILED, "%s is the name of several patches: %s", id, text);
}

int patch_id_resolve(struct patch_store *store, const char *id, struct entity_list *list,
                     struct sc_error **err)
{
    bool found = false;

    if (!is_pattern(id) && check_unique(store, id, err) < 0)
        return -1;
    for (size_t i = 0; i < store->count; i++) {
        struct patch *patch = store->patches[i];
        bool whole = patch_matches(id, patch) || short_name_matches(id, patch);

        for (size_t j = 0; j < patch->info->entity_count; j++) {
            if (!whole && !entity_matches(id, &patch->entities[j]))
                continue;
            entity_list_add(list, &patch->entities[j]);
            found = true;
        }
    }
    if (!found)
        return sc_error_set(err, SC_FAILED,
                            "there is no patch %s (`syscare list` shows those there are)", id);
    return 0;
}

int patch_ids_resolve(struct patch_store *store, const struct string_list *ids,
                      struct entity_list *list, struct sc_error **err)
{
    for (size_t i = 0; i < ids->count; i++)
        if (patch_id_resolve(store, ids->items[i], list, err) < 0)
            return -1;
    return 0;
}

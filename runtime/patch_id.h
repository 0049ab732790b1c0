/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what a user typed to the patches that are meant. */
#ifndef SYSCARE_RUNTIME_PATCH_ID_H
#define SYSCARE_RUNTIME_PATCH_ID_H

#include "runtime/patch_store.h"

/* Entities without repetition, in the order of the IDs, then of the store. */
struct entity_list {
    struct entity **items; /* the entities belong to the store */
    size_t count;
};

/*
 * Adds the entities that id means: <name-ver-rel>/<PATCH-ver-rel>/<elf>,
 * <name-ver-rel>/<PATCH-ver-rel>, <PATCH> or <PATCH-ver-rel> where only one patch has that name,
 * <name-ver-rel> (all its patches), the uuid of an entity or a patch; or a glob(7) pattern of any
 * of these. 0, or -1 with err set: nothing matches (SC_FAILED), or several patches have the name.
 */
int patch_id_resolve(struct patch_store *store, const char *id, struct entity_list *list,
                     struct sc_error **err);

/* All entities, or those with one of the ids. 0, or -1 with err set. */
int patch_ids_resolve(struct patch_store *store, const struct string_list *ids,
                      struct entity_list *list, struct sc_error **err);

/* For __attribute__((cleanup)). */
void entity_list_clear(struct entity_list *list);
#define cleanup_entities __attribute__((cleanup(entity_list_clear)))

void entity_list_add(struct entity_list *list, struct entity *entity);

#endif

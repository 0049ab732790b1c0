// SPDX-License-Identifier: GPL-2.0-or-later
// Patch objects that processes run, or shall be rid of: what the threads of the daemon share.
#include "runtime/live_patch.h"

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/patch_info.h"
#include "runtime/arch/arch.h"
#include "runtime/patch_object.h"

#include <fcntl.h>
#include <string.h>

_Static_assert(PATCH_FUNCS_MAX <= INJECT_FUNCTIONS_MAX, "a bit for each function of a patch");

/* Describes to the BPF program a probe, and the jump that makes it needless. */
static void add_probe(struct live_patch *patch, size_t function, uint64_t offset,
                      int32_t jump_offset, const struct sc_patch_func *func)
{
    struct hold_function *probe = &patch->probes[patch->probe_count];
    struct hold_site *site = &probe->site;

    patch->probe_functions[patch->probe_count++] = function;
    probe->offset = offset;
    site->jump_offset = jump_offset;
    site->jump_size = func->jump_size < HOLD_OLD_BYTES ? func->jump_size : HOLD_OLD_BYTES;
    memcpy(site->old, func->old_bytes + func->jump_offset, site->jump_size);
    arch_jump_pattern(&site->opcode, &site->opcode_mask);
    if (!arch_first_repeats(func->old_bytes, func->jump_offset, &site->stack))
        site->stack = HOLD_STACK_NONE;
}

static void add_entry_jump(struct live_patch *patch, const struct sc_patch_func *func,
                           const char *name)
{
    struct entry_jump *jump = &patch->entry_jumps[patch->entry_jump_count++];

    jump->name = name;
    jump->offset = func->old_offset;
    jump->size = func->jump_size < HOLD_OLD_BYTES ? func->jump_size : HOLD_OLD_BYTES;
    memcpy(jump->old, func->old_bytes, jump->size);
}

/*
 * A function that keeps its first instruction is probed itself. The others need the points of the
 * target where each process comes by first; all functions are switched there, and the first of
 * these others tells whether that is done. Probes on the former stay useful: a process that was not
 * answered in time at such a point gets a second chance.
 */
static void fill_probes(struct live_patch *patch, const struct patch_object *object)
{
    const struct sc_patch_func *first = NULL;

    patch->probes = calloc(object->func_count + object->arm_count, sizeof(*patch->probes));
    patch->entry_jumps = calloc(object->func_count, sizeof(*patch->entry_jumps));
    patch->probe_functions =
        calloc(object->func_count + object->arm_count, sizeof(*patch->probe_functions));
    if (!patch->probes || !patch->entry_jumps || !patch->probe_functions)
        abort();
    for (size_t i = 0; i < object->func_count; i++) {
        const struct sc_patch_func *func = &object->funcs[i];

        if (func->strategy == SC_STRATEGY_SKIP_FIRST) {
            add_probe(patch, i, func->old_offset, func->jump_offset, func);
            if (arch_probe_optimised(func->old_bytes, func->jump_offset))
                patch->nop_function = patch->function_names[i];
            continue;
        }
        if (patch_func_is_call(func))
            continue; /* whoever comes there has met a probe before */
        add_entry_jump(patch, func, patch->function_names[i]);
        first = first ? first : func;
    }
    for (size_t i = 0; first && i < object->arm_count; i++) {
        const struct sc_patch_arm *arm = &object->arms[i];

        add_probe(patch, object->func_count, arm->offset, (int32_t)(first->old_vaddr - arm->vaddr),
                  first);
        /* It is not the function's first instruction that is probed: nobody is sent back to it. */
        patch->probes[patch->probe_count - 1].site.stack = HOLD_STACK_NONE;
        if (arch_probe_optimised(arm->bytes, arm->size))
            patch->nop_function = "at the entry point";
    }
}

/* Keeps of the tables what the daemon needs; the injector reads the object itself. */
static void fill_functions(struct live_patch *patch, const struct patch_object *object)
{
    size_t count = object->func_count;

    patch->function_count = count;
    patch->jumps = calloc(count, sizeof(*patch->jumps));
    patch->old_start = calloc(count, sizeof(*patch->old_start));
    patch->old_end = calloc(count, sizeof(*patch->old_end));
    patch->function_names = calloc(count, sizeof(*patch->function_names));
    if (!patch->jumps || !patch->old_start || !patch->old_end || !patch->function_names)
        abort();
    for (size_t i = 0; i < count; i++) {
        patch->jumps[i].start = object->funcs[i].old_offset + object->funcs[i].jump_offset;
        patch->jumps[i].end = patch->jumps[i].start + object->funcs[i].jump_size;
        patch->old_start[i] = object->funcs[i].old_vaddr;
        patch->old_end[i] = object->funcs[i].old_vaddr + object->funcs[i].old_size;
        patch->function_names[i] = sc_format("%s", patch_func_name(object, &object->funcs[i]));
    }
    fill_probes(patch, object);
}

/* The object must say itself what patch_info says of it. */
static int check_note(const struct patch_object *object, const char *uuid, const char *target_hex,
                      struct sc_error **err)
{
    char hex[2 * sizeof(object->note.build_id) + 1];
    unsigned char bytes[16];

    sc_hex_encode(object->note.build_id, object->note.build_id_size, hex);
    if (strcmp(hex, target_hex) != 0)
        return sc_error_set(
            err, SC_REFUSED,
            "damaged-patch: the patch object is for build-id %s, patch_info says %s", hex,
            target_hex);
    if (patch_uuid_decode(uuid, bytes) < 0 || memcmp(bytes, object->note.uuid, 16) != 0)
        return sc_error_set(err, SC_REFUSED,
                            "damaged-patch: the patch object has another uuid than patch_info");
    return 0;
}

struct live_patch *live_patch_open(const char *path, const char *uuid, const char *name,
                                   const char *target_hex, struct sc_error **err)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    cleanup_patch struct patch_object *object = NULL;
    struct live_patch *patch;

    if (fd < 0) {
        sc_error_errno(err, "cannot open %s", path);
        return NULL;
    }
    object = patch_object_open(fd, err);
    if (!object || check_note(object, uuid, target_hex, err) < 0) {
        sc_error_wrap(err, "%s", path);
        return NULL;
    }
    patch = calloc(1, sizeof(*patch));
    if (!patch)
        abort();
    atomic_init(&patch->references, 1);
    atomic_init(&patch->wanted, false);
    atomic_init(&patch->shadowed, false);
    atomic_init(&patch->unmap, false);
    atomic_init(&patch->linked, false);
    snprintf(patch->uuid, sizeof(patch->uuid), "%s", uuid);
    patch->name = sc_format("%s", name);
    patch->target.size = object->note.build_id_size;
    memcpy(patch->target.bytes, object->note.build_id, sizeof(patch->target.bytes));
    patch->target_fd = -1;
    fill_functions(patch, object);
    patch->fd = fd;
    fd = -1; /* kept */
    return patch;
}

struct live_patch *live_patch_get(struct live_patch *patch)
{
    atomic_fetch_add(&patch->references, 1);
    return patch;
}

void live_patch_put(struct live_patch *patch)
{
    if (!patch || atomic_fetch_sub(&patch->references, 1) != 1)
        return;
    for (size_t i = 0; i < patch->function_count; i++)
        free(patch->function_names[i]);
    close(patch->fd);
    if (patch->target_fd >= 0)
        close(patch->target_fd);
    free(patch->function_names);
    free(patch->name);
    free(patch->probes);
    free(patch->probe_functions);
    free(patch->entry_jumps);
    free(patch->jumps);
    free(patch->old_start);
    free(patch->old_end);
    free(patch);
}

bool live_patch_same_target(const struct live_patch *a, const struct live_patch *b)
{
    return a->target.size == b->target.size &&
           memcmp(a->target.bytes, b->target.bytes, a->target.size) == 0;
}

const char *live_patch_overlap(const struct live_patch *a, const struct live_patch *b)
{
    if (!live_patch_same_target(a, b))
        return NULL;
    for (size_t i = 0; i < a->function_count; i++)
        for (size_t j = 0; j < b->function_count; j++)
            if (a->old_start[i] < b->old_end[j] && b->old_start[j] < a->old_end[i])
                return a->function_names[i];
    return NULL;
}

bool live_patch_is_covered(const struct live_patch *patch, size_t index)
{
    return atomic_load(&patch->covered[index / 64]) >> index % 64 & 1;
}

/* True if one of the newer, wanted patches replaces the function. */
static bool is_taken(const struct live_patch *patch, size_t index, struct live_patch *const *newer,
                     size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (atomic_load(&newer[i]->wanted) && live_patch_same_target(patch, newer[i]))
            for (size_t j = 0; j < newer[i]->function_count; j++)
                if (patch->old_start[index] < newer[i]->old_end[j] &&
                    newer[i]->old_start[j] < patch->old_end[index])
                    return true;
    return false;
}

bool live_patch_cover(struct live_patch *patch, struct live_patch *const *newer, size_t count)
{
    bool all = true, came_to_light = false;

    for (size_t i = 0; i < patch->function_count; i++) {
        bool before = live_patch_is_covered(patch, i), now = is_taken(patch, i, newer, count);
        uint64_t bit = UINT64_C(1) << i % 64;

        if (now)
            atomic_fetch_or(&patch->covered[i / 64], bit);
        else
            atomic_fetch_and(&patch->covered[i / 64], ~bit);
        all = all && now;
        came_to_light = came_to_light || (before && !now);
    }
    atomic_store(&patch->shadowed, all);
    return came_to_light;
}

void live_patch_covered(const struct live_patch *patch, uint64_t words[INJECT_FUNCTIONS_MAX / 64])
{
    for (size_t i = 0; i < INJECT_FUNCTIONS_MAX / 64; i++)
        words[i] = atomic_load(&patch->covered[i]);
}

/* A function of a whose jump has a probe of b on it. */
static const char *probed_jump(const struct live_patch *a, const struct live_patch *b)
{
    for (size_t i = 0; i < a->function_count; i++)
        for (size_t j = 0; j < b->probe_count; j++)
            if (b->probes[j].offset >= a->jumps[i].start && b->probes[j].offset < a->jumps[i].end)
                return a->function_names[i];
    return NULL;
}

const char *live_patch_probe_clash(const struct live_patch *a, const struct live_patch *b)
{
    const char *function;

    if (!live_patch_same_target(a, b))
        return NULL;
    function = probed_jump(a, b);
    return function ? function : probed_jump(b, a);
}

bool live_patch_covers(const struct live_patch *newer, const struct live_patch *older)
{
    for (size_t i = 0; i < older->function_count; i++) {
        bool found = false;

        for (size_t j = 0; !found && j < newer->function_count; j++)
            found = newer->old_start[j] <= older->old_start[i] &&
                    older->old_end[i] <= newer->old_end[j];
        if (!found)
            return false;
    }
    return live_patch_same_target(newer, older);
}

void live_set_init(struct live_set *set)
{
    memset(set, 0, sizeof(*set));
    pthread_mutex_init(&set->lock, NULL);
}

void live_set_destroy(struct live_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        live_patch_put(set->items[i]);
    free(set->items);
    pthread_mutex_destroy(&set->lock);
}

void live_set_add(struct live_set *set, struct live_patch *patch)
{
    pthread_mutex_lock(&set->lock);
    set->items = reallocarray(set->items, set->count + 1, sizeof(*set->items));
    if (!set->items)
        abort();
    set->items[set->count++] = live_patch_get(patch);
    pthread_mutex_unlock(&set->lock);
}

void live_set_remove(struct live_set *set, struct live_patch *patch)
{
    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i] != patch)
            continue;
        memmove(&set->items[i], &set->items[i + 1], (--set->count - i) * sizeof(*set->items));
        live_patch_put(patch);
        break;
    }
    pthread_mutex_unlock(&set->lock);
}

int live_set_free_slot(struct live_set *set, struct hold *hold, struct sc_error **err)
{
    int slot = -1;

    pthread_mutex_lock(&set->lock);
    /* The last slot is for the trial at start (features_trial.c). */
    for (uint32_t candidate = 0; slot < 0 && candidate < HOLD_SLOTS_MAX - 1; candidate++) {
        bool used = hold_slot_busy(hold, candidate);

        for (size_t i = 0; i < set->count; i++)
            used = used || set->items[i]->slot == candidate;
        if (!used)
            slot = (int)candidate;
    }
    pthread_mutex_unlock(&set->lock);
    if (slot < 0)
        sc_error_set(err, SC_FAILED, "too many patches are active");
    return slot;
}

struct live_patch *live_set_find(struct live_set *set, const char *uuid)
{
    struct live_patch *found = NULL;

    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; !found && i < set->count; i++)
        if (strcmp(set->items[i]->uuid, uuid) == 0)
            found = live_patch_get(set->items[i]);
    pthread_mutex_unlock(&set->lock);
    return found;
}

struct live_list live_set_list(struct live_set *set)
{
    struct live_list list = {0};

    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < set->count; i++)
        live_list_add(&list, set->items[i]);
    pthread_mutex_unlock(&set->lock);
    return list;
}

void live_list_add(struct live_list *list, struct live_patch *patch)
{
    list->items = reallocarray(list->items, list->count + 1, sizeof(*list->items));
    if (!list->items)
        abort();
    list->items[list->count++] = live_patch_get(patch);
}

void live_list_clear(struct live_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        live_patch_put(list->items[i]);
    free(list->items);
    list->items = NULL;
    list->count = 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Tells from the memory of a process whether, and how far, a patch is applied there.
#include "runtime/process_state.h"
#include "lib/cleanup.h"
#include "runtime/arch/arch.h"
#include "runtime/process_elf.h"

#include <string.h>
#include <sys/mman.h>

#define MARK_TEXT "SysCare"

/* A mapping of any SysCare patch made for this target. */
struct patch_mapping {
    uint64_t low, high; /* run-time range */
    uint64_t bias;
    uint64_t target_bias;
    bool ours; /* has the uuid of our patch */
};

/* What a scan of the mappings collects. */
struct scan {
    const struct process *process;
    const struct patch_object *patch;
    struct process_state *state;
    struct patch_mapping *mappings;
    size_t mapping_count;
};

void process_mark_make(const struct patch_object *patch, uint64_t target_bias,
                       uint8_t mark[PROCESS_MARK_SIZE])
{
    _Static_assert(sizeof(Elf64_Ehdr) == PROCESS_MARK_SIZE, "the mark is an ELF header");
    _Static_assert(EI_NIDENT - EI_PAD == sizeof(MARK_TEXT) - 1, "the mark fills the padding");
    memcpy(mark, patch->file, PROCESS_MARK_SIZE);
    memcpy(mark + EI_PAD, MARK_TEXT, sizeof(MARK_TEXT) - 1);
    memcpy(mark + offsetof(Elf64_Ehdr, e_entry), &target_bias, sizeof(target_bias));
}

/* True if the notes hold the build-id of the patch's target. */
static bool build_id_visit(const uint8_t *notes, size_t size, size_t align, void *data)
{
    const struct sc_patch_note *note = data;
    const uint8_t *id;
    size_t id_size;

    return elf_note_find(notes, size, align, "GNU", NT_GNU_BUILD_ID, &id, &id_size) &&
           id_size == note->build_id_size && memcmp(id, note->build_id, id_size) == 0;
}

static bool patch_note_visit(const uint8_t *notes, size_t size, size_t align, void *data)
{
    return patch_note_find(notes, size, align, data);
}

static int instance_add(struct scan *scan, const struct process_elf *elf, struct sc_error **err)
{
    struct process_state *state = scan->state;
    struct process_instance *more =
        realloc(state->instances, (state->instance_count + 1) * sizeof(*more));
    struct process_instance *instance;

    if (!more)
        return sc_error_set(err, SC_FAILED, "out of memory");
    state->instances = more;
    instance = &more[state->instance_count];
    *instance = (struct process_instance){.bias = elf->bias, .low = elf->low, .high = elf->high};
    instance->sites = calloc(state->func_count, 1);
    if (!instance->sites)
        return sc_error_set(err, SC_FAILED, "out of memory");
    state->instance_count++;
    return 0;
}

/* Remembers a mapping of a complete patch for our target; one without mark is left alone. */
static int mapping_add(struct scan *scan, const struct process_elf *elf,
                       const struct sc_patch_note *note, struct sc_error **err)
{
    const struct sc_patch_note *own = &scan->patch->note;
    struct patch_mapping *more;

    if (memcmp(elf->ehdr.e_ident + EI_PAD, MARK_TEXT, sizeof(MARK_TEXT) - 1) != 0 ||
        note->build_id_size != own->build_id_size ||
        memcmp(note->build_id, own->build_id, sizeof(own->build_id)) != 0)
        return 0;
    more = realloc(scan->mappings, (scan->mapping_count + 1) * sizeof(*more));
    if (!more)
        return sc_error_set(err, SC_FAILED, "out of memory");
    scan->mappings = more;
    more[scan->mapping_count++] = (struct patch_mapping){
        .low = elf->low,
        .high = elf->high,
        .bias = elf->bias,
        .target_bias = elf->ehdr.e_entry,
        .ours = memcmp(note->uuid, own->uuid, sizeof(own->uuid)) == 0,
    };
    return 0;
}

static int map_visit(struct scan *scan, const struct process_map *map, struct sc_error **err)
{
    struct sc_patch_note note = scan->patch->note;
    struct process_elf elf;

    if (!process_elf_read(scan->process, map, &elf))
        return 0;
    if (process_elf_notes(scan->process, &elf, build_id_visit, &note))
        return instance_add(scan, &elf, err);
    if (process_elf_notes(scan->process, &elf, patch_note_visit, &note))
        return mapping_add(scan, &elf, &note, err);
    return 0;
}

/*
 * A complete mapping can be used if all its segments are mapped as we map them: a process may have
 * unmapped or remapped parts of it (dlclose of a neighbour in a broken program, CRIU).
 */
static bool mapping_intact(const struct scan *scan, const struct patch_mapping *mapping)
{
    const struct patch_object *patch = scan->patch;

    for (size_t i = 0; i < patch->segment_count; i++) {
        const struct patch_segment *segment = &patch->segments[i];
        const struct process_map *map =
            process_map_at(scan->process, mapping->bias + segment->vaddr);

        if (!map || map->prot != segment->prot || map->shared ||
            (segment->filesz && map->kind != PROCESS_MAP_FILE))
            return false;
    }
    return true;
}

/* What the bytes at a function of one instance say. */
static enum process_site site_read(const struct scan *scan, const struct process_instance *instance,
                                   const struct sc_patch_func *func)
{
    uint8_t memory[SC_OLD_BYTES_MAX];
    uint64_t address = instance->bias + func->old_vaddr;
    size_t window = (size_t)func->jump_offset + func->jump_size;
    uint64_t to;
    bool whole;

    if (!process_read(scan->process, address, memory, window))
        return PROCESS_SITE_GONE;
    if (!arch_first_matches(memory, func->old_bytes, func->jump_offset))
        return PROCESS_SITE_FOREIGN;
    if (memcmp(memory + func->jump_offset, func->old_bytes + func->jump_offset, func->jump_size) ==
        0)
        return PROCESS_SITE_ORIGINAL;
    whole = patch_func_decode(func, address + func->jump_offset, memory + func->jump_offset, &to);
    if (!whole && func->jump_offset == 0 &&
        arch_first_probed(memory, func->old_bytes, func->jump_size))
        return PROCESS_SITE_PROBED;
    if (!whole &&
        (func->jump_offset != 0 || !arch_jump_mend(address, memory, func->old_bytes[0], &to)))
        return PROCESS_SITE_FOREIGN;
    if (instance->mapped && to == instance->patch_bias + func->trampoline_vaddr)
        return whole ? PROCESS_SITE_OURS : PROCESS_SITE_DAMAGED;
    for (size_t i = 0; i < scan->mapping_count; i++) {
        const struct patch_mapping *mapping = &scan->mappings[i];

        if (!mapping->ours && to >= mapping->low && to < mapping->high &&
            mapping->target_bias == instance->bias)
            return PROCESS_SITE_OTHER;
    }
    return PROCESS_SITE_FOREIGN;
}

static void sites_read(struct scan *scan, struct process_instance *instance)
{
    instance->ours = instance->others = instance->damaged = instance->foreign = 0;
    for (size_t i = 0; i < scan->patch->func_count; i++) {
        enum process_site site = site_read(scan, instance, &scan->patch->funcs[i]);

        instance->sites[i] = (uint8_t)site;
        instance->ours += site == PROCESS_SITE_OURS;
        instance->others += site == PROCESS_SITE_OTHER;
        instance->damaged += site == PROCESS_SITE_DAMAGED;
        instance->foreign += site == PROCESS_SITE_FOREIGN || site == PROCESS_SITE_PROBED;
        instance->gone |= site == PROCESS_SITE_GONE;
    }
}

/*
 * Two complete mappings for one instance can only be there after a segment of the first was lost;
 * the one that the functions jump to counts, else the first intact one.
 */
static void instance_read(struct scan *scan, struct process_instance *instance)
{
    uint64_t first = 0;
    bool any = false;

    for (size_t i = 0; i < scan->mapping_count; i++) {
        const struct patch_mapping *mapping = &scan->mappings[i];

        if (!mapping->ours || mapping->target_bias != instance->bias ||
            !mapping_intact(scan, mapping))
            continue;
        instance->mapped = true;
        instance->patch_bias = mapping->bias;
        sites_read(scan, instance);
        if (instance->ours || instance->damaged)
            return;
        first = any ? first : mapping->bias;
        any = true;
    }
    instance->mapped = any;
    instance->patch_bias = first;
    sites_read(scan, instance);
}

/* Instances that were unmapped between the look at the mappings and the look at their code. */
static void drop_gone(struct process_state *state)
{
    size_t kept = 0;

    for (size_t i = 0; i < state->instance_count; i++) {
        if (state->instances[i].gone)
            free(state->instances[i].sites);
        else
            state->instances[kept++] = state->instances[i];
    }
    state->instance_count = kept;
}

struct process_state *process_state_read(const struct process *process,
                                         const struct patch_object *patch, struct sc_error **err)
{
    cleanup_state struct process_state *state = calloc(1, sizeof(*state));
    struct scan scan = {.process = process, .patch = patch, .state = state};
    cleanup_free struct patch_mapping *mappings = NULL;
    int result = 0;

    if (!state) {
        sc_error_set(err, SC_FAILED, "out of memory");
        return NULL;
    }
    state->func_count = patch->func_count;
    for (size_t i = 0; i < process->map_count && result == 0; i++)
        result = map_visit(&scan, &process->maps[i], err);
    mappings = scan.mappings;
    if (result < 0)
        return NULL;
    for (size_t i = 0; i < state->instance_count; i++)
        instance_read(&scan, &state->instances[i]);
    drop_gone(state);
    return steal_pointer(&state);
}

static void instance_cover(struct process_instance *instance, size_t func)
{
    switch ((enum process_site)instance->sites[func]) {
    case PROCESS_SITE_FOREIGN:
    case PROCESS_SITE_PROBED:
        instance->foreign--;
        instance->others++;
        break;
    case PROCESS_SITE_DAMAGED: /* the newer patch finds and mends it */
        instance->damaged--;
        instance->others++;
        break;
    case PROCESS_SITE_ORIGINAL:
        instance->others++;
        break;
    case PROCESS_SITE_OTHER:
        break;
    case PROCESS_SITE_OURS:
    case PROCESS_SITE_COVERED:
    case PROCESS_SITE_GONE:
        return;
    }
    instance->sites[func] = PROCESS_SITE_COVERED;
}

void process_state_cover(struct process_state *state, const uint64_t *covered)
{
    for (size_t i = 0; i < state->instance_count; i++)
        for (size_t f = 0; f < state->func_count; f++)
            if (covered[f / 64] >> f % 64 & 1)
                instance_cover(&state->instances[i], f);
}

void process_state_close(struct process_state *state)
{
    if (!state)
        return;
    for (size_t i = 0; i < state->instance_count; i++)
        free(state->instances[i].sites);
    free(state->instances);
    free(state);
}

void process_state_cleanup(struct process_state **state)
{
    process_state_close(*state);
}

enum process_verdict process_state_verdict(const struct process_state *state)
{
    size_t sites = state->func_count * state->instance_count;
    size_t ours = 0, others = 0, damaged = 0, foreign = 0;
    bool mapped = false;

    for (size_t i = 0; i < state->instance_count; i++) {
        ours += state->instances[i].ours;
        others += state->instances[i].others;
        damaged += state->instances[i].damaged;
        foreign += state->instances[i].foreign;
        mapped |= state->instances[i].mapped;
    }
    if (sites == 0)
        return PROCESS_NOT_MAPPED;
    if (foreign)
        return PROCESS_MISMATCH;
    if (ours && ours + others == sites)
        return PROCESS_PATCHED;
    if (ours || damaged)
        return PROCESS_PARTIAL;
    return mapped ? PROCESS_MAPPED_ONLY : PROCESS_UNPATCHED;
}

size_t process_state_find(const struct process_state *state, enum process_site site)
{
    for (size_t i = 0; i < state->instance_count; i++)
        for (size_t f = 0; f < state->func_count; f++)
            if (state->instances[i].sites[f] == site)
                return f;
    return state->func_count;
}

size_t process_state_foreign(const struct process_state *state)
{
    size_t probed = process_state_find(state, PROCESS_SITE_PROBED);

    return probed < state->func_count ? probed : process_state_find(state, PROCESS_SITE_FOREIGN);
}

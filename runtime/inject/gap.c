// SPDX-License-Identifier: GPL-2.0-or-later
// Finds a gap between the mappings of a process.
#include "runtime/inject/gap.h"
#include "runtime/arch/arch.h"

#define LOWEST UINT64_C(0x10000)         /* vm.mmap_min_addr as distributions set it */
#define HIGHEST UINT64_C(0x7ffffffff000) /* end of user addresses with 4-level paging */
#define GUARD UINT64_C(0x100000)         /* kept free beside a stack (its guard gap: 1 MiB) */
#define DISTANT (UINT64_C(1) << 40)

struct gap_search {
    uint64_t low, high; /* to be reached */
    uint64_t size, align;
    uint64_t limit; /* below it */
    uint64_t best, best_cost;
    bool found;
};

/* The nearer the better; room that the heap would grow into comes last. */
static void candidate(struct gap_search *search, uint64_t start, uint64_t end, uint64_t penalty)
{
    uint64_t cost = start < search->low ? search->low - start : end - search->high;

    cost += penalty;
    if (search->found && cost >= search->best_cost)
        return;
    search->found = true;
    search->best = start;
    search->best_cost = cost;
}

/* Tries the free range [start, end): as far down as possible above the target, and vice versa. */
static void range_try(struct gap_search *search, uint64_t start, uint64_t end, bool after_heap)
{
    uint64_t reach = arch_reach();
    uint64_t lowest = search->high > reach ? search->high - reach : 0;
    uint64_t highest = search->low + reach;
    uint64_t mask = ~(search->align - 1);
    bool below = end <= search->low;

    start = (start < lowest ? lowest : start) + search->align - 1;
    start &= mask;
    end = end > highest ? highest : end;
    end = end > search->limit ? search->limit : end;
    if (end <= start || end - start < search->size)
        return;
    /* The heap grows upwards: after it, the far end of what can be reached is least in its way. */
    if (below || after_heap)
        start = (end - search->size) & mask;
    candidate(search, start, start + search->size, after_heap ? DISTANT : 0);
}

bool gap_find(const struct process *process, uint64_t low, uint64_t high, uint64_t size,
              uint64_t align, uint64_t limit, uint64_t *address)
{
    struct gap_search search = {
        .low = low, .high = high, .size = size, .align = align, .limit = limit};
    uint64_t start = LOWEST;
    bool after_heap = false;

    for (size_t i = 0; i <= process->map_count; i++) {
        const struct process_map *map = i < process->map_count ? &process->maps[i] : NULL;
        uint64_t end = map ? map->start : HIGHEST;

        if (map && map->kind == PROCESS_MAP_STACK)
            end = end > GUARD ? end - GUARD : 0;
        /* The break begins somewhere after the executable, even while there is no heap yet. */
        if (end > start && end <= HIGHEST)
            range_try(&search, start, end, after_heap);
        if (!map || map->end >= HIGHEST)
            break;
        start = map->end;
        after_heap = map->kind == PROCESS_MAP_HEAP || map->end == high;
    }
    *address = search.best;
    return search.found;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Searches the code of the target for the two sequences that injected system calls need.
#include "runtime/inject/gadget.h"
#include "lib/cleanup.h"

#include <sys/mman.h>

/* libc has both early; what is beyond that in a large executable is not worth the time. */
#define SCAN_MAX (8u << 20)

/* Code that cannot change under us, or that only root could change: private file, or the vdso. */
static bool map_usable(const struct process_map *map)
{
    bool code = (map->prot & PROT_EXEC) && (map->prot & PROT_READ) && !(map->prot & PROT_WRITE);

    return code && !map->shared && (map->kind == PROCESS_MAP_FILE || map->kind == PROCESS_MAP_VDSO);
}

static struct gadget_cache *cache_find(struct injector *injector, const struct process_map *map)
{
    for (size_t i = 0; i < GADGET_CACHE_SIZE; i++) {
        struct gadget_cache *entry = &injector->gadgets[i];

        if (entry->inode && entry->inode == map->inode && entry->device == map->device &&
            entry->offset == map->offset)
            return entry;
    }
    return NULL;
}

/* The cache only saves searching: what it says is compared with the memory each time. */
static void cache_use(const struct process *process, const struct process_map *map,
                      const struct gadget_cache *entry, struct arch_gadgets *gadgets)
{
    uint8_t code[ARCH_GADGET_SIZE];
    uint64_t address = map->start + entry->syscall - 1;

    if (entry->syscall && !gadgets->syscall && process_read(process, address, code, sizeof(code)) &&
        arch_gadget_is_syscall(code))
        gadgets->syscall = address;
    address = map->start + entry->sigreturn - 1;
    if (entry->sigreturn && !gadgets->sigreturn &&
        process_read(process, address, code, sizeof(code)) && arch_gadget_is_sigreturn(code))
        gadgets->sigreturn = address;
}

static void cache_add(struct injector *injector, const struct process_map *map,
                      const struct arch_gadgets *found)
{
    if (!map->inode)
        return;
    injector->gadgets[injector->gadgets_next++ % GADGET_CACHE_SIZE] = (struct gadget_cache){
        .device = map->device,
        .inode = map->inode,
        .offset = map->offset,
        .syscall = found->syscall ? found->syscall - map->start + 1 : 0,
        .sigreturn = found->sigreturn ? found->sigreturn - map->start + 1 : 0,
    };
}

static void map_scan(struct job *job, const struct process_map *map, struct arch_gadgets *gadgets)
{
    const struct gadget_cache *known = cache_find(job->injector, map);
    struct arch_gadgets found = {0};
    size_t size = map->end - map->start < SCAN_MAX ? (size_t)(map->end - map->start) : SCAN_MAX;
    cleanup_free uint8_t *code = NULL;

    if (known) {
        cache_use(job->process, map, known, gadgets);
        return;
    }
    code = malloc(size);
    if (!code)
        return;
    size = process_read_some(job->process, map->start, code, size);
    arch_gadgets_find(code, size, map->start, &found);
    cache_add(job->injector, map, &found);
    if (!gadgets->syscall)
        gadgets->syscall = found.syscall;
    if (!gadgets->sigreturn)
        gadgets->sigreturn = found.sigreturn;
}

/*
 * Static programs without either could be helped by writing the two sequences over the entry code
 * that has run already. Whether it can run again is not decidable here, so they are refused.
 */
int gadgets_find(struct job *job, struct arch_gadgets *gadgets)
{
    const struct process *process = job->process;

    *gadgets = (struct arch_gadgets){0};
    for (size_t i = 0; i < process->map_count; i++) {
        if (gadgets->syscall && gadgets->sigreturn)
            return 0;
        if (map_usable(&process->maps[i]))
            map_scan(job, &process->maps[i], gadgets);
    }
    if (gadgets->syscall && gadgets->sigreturn)
        return 0;
    return reply_set(job->reply, INJECT_UNSUPPORTED,
                     "its code has no %s instruction sequence to borrow",
                     gadgets->syscall ? "rt_sigreturn" : "system call");
}

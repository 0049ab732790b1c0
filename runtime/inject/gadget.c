// SPDX-License-Identifier: GPL-2.0-or-later
// Searches the code of the target for the two sequences that injected system calls need.
#include "runtime/inject/gadget.h"
#include "lib/cleanup.h"
#include "runtime/inject/memory.h"
#include "runtime/process_elf.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* libc has both early; what is beyond that in a large executable is not worth the time. */
#define SCAN_MAX (8u << 20)

/* Code segments are mapped in units of this, whatever the size of a page is. */
#define SLACK_PAGE 4096

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

/* Looks through the code of the process. True when both are there. */
static bool gadgets_search(struct job *job, struct arch_gadgets *gadgets)
{
    const struct process *process = job->process;

    *gadgets = (struct arch_gadgets){0};
    for (size_t i = 0; i < process->map_count; i++) {
        if (gadgets->syscall && gadgets->sigreturn)
            return true;
        if (map_usable(&process->maps[i]))
            map_scan(job, &process->maps[i], gadgets);
    }
    return gadgets->syscall && gadgets->sigreturn;
}

/*
 * Room behind the last byte of a code segment, up to the end of its page: mapped executable, but
 * no part of the segment, so no code or data of the program. 0 when there is none here.
 */
static uint64_t slack_find(const struct process *process, const struct process_map *map)
{
    struct process_elf elf;

    if (!process_elf_read(process, map, &elf))
        return 0;
    for (size_t i = 0; i < elf.phdr_count; i++) {
        const Elf64_Phdr *phdr = &elf.phdrs[i];
        uint64_t end = elf.bias + phdr->p_vaddr + phdr->p_memsz;
        const struct process_map *code;

        if (phdr->p_type != PT_LOAD || !(phdr->p_flags & PF_X) || (phdr->p_flags & PF_W) ||
            phdr->p_memsz != phdr->p_filesz)
            continue;
        /* Not at the very end: a call that never returns may have its return address there. */
        end = (end + 16) & ~UINT64_C(15);
        code = process_map_at(process, end);
        if (code && map_usable(code) && end + ARCH_GADGETS_CODE <= code->end &&
            end % SLACK_PAGE != 0 && end % SLACK_PAGE + ARCH_GADGETS_CODE <= SLACK_PAGE)
            return end;
    }
    return 0;
}

/*
 * Writes both sequences where no code of the program can be. They stay when we are done: if we are
 * killed, a thread may be on its way through them, and the next one finds them like any others.
 */
static int gadgets_write(struct job *job, pid_t tid, struct arch_gadgets *gadgets)
{
    uint8_t code[ARCH_GADGETS_CODE], written[ARCH_GADGETS_CODE];
    size_t sigreturn;
    uint64_t at = 0;

    arch_gadgets_make(code, &sigreturn);
    for (size_t i = 0; !at && i < job->process->map_count; i++)
        at = slack_find(job->process, &job->process->maps[i]);
    if (!at)
        return reply_set(job->reply, INJECT_UNSUPPORTED,
                         "its code has no system call to borrow, and no room for one");
    if (memory_write(job, tid, at, code, sizeof(code)) < 0 ||
        !process_read(job->process, at, written, sizeof(written)) ||
        memcmp(code, written, sizeof(code)) != 0)
        return reply_set(job->reply, INJECT_FAILED, "writing code: %s", strerror(errno));
    *gadgets = (struct arch_gadgets){.syscall = at, .sigreturn = at + sigreturn};
    return 0;
}

int gadgets_find(struct job *job, pid_t tid, struct arch_gadgets *gadgets)
{
    return gadgets_search(job, gadgets) ? 0 : gadgets_write(job, tid, gadgets);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Sends threads whose hold a stop has ended back to where they are held again.
//
// A held thread leaves the BPF program when it is to be stopped, behind the probed instruction. If
// the stop was for its own patch, the jump is there when it goes on. But two threads of a new
// process may be held for two patches, or the patch may need another try: then the thread would go
// on into the old code, which nobody may call any more.
#include "runtime/inject/cut.h"
#include "runtime/bpf/hold.h"
#include "runtime/inject/stop.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the BPF program has written about the thread. */
static bool cut_find(const struct injector *injector, const struct tracee *tracee,
                     struct hold_cut *cut)
{
    uint32_t key = (uint32_t)tracee->tid;
    union bpf_attr attr;

    if (injector->cuts_map < 0)
        return false;
    memset(&attr, 0, sizeof(attr));
    attr.map_fd = (uint32_t)injector->cuts_map;
    attr.key = (uint64_t)(uintptr_t)&key;
    attr.value = (uint64_t)(uintptr_t)cut;
    /* A thread id may be another thread's by now; this one is in our hands since then. */
    return syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr)) == 0 &&
           cut->time >= tracee->since;
}

/* True if the thread stands before the place of the jump, and no jump is there. */
static bool stands_before_old_code(const struct tracee *tracee, const struct hold_cut *cut)
{
    uint64_t ip = arch_regs_ip(&tracee->regs);
    long word;

    _Static_assert(HOLD_OLD_BYTES <= sizeof(word), "read at once");
    if (ip != cut->ip + (uint64_t)(int64_t)cut->site.jump_offset ||
        cut->site.jump_size > sizeof(word))
        return false;
    errno = 0;
    word = ptrace(PTRACE_PEEKTEXT, tracee->tid, (void *)(uintptr_t)ip, NULL);
    return errno == 0 && memcmp(&word, cut->site.old, cut->site.jump_size) == 0;
}

/* It is over: what the thread calls next, at whatever address, is held anew. */
static void cut_forget(const struct injector *injector, const struct tracee *tracee)
{
    uint32_t key = (uint32_t)tracee->tid;
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.map_fd = (uint32_t)injector->cuts_map;
    attr.key = (uint64_t)(uintptr_t)&key;
    syscall(SYS_bpf, BPF_MAP_DELETE_ELEM, &attr, sizeof(attr));
}

void cut_repair(struct injector *injector, struct tracee *tracee)
{
    struct arch_regs regs = tracee->regs;
    struct hold_cut cut;

    if (!cut_find(injector, tracee, &cut))
        return;
    if (cut.site.stack == HOLD_STACK_NONE || !stands_before_old_code(tracee, &cut)) {
        cut_forget(injector, tracee);
        return;
    }
    arch_regs_step_back(&regs, (uint32_t)cut.site.jump_offset, cut.site.stack);
    if (registers_set(injector, tracee->tid, &regs) == 0)
        tracee->regs = regs;
}

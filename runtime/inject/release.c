// SPDX-License-Identifier: GPL-2.0-or-later
// Writes the release map, bpf(2).
#include "runtime/inject/release.h"
#include "runtime/bpf/hold.h"

#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void hold_release(struct job *job)
{
    struct hold_key key = {.tgid = (uint32_t)job->pid, .slot = job->request->slot};
    uint64_t value = clock_now();
    union bpf_attr attr;

    if (job->released || !(job->request->flags & INJECT_LAZY) || job->injector->release_map < 0)
        return;
    job->released = true;
    memset(&attr, 0, sizeof(attr));
    attr.map_fd = (uint32_t)job->injector->release_map;
    attr.key = (uint64_t)(uintptr_t)&key;
    attr.value = (uint64_t)(uintptr_t)&value;
    attr.flags = BPF_ANY;
    /* Should it fail, the hold ends by itself at its bound: the caller is late, not lost. */
    syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr));
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Reports callers of patched functions, on kernels whose BPF programs cannot wait for the daemon.
//
// Needs no types of the kernel (BTF, CO-RE), no helper newer than Linux 5.8 in the plain variants,
// and 5.15 (cookies) in the others. A caller goes on at once, or is stopped by SIGSTOP where the
// administrator asked for that.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <stdbool.h>

/* Hashes that take memory when they grow are not allowed here (a warning in the kernel's log). */
#define MAP_HASH_FLAGS 0
#include "runtime/bpf/maps.bpf.h"

/* linux/signal.h cannot be included here. */
#define SIGSTOP 19

/* A process is reported, for a slot, no more often than that. */
#define PAUSE_NS 100000000ull

/* When the process may be reported again. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, struct hold_key);
    __type(value, __u64);
} recent SEC(".maps");

char LICENSE[] SEC("license") = "GPL";

/* True if the process must not be reported: by what the daemon and its configuration say. */
static __always_inline bool is_left_alone(const struct hold_key *process, __u64 now)
{
    struct hold_control *settings;
    struct hold_verdict *verdict;
    struct hold_skip skip;
    __u32 key = 0;

    settings = bpf_map_lookup_elem(&control, &key);
    if (!settings || now >= settings->alive_until)
        return true;
    verdict = bpf_map_lookup_elem(&verdicts, process);
    if (verdict && now < verdict->until)
        return true;
    key = process->tgid;
    return bpf_map_lookup_elem(&excluded, &key) ||
           is_skipped(&skip, HOLD_SKIP_USER, 0, (__u32)bpf_get_current_uid_gid()) ||
           is_skipped(&skip, HOLD_SKIP_CGROUP, 0, bpf_get_current_cgroup_id());
}

/* True if it was reported just now; otherwise it counts as reported. */
static __always_inline bool is_recent(const struct hold_key *process, __u64 now)
{
    __u64 *until = bpf_map_lookup_elem(&recent, process);
    __u64 next = now + PAUSE_NS;

    if (until && now < *until)
        return true;
    bpf_map_update_elem(&recent, process, &next, BPF_ANY);
    return false;
}

/*
 * The daemon is told; and the process is stopped, if that is wanted. The daemon sends a SIGCONT for
 * each event, so the event is sure before the signal is sent, and seen only after.
 */
static __always_inline int report(__u64 cookie, bool stop)
{
    struct hold_key process = {.slot = cookie >> 32};
    __u64 id = bpf_get_current_pid_tgid();
    __u64 now = bpf_ktime_get_ns();
    struct hold_event *event;

    process.tgid = id >> 32;
    if (is_left_alone(&process, now) || is_recent(&process, now))
        return 0;
    /* A full ring means that the daemon is far behind: the audit will find the process. */
    event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
    if (!event)
        return 0;
    event->pid = (__u32)id;
    event->tgid = process.tgid;
    event->cookie = cookie;
    event->time = now;
    event->start = event->exec = 0;
    if (stop && bpf_map_update_elem(&stopped, &process.tgid, &now, BPF_ANY) == 0)
        bpf_send_signal(SIGSTOP);
    bpf_ringbuf_submit(event, 0);
    return 0;
}

/* True if there is nothing to report for this probe. */
static __always_inline bool is_settled(__u64 cookie, unsigned long ip)
{
    struct hold_site *site = bpf_map_lookup_elem(&sites, &cookie);
    __u8 now[HOLD_OLD_BYTES] = {};
    struct hold_slot *slot;

    if (!site)
        return true;
    slot = bpf_map_lookup_elem(&slots, &site->slot);
    if (!slot || !slot->enabled)
        return true;
    return bpf_probe_read_user(now, sizeof(now), (void *)(ip + site->jump_offset)) == 0 &&
           is_jump(site, now);
}

static __always_inline int report_site(struct hold_regs *regs, bool stop)
{
    __u64 cookie = bpf_get_attach_cookie(regs);

    return is_settled(cookie, regs->ip) ? 0 : report(cookie, stop);
}

SEC("uprobe")
int report_caller(struct hold_regs *regs)
{
    return report_site(regs, false);
}

SEC("uprobe")
int stop_caller(struct hold_regs *regs)
{
    return report_site(regs, true);
}

SEC("uprobe")
int report_plain(struct hold_regs *regs)
{
    (void)regs;
    return report(HOLD_COOKIE_UNKNOWN, false);
}

SEC("uprobe")
int stop_plain(struct hold_regs *regs)
{
    (void)regs;
    return report(HOLD_COOKIE_UNKNOWN, true);
}

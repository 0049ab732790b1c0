// SPDX-License-Identifier: GPL-2.0-or-later
// Holds the first caller of a patched function until the daemon has hold of the process.
//
// A sleepable program on the entry of each patched function. When the jump is already there, or
// anything at all speaks against waiting, it returns at once and the caller goes on: fail open. It
// needs no vmlinux.h: the few kernel structures are declared here and relocated by CO-RE.
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#define MAP_HASH_FLAGS BPF_F_NO_PREALLOC
#include "runtime/bpf/maps.bpf.h"

/*
 * include/linux/sched/jobctl.h: set by PTRACE_INTERRUPT until the thread has trapped. So the thread
 * itself sees that a tracer waits for it; no message from the injector is needed, and each thread
 * is let go exactly when it cannot run user code any more. The daemon tries it out at start.
 */
#define JOBCTL_TRAP_STOP (1ul << 19)

/*
 * How long a process is left alone after a hold ran into its limit, and how long others are still
 * held if the daemon does not say meanwhile that it is alive.
 */
#define BACKOFF_NS 1000000000ull

/* A turn of the loop takes about a microsecond; the limit in time comes first. */
#define TURNS_MAX (1 << 23)

struct super_block {
    unsigned int s_dev;
} __attribute__((preserve_access_index));

struct inode {
    unsigned long i_ino;
    struct super_block *i_sb;
} __attribute__((preserve_access_index));

struct file {
    struct inode *f_inode;
} __attribute__((preserve_access_index));

struct mm_struct {
    struct file *exe_file;
} __attribute__((preserve_access_index));

struct task_struct {
    struct mm_struct *mm;
    unsigned long jobctl;
    __u64 start_boottime;
    __u64 self_exec_id; /* u32 in older kernels: libbpf adapts the load */
    struct task_struct *group_leader;
} __attribute__((preserve_access_index));

char LICENSE[] SEC("license") = "GPL";

struct hold_wait {
    struct task_struct *task;
    struct hold_event event;
    __u64 begin, deadline;
    unsigned long ip;
    struct hold_key key;
    int timed_out;
    int cut; /* a tracer stops the thread */
};

/* True if the verdict is about the process that the event describes. */
static bool verdict_applies(const struct hold_verdict *verdict, const struct hold_event *event)
{
    return !verdict->start || (verdict->start == event->start && verdict->exec == event->exec);
}

static long wait_turn(__u32 turn, void *data)
{
    struct hold_wait *wait = data;
    struct task_struct *task = (void *)bpf_get_current_task_btf();
    __u64 *released;
    char byte;

    (void)turn;
    if (task->jobctl & JOBCTL_TRAP_STOP) {
        wait->cut = 1;
        return 1;
    }
    released = bpf_map_lookup_elem(&release, &wait->key);
    if (released && *released >= wait->event.time)
        return 1;
    if (bpf_ktime_get_ns() >= wait->deadline) {
        wait->timed_out = 1;
        return 1;
    }
    /* The point where the kernel may schedule: without it the daemon starves (PREEMPT_NONE). */
    bpf_copy_from_user_task(&byte, 1, (void *)wait->ip, (void *)task, 0);
    return 0;
}

/* True if the bytes at the jump's place are a jump already, so there is nothing to wait for. */
static bool jump_is_there(const struct hold_site *site, unsigned long ip)
{
    __u8 now[HOLD_OLD_BYTES] = {};

    if (bpf_copy_from_user(now, sizeof(now), (void *)(ip + (long)site->jump_offset)))
        return true; /* unreadable: holding would not help */
    return is_jump(site, now);
}

/* True if it was decided that callers in the process are not held now. */
static bool is_decided(const struct hold_key *key, const struct hold_event *event)
{
    struct hold_verdict *verdict = bpf_map_lookup_elem(&verdicts, key);

    return verdict && event->time < verdict->until && verdict_applies(verdict, event);
}

/* True if this caller may be held at all. Fills the event. */
static bool caller_is_held(__u64 cookie, struct hold_wait *wait,
                           const struct hold_control *settings)
{
    struct hold_event *event = &wait->event;
    struct hold_key any = {};
    __u64 id = bpf_get_current_pid_tgid();

    event->pid = (__u32)id;
    event->tgid = id >> 32;
    event->cookie = cookie;
    event->time = bpf_ktime_get_ns();
    event->start = wait->task->group_leader->start_boottime;
    event->exec = wait->task->group_leader->self_exec_id;
    if (event->time >= settings->alive_until || bpf_map_lookup_elem(&excluded, &event->tgid))
        return false;
    any.tgid = wait->key.tgid = event->tgid;
    any.slot = HOLD_SLOT_ANY;
    return !is_decided(&wait->key, event) && !is_decided(&any, event);
}

/* True if the configuration leaves the process alone. */
static bool caller_is_skipped(const struct task_struct *task)
{
    struct file *exe = task->mm ? task->mm->exe_file : NULL;

    return is_skipped(HOLD_SKIP_USER, 0, (__u32)bpf_get_current_uid_gid()) ||
           is_skipped(HOLD_SKIP_CGROUP, 0, bpf_get_current_cgroup_id()) ||
           (exe && is_skipped(HOLD_SKIP_FILE, exe->f_inode->i_sb->s_dev, exe->f_inode->i_ino));
}

/* Keeps a process that nobody fetched from paying the limit at each call. */
static void back_off(const struct hold_event *event, struct hold_control *settings)
{
    struct hold_verdict verdict = {.start = event->start, .exec = event->exec};
    struct hold_key key = {.tgid = event->tgid, .slot = HOLD_SLOT_ANY};

    verdict.until = bpf_ktime_get_ns() + BACKOFF_NS;
    if (settings->alive_until > verdict.until)
        settings->alive_until = verdict.until;
    bpf_map_update_elem(&verdicts, &key, &verdict, BPF_ANY);
}

/* When the hold has to end: it may be the rest of one that was cut. */
static void set_deadline(struct hold_wait *wait, __u64 limit)
{
    struct hold_cut *cut = bpf_map_lookup_elem(&cuts, &wait->event.pid);

    wait->begin = wait->event.time;
    if (cut && cut->ip == wait->ip && wait->event.time - cut->begin < limit)
        wait->begin = cut->begin;
    wait->deadline = wait->begin + limit;
}

/* Says that the thread leaves with the old code before it. */
static void write_cut(const struct hold_wait *wait, const struct hold_site *site)
{
    struct hold_cut cut = {.ip = wait->ip, .begin = wait->begin, .site = *site};

    cut.time = bpf_ktime_get_ns();
    bpf_map_update_elem(&cuts, &wait->event.pid, &cut, BPF_ANY);
}

SEC("uprobe.s")
int hold_caller(struct hold_regs *regs)
{
    __u64 cookie = bpf_get_attach_cookie(regs);
    struct hold_site *site = bpf_map_lookup_elem(&sites, &cookie);
    struct hold_wait wait = {};
    struct hold_control *settings;
    struct hold_slot *slot;
    __u32 key = 0;

    if (!site)
        return 0;
    slot = bpf_map_lookup_elem(&slots, &site->slot);
    settings = bpf_map_lookup_elem(&control, &key);
    if (!slot || !slot->enabled || !settings)
        return 0;
    wait.task = (void *)bpf_get_current_task_btf();
    wait.key.slot = site->slot;
    if (!caller_is_held(cookie, &wait, settings) || jump_is_there(site, regs->ip) ||
        caller_is_skipped(wait.task))
        return 0;
    wait.ip = regs->ip;
    set_deadline(&wait, settings->hold_limit);
    if (wait.task->jobctl & JOBCTL_TRAP_STOP) {
        write_cut(&wait, site); /* a tracer has it already */
        return 0;
    }
    /* A full ring means that the daemon is far behind: the audit will find the process. */
    if (bpf_ringbuf_output(&events, &wait.event, sizeof(wait.event), 0))
        return 0;
    bpf_loop(TURNS_MAX, wait_turn, &wait, 0);
    if (wait.timed_out)
        back_off(&wait.event, settings);
    else if (wait.cut)
        write_cut(&wait, site);
    return 0;
}

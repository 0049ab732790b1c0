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

/* What is known of a caller while it is held, and keys for maps. */
struct hold_wait {
    struct hold_event event;
    __u64 begin, deadline;
    unsigned long ip;
    struct hold_key key, any; /* of the process: for the slot, for all */
    struct hold_skip skip;
    struct hold_cut end;
    struct hold_verdict rest;
    __u8 now[HOLD_OLD_BYTES]; /* the bytes at the jump's place */
    __u32 timed_out;
    __u32 cut; /* a tracer stops the thread */
};

/*
 * By thread, and not on the stack: since Linux 6.13 a program that uses 64 bytes of it or more gets
 * one for each processor instead (bpf_enable_priv_stack() in kernel/bpf/verifier.c), and another
 * thread that calls on that processor while this one sleeps would write over it. The compiler
 * refuses larger frames (HOLD_BPF_FLAGS in runtime/local.mk).
 */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 8192);
    __uint(map_flags, MAP_HASH_FLAGS);
    __type(key, __u32);
    __type(value, struct hold_wait);
} waits SEC(".maps");

static const struct hold_wait new_wait;

/* What bpf_loop() takes: a pointer to the stack. */
struct turn {
    struct hold_wait *wait;
};

/* True if the verdict is about the process that the event describes. */
static bool verdict_applies(const struct hold_verdict *verdict, const struct hold_event *event)
{
    return !verdict->start || (verdict->start == event->start && verdict->exec == event->exec);
}

static long wait_turn(__u32 turn, void *data)
{
    struct hold_wait *wait = ((struct turn *)data)->wait;
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
    /*
     * The point where the kernel may schedule: without it the daemon starves (PREEMPT_NONE). It
     * fails, and does not schedule, when the thread is killed or its code was unmapped.
     */
    return bpf_copy_from_user_task(&byte, 1, (void *)wait->ip, (void *)task, 0) ? 1 : 0;
}

/* True if the bytes at the jump's place are a jump already, so there is nothing to wait for. */
static __noinline bool jump_is_there(struct hold_wait *wait, const struct hold_site *site)
{
    if (bpf_copy_from_user(wait->now, sizeof(wait->now),
                           (void *)(wait->ip + (long)site->jump_offset)))
        return true; /* unreadable: holding would not help */
    return is_jump(site, wait->now);
}

/* True if it was decided that callers in the process are not held now. */
static bool is_decided(const struct hold_key *key, const struct hold_event *event)
{
    struct hold_verdict *verdict = bpf_map_lookup_elem(&verdicts, key);

    return verdict && event->time < verdict->until && verdict_applies(verdict, event);
}

/* Fills in which caller it is. */
static __noinline void describe_caller(struct hold_wait *wait, __u64 cookie,
                                       const struct hold_site *site, unsigned long ip)
{
    struct task_struct *task = (void *)bpf_get_current_task_btf();
    struct hold_event *event = &wait->event;
    __u64 id = bpf_get_current_pid_tgid();

    event->pid = (__u32)id;
    event->tgid = id >> 32;
    event->cookie = cookie;
    event->time = bpf_ktime_get_ns();
    event->start = task->group_leader->start_boottime;
    event->exec = task->group_leader->self_exec_id;
    wait->ip = ip;
    wait->key.tgid = wait->any.tgid = event->tgid;
    wait->key.slot = site->slot;
    wait->any.slot = HOLD_SLOT_ANY;
}

/* True if this caller may be held at all. */
static bool caller_is_held(const struct hold_wait *wait, const struct hold_control *settings)
{
    const struct hold_event *event = &wait->event;

    return event->time < settings->alive_until && !bpf_map_lookup_elem(&excluded, &event->tgid) &&
           !is_decided(&wait->key, event) && !is_decided(&wait->any, event);
}

/* True if the configuration leaves the process alone. */
static __noinline bool caller_is_skipped(struct hold_skip *key)
{
    struct task_struct *task = (void *)bpf_get_current_task_btf();
    struct file *exe = task->mm ? task->mm->exe_file : NULL;

    return is_skipped(key, HOLD_SKIP_USER, 0, (__u32)bpf_get_current_uid_gid()) ||
           is_skipped(key, HOLD_SKIP_CGROUP, 0, bpf_get_current_cgroup_id()) ||
           (exe && is_skipped(key, HOLD_SKIP_FILE, exe->f_inode->i_sb->s_dev, exe->f_inode->i_ino));
}

/* Keeps a process that nobody fetched from paying the limit at each call. */
static void back_off(struct hold_wait *wait, struct hold_control *settings)
{
    wait->rest.start = wait->event.start;
    wait->rest.exec = wait->event.exec;
    wait->rest.until = bpf_ktime_get_ns() + BACKOFF_NS;
    if (settings->alive_until > wait->rest.until)
        settings->alive_until = wait->rest.until;
    bpf_map_update_elem(&verdicts, &wait->any, &wait->rest, BPF_ANY);
}

/* When the hold has to end: it may be the rest of one that was cut. */
static void set_deadline(struct hold_wait *wait, __u64 limit)
{
    struct hold_cut *cut = bpf_map_lookup_elem(&cuts, &wait->event.pid);

    wait->begin = wait->event.time;
    if (cut && cut->ip == wait->ip && wait->event.time - cut->begin < limit)
        wait->begin = cut->begin;
    if (cut)
        bpf_map_delete_elem(&cuts, &wait->event.pid);
    wait->deadline = wait->begin + limit;
}

/* Says that the thread leaves with the old code before it. */
static void write_cut(struct hold_wait *wait, const struct hold_site *site)
{
    wait->end.ip = wait->ip;
    wait->end.begin = wait->begin;
    wait->end.site = *site;
    wait->end.time = bpf_ktime_get_ns();
    bpf_map_update_elem(&cuts, &wait->event.pid, &wait->end, BPF_ANY);
}

/* Tells the daemon, and waits until it has answered, or for as long as is allowed. */
static void hold(struct hold_wait *wait, const struct hold_site *site,
                 struct hold_control *settings)
{
    struct task_struct *task = (void *)bpf_get_current_task_btf();
    struct turn turn = {wait};

    set_deadline(wait, settings->hold_limit);
    if (task->jobctl & JOBCTL_TRAP_STOP) {
        write_cut(wait, site); /* a tracer has it already */
        return;
    }
    /* A full ring means that the daemon is far behind: the audit will find the process. */
    if (bpf_ringbuf_output(&events, &wait->event, sizeof(wait->event), 0))
        return;
    bpf_loop(TURNS_MAX, wait_turn, &turn, 0);
    if (wait->timed_out)
        back_off(wait, settings);
    else if (wait->cut)
        write_cut(wait, site);
}

SEC("uprobe.s")
int hold_caller(struct hold_regs *regs)
{
    __u64 cookie = bpf_get_attach_cookie(regs);
    struct hold_site *site = bpf_map_lookup_elem(&sites, &cookie);
    __u32 thread = (__u32)bpf_get_current_pid_tgid();
    struct hold_control *settings;
    struct hold_wait *wait;
    struct hold_slot *slot;
    __u32 key = 0;

    if (!site)
        return 0;
    slot = bpf_map_lookup_elem(&slots, &site->slot);
    settings = bpf_map_lookup_elem(&control, &key);
    if (!slot || !slot->enabled || !settings ||
        bpf_map_update_elem(&waits, &thread, &new_wait, BPF_ANY))
        return 0;
    wait = bpf_map_lookup_elem(&waits, &thread);
    if (!wait)
        return 0;
    describe_caller(wait, cookie, site, regs->ip);
    if (caller_is_held(wait, settings) && !jump_is_there(wait, site) &&
        !caller_is_skipped(&wait->skip))
        hold(wait, site, settings);
    bpf_map_delete_elem(&waits, &thread);
    return 0;
}

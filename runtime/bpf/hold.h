/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the BPF programs that hold or report first callers share with the daemon: the layout of its
 * maps and of its ring buffer records. Only fixed-width types: one side is compiled for BPF. A
 * change of anything here needs a new HOLD_ABI, because the maps are pinned and outlive the daemon.
 */
#ifndef SYSCARE_HOLD_H
#define SYSCARE_HOLD_H

#include <linux/types.h>

/* Part of the name of the pin directory, so that another layout is never taken for ours. */
#define HOLD_ABI 4

#define HOLD_SLOTS_MAX 1024   /* patch objects that can be active at once */
#define HOLD_SITES_MAX 65536  /* functions that can be patched at once */
#define HOLD_OLD_BYTES 8      /* room for the bytes that a jump overwrites */
#define HOLD_SKIPS_MAX 4096   /* users, control groups and files that are left alone */
#define HOLD_STOPPED_MAX 1024 /* processes that can be stopped by SIGSTOP at once */
#define HOLD_RING_SIZE 262144 /* 256 KiB: more than 5,000 events */

/* The single entry of the map `control`. Times are CLOCK_MONOTONIC, nanoseconds. */
struct hold_control {
    /*
     * The daemon answers until then; later calls are not held. The program brings it nearer when a
     * hold has run into its limit, so that a daemon that is dead or stopped delays calls for no
     * more than a second, and the daemon need not wake up to say that it is alive.
     */
    __u64 alive_until;
    __u64 hold_limit; /* the longest that a caller is held */
};

/* An entry of the map `slots`: one patch object. */
struct hold_slot {
    __u32 enabled; /* 0: callers pass without an event; 1: they are held */
};

/* An entry of the hash `sites`, by the cookie of the probe: one patched function. */
struct hold_site {
    __u32 slot;        /* index in `slots` */
    __s32 jump_offset; /* from the probed byte to the jump, or to one of those that it is for */
    __u32 opcode;      /* the jump is there when the 4 bytes at it, masked with opcode_mask, */
    __u32 opcode_mask; /* equal opcode and the jump_size bytes are not the old ones any more */
    __u32 jump_size;   /* at most HOLD_OLD_BYTES */
    __u8 old[HOLD_OLD_BYTES];
    __u32 stack; /* what undoes the probed instruction: see hold_cut */
};

/* hold_site.stack of an instruction that cannot be executed again. */
#define HOLD_STACK_NONE 0xffffffffu

/* A process, for one slot or for all. Key of `release` and `verdicts`. */
struct hold_key {
    __u32 tgid;
    __u32 slot;
};
#define HOLD_SLOT_ANY 0xffffffffu

/*
 * The LRU hash `release`, hold_key to u64 time, is written by the injector (runtime/inject/
 * protocol.h, INJECT_INIT) and by the daemon: it ends holds for the slot that began before that
 * time.
 */

/*
 * An entry of the LRU hash `cuts`, by thread: a hold that ended because a tracer stops the thread.
 * Mostly that is our injector, for the patch that the thread waits for; then the jump is there when
 * the thread goes on. Where it is not, because the stop was for another patch, or has to be
 * repeated, the injector sends the thread back to the probed instruction, to be held again: adds
 * site.stack to its stack pointer, and takes site.jump_offset from its instruction pointer. An
 * entry that is not needed for that any more is deleted: the next call of the thread may come from
 * the same address, where another copy of the library was loaded, and is held for its own time.
 */
struct hold_cut {
    __u64 ip;    /* of the probed instruction */
    __u64 begin; /* when it was held first: sent back, it is held no longer than if it had not */
    __u64 time;  /* when the hold ended */
    struct hold_site site;
};

/*
 * An entry of the LRU hash `verdicts`, by hold_key: what was decided about a process. start and
 * exec say which one is meant, because tgids come back and exec keeps them.
 */
struct hold_verdict {
    __u64 start; /* task_struct.start_boottime of the leader; 0: whichever has the tgid */
    __u64 exec;  /* task_struct.self_exec_id of the leader */
    __u64 until; /* no new hold before that time */
};

/* A key of the hash `skips`: processes that the configuration leaves alone. */
enum hold_skip_kind {
    HOLD_SKIP_USER = 1,   /* id is a real user id */
    HOLD_SKIP_CGROUP = 2, /* id is that of a control group of the unified hierarchy */
    HOLD_SKIP_FILE = 3,   /* dev (as the kernel packs it) and id (inode) are an executable */
};

struct hold_skip {
    __u32 kind; /* enum hold_skip_kind */
    __u32 dev;
    __u64 id;
};

/*
 * What stands for the cookie where a probe cannot carry one: the slot is not known either, only the
 * process.
 */
#define HOLD_COOKIE_UNKNOWN (~0ull)

/* A record of the ring buffer: this thread is held, or was seen. */
struct hold_event {
    __u32 pid;  /* thread */
    __u32 tgid; /* process */
    __u64 cookie;
    __u64 time;  /* when the hold began */
    __u64 start; /* as in hold_verdict; 0 where the program cannot tell */
    __u64 exec;
};

#endif

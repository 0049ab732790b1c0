/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What syscared and its injector say to each other.
 *
 * `syscare-inject` is started with one end of a socketpair(AF_UNIX, SOCK_SEQPACKET) as file
 * descriptor 3 and ends when the other end is closed. Each packet is one struct: a request to the
 * injector, one reply to each request, in the order of the requests. Requests are handled one
 * after the other; whoever wants two at once (a long eager pass, and first calls that are being
 * held) starts two injectors. They may meet in one process: the second then gets INJECT_TRACED with
 * the pid of the first, and asks again.
 *
 * Both ends are built together, so the structs are in host byte order; version guards against a
 * daemon and an injector of different packages.
 */
#ifndef SYSCARE_INJECT_PROTOCOL_H
#define SYSCARE_INJECT_PROTOCOL_H

#include <stdint.h>

#define INJECT_PROTOCOL_VERSION 3
#define INJECT_SOCKET_FD 3

enum inject_op {
    /*
     * First request. May carry file descriptors by SCM_RIGHTS: the maps `release` and `cuts` of
     * runtime/bpf/hold.h. To release the callers in a process that are held for the slot of the
     * request, the injector writes CLOCK_MONOTONIC in ns (never 0) into the first.
     * Reply: INJECT_READY. Without maps, INJECT_LAZY requests just do not release anybody.
     */
    INJECT_INIT = 1,
    /* These three carry a descriptor: the patch object, open for reading. */
    INJECT_APPLY = 2, /* all functions of the patch in all instances of the target ELF */
    /*
     * The old bytes back; the mapping stays unless INJECT_UNMAP. More descriptors may follow, at
     * most INJECT_BELOW_MAX, the newest first: patches that are to take functions over, in the same
     * stop, where they are mapped (INJECT_PREPARE).
     */
    INJECT_REVERT = 3,
    INJECT_QUERY = 4, /* the state, from /proc alone: nothing is stopped or changed */
};

enum inject_flags {
    /*
     * The first caller in this process is being held by a BPF program: interrupt all threads, then
     * write the release map, then wait for the stops. The map is written before the reply whatever
     * the outcome, so that a process which cannot be patched is not held to the bound.
     */
    INJECT_LAZY = 1 << 0,
    /*
     * APPLY may take over functions that another SysCare patch has replaced in this process.
     * Without it such a function gives INJECT_MISMATCH. REVERT never touches the jumps of others.
     */
    INJECT_REPLACE = 1 << 1,
    /*
     * REVERT: unmap the patch too, where no register and no word of writable memory looks like a
     * pointer into it. Without it the mapping stays and the next APPLY uses it again: programs
     * keep pointers to string literals and functions where no stack scan would find them.
     */
    INJECT_UNMAP = 1 << 2,
    /*
     * APPLY: everything but the switch itself. The patch is mapped, and what its author's hooks
     * have to agree to is agreed, so that a REVERT of a newer one can fall back to it.
     */
    INJECT_PREPARE = 1 << 3,
    /*
     * APPLY, LAZY: the next request is for the same process. It stays stopped until then, so that
     * it runs nothing between two patches that are due at the same place; if none comes within a
     * moment, it goes on.
     */
    INJECT_STAY = 1 << 4,
};

#define INJECT_BELOW_MAX 63
#define INJECT_FUNCTIONS_MAX 4096 /* of one patch: PATCH_FUNCS_MAX */

struct inject_request {
    uint32_t version;     /* INJECT_PROTOCOL_VERSION */
    uint32_t op;          /* enum inject_op */
    uint64_t id;          /* chosen by the caller, returned in the reply */
    int32_t pid;          /* thread group leader, as /proc shows it; 0 for INIT */
    uint32_t flags;       /* enum inject_flags */
    uint64_t start_time;  /* field 22 of /proc/PID/stat: guards against a reused pid; 0: any */
    uint32_t deadline_ms; /* from receipt, 1..60000: how long to try while the process is busy */
    uint32_t fault_step;  /* 0; only injectors built for tests look at it */
    uint32_t slot;        /* LAZY: whose callers are held (hold.h) */
    uint32_t pad;
    /* APPLY: bit i is set for a function that is left to a newer patch, whatever stands there. */
    uint64_t covered[INJECT_FUNCTIONS_MAX / 64];
};

enum inject_result {
    INJECT_PATCHED = 1,    /* APPLY: done now. QUERY: every function jumps to this patch */
    INJECT_ALREADY = 2,    /* APPLY: was patched before. REVERT: no function jumps to this patch */
    INJECT_REVERTED = 3,   /* REVERT: done; mappings_left says how many mappings had to stay */
    INJECT_NOT_MAPPED = 4, /* the process does not map the target ELF (any more) */
    INJECT_GONE = 5,       /* no such process, zombie, kernel thread, other start time */
    INJECT_TRACED = 6,     /* a debugger or another injector has it: tracer */
    INJECT_BITS32 = 7,     /* not a process of the patch's architecture and word size */
    INJECT_BUSY = 8,       /* until the deadline thread tid was inside `function`, or did not stop,
                              or tid shares the memory and could not be stopped; try again later */
    INJECT_FROZEN = 9,     /* its cgroup is frozen; try again after the thaw */
    INJECT_MISMATCH = 10,  /* the code in memory is not what the patch was made for: `function` */
    INJECT_NO_MEMORY = 11, /* no gap within reach, RLIMIT_AS, or the kernel refused a mapping */
    INJECT_UNSUPPORTED = 12, /* this process or patch cannot be handled safely: text says why */
    INJECT_FAILED = 13,      /* anything else, or a bad request; the process runs the old code */
    INJECT_UNPATCHED = 14,   /* QUERY: mapped, no function jumps to this patch */
    INJECT_PARTIAL = 15,     /* QUERY: some functions or instances; APPLY or REVERT repairs it */
    INJECT_READY = 16,       /* INIT */
};

#define INJECT_FUNCTION_MAX 128
#define INJECT_TEXT_MAX 256

struct inject_reply {
    uint32_t version;       /* INJECT_PROTOCOL_VERSION */
    uint32_t op;            /* of the request */
    uint64_t id;            /* of the request */
    int32_t pid;            /* of the request */
    uint32_t result;        /* enum inject_result */
    int32_t tracer;         /* INJECT_TRACED: who */
    int32_t tid;            /* INJECT_BUSY: the thread in the way */
    uint32_t instances;     /* mappings of the target ELF found (dlmopen: more than one) */
    uint32_t functions;     /* functions switched by this request; QUERY: patched ones */
    uint32_t superseded;    /* functions that jump to another SysCare patch */
    uint32_t threads;       /* stopped at the same time */
    uint32_t retries;       /* rounds in which a thread was in the way */
    uint32_t mended;        /* jumps that a uprobe of another tool had broken */
    uint32_t mappings_left; /* REVERT: patch mappings that stay */
    uint64_t total_ns;      /* from receipt to reply */
    uint64_t stopped_ns;    /* longest time that all threads stood still */
    char function[INJECT_FUNCTION_MAX]; /* BUSY, MISMATCH: name, or "" */
    char text[INJECT_TEXT_MAX];         /* the reason, one line, "" on success; NUL-terminated */
};

#endif

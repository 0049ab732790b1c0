/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The context of the injector and of one request. In this directory the reply is the error value:
 * functions that can fail return -1 after reply_set has said what and why.
 */
#ifndef SYSCARE_INJECT_INJECTOR_H
#define SYSCARE_INJECT_INJECTOR_H

#include "runtime/arch/arch.h"
#include "runtime/inject/protocol.h"
#include "runtime/patch_object.h"
#include "runtime/process_state.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A thread of the target, or of a process that shares its memory. */
struct tracee {
    pid_t tid, tgid;
    uint64_t since; /* clock_now() before it was seized: what was noted before is not of it */
    bool stopped;   /* in a ptrace stop that PTRACE_INTERRUPT made */
    bool gone;      /* it ended; ptrace has forgotten it */
    struct arch_regs regs; /* valid while stopped */
};

struct tracee_set {
    struct tracee *items;
    size_t count;
    size_t capacity;
};

/* Addresses of code gadgets in one file, remembered: finding them reads a megabyte. */
struct gadget_cache {
    uint64_t device, inode, offset; /* of the mapping */
    uint64_t syscall, sigreturn;    /* from the start of the mapping, plus 1; 0: not in it */
};

#define GADGET_CACHE_SIZE 64

struct injector {
    int release_map; /* BPF maps of INJECT_INIT, or -1 */
    int cuts_map;
    bool initialised;
    char *freezer_v1; /* mount points of cgroup hierarchies, or NULL */
    char *cgroup_v2;
    struct tracee_set parked;  /* of one process, stopped until the next request: INJECT_STAY */
    uint64_t parked_until;     /* clock_now() */
    struct tracee_set pending; /* interrupted, but not stopped when we gave up: see stop.h */
    struct gadget_cache gadgets[GADGET_CACHE_SIZE];
    size_t gadgets_next;
    struct vm_snapshot *recent; /* recent.h; NULL at first */
    unsigned spin_failures;     /* in a row */
    unsigned spin_pause;        /* waits until the next try: stop.h */
    uint32_t fault_step;        /* only in builds for tests: see fault.h */
    uint32_t fault_count;
};

struct below;

/* One request while it is worked on. */
struct job {
    struct injector *injector;
    const struct inject_request *request;
    struct inject_reply *reply;
    const struct patch_object *patch;
    int patch_fd;
    struct below *belows; /* REVERT: what takes over, the newest first (below.h) */
    size_t below_count;
    pid_t pid;
    uint64_t deadline; /* CLOCK_MONOTONIC, ns */
    bool released;     /* the release map has been written */
    struct tracee_set threads;
    struct process *process;     /* opened anew after each stop */
    struct process_state *state; /* read from it */
    struct import_set *imports;  /* values found so far: see imports.h */
    size_t import_count;
};

/* Return value of steps that may be tried again: the reply says what was in the way. */
#define JOB_RETRY 1

uint64_t clock_now(void);

/* Sets result and text (printf). Returns -1. */
int reply_set(struct inject_reply *reply, enum inject_result result, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets the name of the function that reply is about. */
void reply_function(struct job *job, size_t func);

#endif

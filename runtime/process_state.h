/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a patch is in a process, read from /proc alone: nothing is stopped, nothing is remembered.
 *
 * The target ELF is found by the build-id in the process's own memory. So namespaces, overlay
 * mounts, deleted and replaced files make no difference, and a library that is loaded twice
 * (dlmopen) gives two instances.
 *
 * A mapping of the patch belongs to one instance. It is recognised by its own note (uuid), and by
 * the mark that the injector writes into its ELF header once it is complete: "SysCare" in the
 * padding of e_ident, the load bias of the target in e_entry. A mapping without mark was never
 * finished, and no function jumps there.
 */
#ifndef SYSCARE_PROCESS_STATE_H
#define SYSCARE_PROCESS_STATE_H

#include "lib/error.h"
#include "runtime/patch_object.h"
#include "runtime/process_maps.h"

/* What stands where a function's jump goes. */
enum process_site {
    PROCESS_SITE_ORIGINAL, /* the old code */
    PROCESS_SITE_OURS,     /* a jump to this patch */
    PROCESS_SITE_OTHER,    /* a jump to another SysCare patch */
    /*
     * Only of jumps at the entry: a jump of ours whose first byte the kernel has overwritten, for a
     * uprobe of another tool that came or went. The next call crashes.
     */
    PROCESS_SITE_DAMAGED,
    PROCESS_SITE_PROBED,  /* the old code under a breakpoint, where the jump would have to go */
    PROCESS_SITE_FOREIGN, /* neither: another tool, or not the code that the patch was made for */
    PROCESS_SITE_COVERED, /* whatever it is, it is left to a newer patch: process_state_cover */
    PROCESS_SITE_GONE,    /* nothing: it was unmapped meanwhile (dlclose, exec, exit) */
};

/* One mapping of the target ELF. */
struct process_instance {
    uint64_t bias;                         /* load bias: run-time minus link-time address */
    uint64_t low, high;                    /* run-time range of its segments */
    bool mapped;                           /* the patch is mapped completely for this instance */
    uint64_t patch_bias;                   /* if mapped */
    uint8_t *sites;                        /* enum process_site for each function of the patch */
    size_t ours, others, damaged, foreign; /* how many of them; foreign: also the probed ones */
    bool gone; /* while it is read: some is PROCESS_SITE_GONE, so the instance is left out */
};

enum process_verdict {
    PROCESS_NOT_MAPPED,  /* the target ELF is not there */
    PROCESS_UNPATCHED,   /* old code everywhere, patch not mapped */
    PROCESS_MAPPED_ONLY, /* old code everywhere, patch mapped in some instance */
    PROCESS_PARTIAL,     /* some functions, or some instances, or some are damaged */
    PROCESS_PATCHED,     /* every function of every instance jumps to this patch or a newer one,
                            and at least one to this */
    PROCESS_MISMATCH, /* some function holds bytes that are neither old code nor a patch's jump */
};

struct process_state {
    struct process_instance *instances;
    size_t instance_count;
    size_t func_count; /* of the patch */
};

/* Reads the state of a patch in a process. NULL with err set. Close with process_state_close. */
struct process_state *process_state_read(const struct process *process,
                                         const struct patch_object *patch, struct sc_error **err);

/*
 * Leaves functions to newer patches: those with their bit set in covered (func_count bits), unless
 * they jump to this patch. They count as functions that jump to another.
 */
void process_state_cover(struct process_state *state, const uint64_t *covered);

/* NULL is allowed. */
void process_state_close(struct process_state *state);

void process_state_cleanup(struct process_state **state);
#define cleanup_state __attribute__((cleanup(process_state_cleanup)))

/* Sums up. A target that is not mapped gives PROCESS_NOT_MAPPED. */
enum process_verdict process_state_verdict(const struct process_state *state);

/* The first function that is PROCESS_SITE_FOREIGN or _PROBED: its index, or func_count. */
size_t process_state_foreign(const struct process_state *state);

/* The first function that is that in any instance: its index, or func_count. */
size_t process_state_find(const struct process_state *state, enum process_site site);

/* The mark that makes a mapping of the patch complete: the first bytes of its ELF header. */
#define PROCESS_MARK_SIZE 64
void process_mark_make(const struct patch_object *patch, uint64_t target_bias,
                       uint8_t mark[PROCESS_MARK_SIZE]);

#endif

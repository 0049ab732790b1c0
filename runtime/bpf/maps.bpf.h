/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The maps of the BPF programs on patched functions, and what all of them need. Each object has all
 * maps, so that one daemon can take over the pins of another that used another program.
 *
 * MAP_HASH_FLAGS is BPF_F_NO_PREALLOC where the kernel allows that in the program: hashes then take
 * memory for what is in them only.
 */
#ifndef SYSCARE_MAPS_BPF_H
#define SYSCARE_MAPS_BPF_H

#include "runtime/bpf/hold.h"

#if defined(__TARGET_ARCH_x86)
/* The part of the context that is read: the instruction pointer is word 16 of pt_regs. */
struct hold_regs {
    unsigned long before_ip[16];
    unsigned long ip;
};
#elif defined(__TARGET_ARCH_arm64)
/* Word 32 of user_pt_regs, behind 31 registers and the stack pointer. */
struct hold_regs {
    unsigned long before_ip[32];
    unsigned long ip;
};
#else
#error "no register layout for this architecture"
#endif

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct hold_control);
} control SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, HOLD_SLOTS_MAX);
    __type(key, __u32);
    __type(value, struct hold_slot);
} slots SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, HOLD_SITES_MAX);
    __uint(map_flags, MAP_HASH_FLAGS);
    __type(key, __u64);
    __type(value, struct hold_site);
} sites SEC(".maps");

/* The daemon and its injectors: they must never wait for themselves. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 64);
    __type(key, __u32);
    __type(value, __u8);
} excluded SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, HOLD_SKIPS_MAX);
    __uint(map_flags, MAP_HASH_FLAGS);
    __type(key, struct hold_skip);
    __type(value, __u8);
} skips SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, struct hold_key);
    __type(value, struct hold_verdict);
} verdicts SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, struct hold_key);
    __type(value, __u64);
} release SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8192);
    __type(key, __u32);
    __type(value, struct hold_cut);
} cuts SEC(".maps");

/* Processes that were sent SIGSTOP, by tgid, and when, and that were not sent SIGCONT since. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, HOLD_STOPPED_MAX);
    __type(key, __u32);
    __type(value, __u64);
} stopped SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, HOLD_RING_SIZE);
} events SEC(".maps");

/* key is memory to use. */
static __always_inline bool is_skipped(struct hold_skip *key, __u32 kind, __u32 dev, __u64 id)
{
    key->kind = kind;
    key->dev = dev;
    key->id = id;
    return bpf_map_lookup_elem(&skips, key) != NULL;
}

/* True if those bytes, at the jump's place, are a jump, and not the old code any more. */
static __always_inline bool is_jump(const struct hold_site *site, const __u8 now[HOLD_OLD_BYTES])
{
    __u32 word = now[0] | now[1] << 8 | now[2] << 16 | (__u32)now[3] << 24;
    bool same = true;

    if ((word & site->opcode_mask) != site->opcode)
        return false;
    for (__u32 i = 0; i < HOLD_OLD_BYTES; i++)
        if (i < site->jump_size && now[i] != site->old[i])
            same = false;
    return !same;
}

#endif

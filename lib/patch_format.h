/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of a patch object: an ordinary ET_DYN with one allocated note and a few non-allocated
 * sections. All numbers are little-endian. Addresses called "vaddr" are link-time addresses: of the
 * patch object itself (new_*, trampoline, place) or of the target ELF (old_*, target_*). Written by
 * differ/, read by runtime/. See doc/formats.md, "Patch object".
 */
#ifndef SYSCARE_PATCH_FORMAT_H
#define SYSCARE_PATCH_FORMAT_H

#include <stdint.h>

#define SC_PATCH_FORMAT_VERSION 1

/* Allocated SHT_NOTE section, owner "SysCare". */
#define SC_PATCH_NOTE_SECTION ".note.syscare"
#define NT_SYSCARE_PATCH 0x100

struct sc_patch_note {
    uint32_t version;          /* SC_PATCH_FORMAT_VERSION */
    uint16_t machine;          /* e_machine of the target */
    uint16_t build_id_size;    /* 1..32 */
    uint8_t build_id[32];      /* of the target, zero-padded */
    uint8_t uuid[16];          /* of this entity */
    uint8_t target_digest[32]; /* lib/target_digest.h, of the target */
};

/* Non-allocated SHT_PROGBITS sections: arrays of the structs below, then strings. */
#define SC_PATCH_FUNCS_SECTION ".syscare.funcs"
#define SC_PATCH_SYM_SECTION ".syscare.sym"
#define SC_PATCH_RELA_SECTION ".syscare.rela"
#define SC_PATCH_STRTAB_SECTION ".syscare.strtab" /* NUL-terminated; offset 0 is "" */

enum sc_func_strategy {
    SC_STRATEGY_SKIP_FIRST = 1, /* P1: jump at old_vaddr + jump_offset, first instruction stays */
    /*
     * P0: jump at old_vaddr itself, where no uprobe may ever be. Readers that do not know it refuse
     * the object, so the version stays.
     */
    SC_STRATEGY_ENTRY = 2,
    /*
     * No function, but a direct call (or jump) at old_vaddr in the old code of one that is never
     * left: it is made to lead to new_vaddr, which enters the old code of what it called, around
     * the jump there. old_size and jump_size are the size of the instruction, jump_offset is 0. The
     * name is that of the function that it is in. Readers as above.
     */
    SC_STRATEGY_CALL = 3,
};

enum sc_func_flags {
    /*
     * No thread may be inside the old function when the group is switched: it calls another
     * function of the group, and the two may agree on more than the ABI (IPA-RA, signature).
     */
    SC_FUNC_QUIESCE = 1 << 0,
};

#define SC_OLD_BYTES_MAX 24

/* One replaced function, or call. All of one patch object are switched together. */
struct sc_patch_func {
    uint64_t new_vaddr, new_size;
    uint64_t old_vaddr, old_size; /* with what the jump takes of the padding behind a short one */
    uint64_t old_offset; /* file offset of old_vaddr in the target: where the uprobe goes */
    uint64_t
        trampoline_vaddr;   /* where the jump leads: undoes the first instruction, or new_vaddr */
    uint8_t old_digest[32]; /* SHA-256 of the old function's old_size bytes in the file */
    uint8_t old_bytes[SC_OLD_BYTES_MAX]; /* first jump_offset + jump_size bytes of it */
    uint32_t name;                       /* offset in .syscare.strtab */
    uint32_t flags;                      /* enum sc_func_flags */
    uint8_t strategy;                    /* enum sc_func_strategy */
    uint8_t jump_offset;                 /* length of the first instruction, 1..15; P0: 0 */
    uint8_t jump_size;                   /* bytes that the jump overwrites: 5 on x86-64 */
    uint8_t pad[5];                      /* zero */
};

/*
 * Where a process that starts, or loads the target, is met before any function with
 * SC_STRATEGY_ENTRY can be called: the program's entry point, a library's DT_INIT and the like.
 * There are rows exactly when there is such a function.
 */
#define SC_PATCH_ARM_SECTION ".syscare.arm"
#define SC_ARM_BYTES 15

struct sc_patch_arm {
    uint64_t vaddr;              /* of an instruction of the target */
    uint64_t offset;             /* file offset of vaddr in the target: where the uprobe goes */
    uint8_t bytes[SC_ARM_BYTES]; /* the instruction, zero-padded */
    uint8_t size;                /* of it, 1..15 */
};

enum sc_sym_kind {
    SC_SYM_FUNC = 1, /* code of the target: target_vaddr is its canonical address (or PLT entry) */
    SC_SYM_DATA = 2, /* an object of the target */
    SC_SYM_GOT = 3,  /* a GOT slot of the target, referred to by its own address */
    SC_SYM_IMPORT = 4, /* looked up in each process, as ld.so would for the target; no address */
    SC_SYM_WORD = 5,   /* its value is the word at target_vaddr in the process, filled by ld.so */
};

enum sc_sym_flags {
    SC_SYM_WEAK = 1 << 0, /* SC_SYM_IMPORT: 0 when nothing defines it */
};

/*
 * Something in the target that the patch refers to. A dynamic symbol of the patch object called
 * "sct.<index>.<name>" (index in decimal) stands for entry <index> of this table.
 */
struct sc_patch_sym {
    uint64_t target_vaddr; /* 0 for SC_SYM_IMPORT */
    uint64_t size;
    uint32_t name;    /* offset in .syscare.strtab */
    uint32_t version; /* SC_SYM_IMPORT: the same, of the symbol version; 0: none asked for */
    uint32_t
        library;    /* SC_SYM_IMPORT: the same, of the DT_SONAME that has the version; 0: unknown */
    uint8_t kind;   /* enum sc_sym_kind */
    uint8_t flags;  /* enum sc_sym_flags */
    uint8_t pad[2]; /* zero */
};

/* Instead of a row of .syscare.sym: the patch itself, S = load bias of the patch. */
#define SC_RELA_SELF UINT32_MAX

/*
 * A place in the patch that the runtime fixes because ld cannot: PC-relative references to the
 * target. type is the ELF relocation type of the psABI; S = load bias of the target +
 * target_vaddr, P = load bias of the patch + place.
 */
struct sc_patch_rela {
    uint64_t place;
    int64_t addend;
    uint32_t type;
    uint32_t sym; /* index in .syscare.sym, or SC_RELA_SELF */
};

/*
 * Hooks of the patch's author (include/syscare-patch.h), in the order in which they run. Missing
 * when there are none; else the first row is the only one of kind SC_HOOK_STAGE.
 *
 * What has run is remembered in the patch's own writable memory, which a forked child inherits:
 * one struct sc_hook_state for each row, zero in the file. The code at call_vaddr claims the state
 * (0 to SC_HOOK_RUNNING), calls the hook, and leaves result and SC_HOOK_DONE; claimed already, it
 * just returns. So a hook runs once, and finishes, whoever dies.
 */
#define SC_PATCH_HOOKS_SECTION ".syscare.hooks"

enum sc_hook_kind {
    SC_HOOK_STAGE = 0, /* no hook: its state holds enum sc_hook_stage */
    SC_HOOK_PRE_APPLY = 1,
    SC_HOOK_POST_APPLY = 2,
    SC_HOOK_PRE_REVERT = 3,
    SC_HOOK_POST_REVERT = 4,
};

enum sc_hook_progress {
    SC_HOOK_IDLE = 0,
    SC_HOOK_RUNNING = 1,
    SC_HOOK_DONE = 2,
};

/* How far a process is; written by the runtime when all hooks of a kind have run. */
enum sc_hook_stage {
    SC_STAGE_IDLE = 0,
    SC_STAGE_PREPARED = 1, /* pre-apply hooks have run and agreed */
    SC_STAGE_APPLIED = 2,  /* post-apply hooks have run */
    SC_STAGE_LEAVING = 3,  /* pre-revert hooks have run, or had no need to */
    SC_STAGE_REFUSED = 4,  /* a pre-apply hook said no */
    SC_STAGE_LEFT = 5,     /* post-revert hooks have run: only the states are to be cleared */
};

struct sc_hook_state {
    uint32_t progress; /* enum sc_hook_progress, or enum sc_hook_stage */
    int32_t result;
};

struct sc_patch_hook {
    uint64_t call_vaddr;  /* 0 for SC_HOOK_STAGE */
    uint64_t state_vaddr; /* of its struct sc_hook_state */
    uint32_t kind;        /* enum sc_hook_kind */
    uint32_t name;        /* offset in .syscare.strtab */
};

_Static_assert(sizeof(struct sc_patch_hook) == 24, "layout of a hook record");
_Static_assert(sizeof(struct sc_hook_state) == 8, "layout of a hook's state");
_Static_assert(sizeof(struct sc_patch_note) == 88, "layout of the patch note");
_Static_assert(sizeof(struct sc_patch_func) == 120, "layout of a function record");
_Static_assert(sizeof(struct sc_patch_arm) == 32, "layout of an arming record");
_Static_assert(sizeof(struct sc_patch_sym) == 32, "layout of a symbol record");
_Static_assert(sizeof(struct sc_patch_rela) == 24, "layout of a relocation record");

#endif

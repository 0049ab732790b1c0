/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that the differ asks about a processor. One struct arch for each architecture; the
 * rest of differ/ knows neither instructions nor relocation numbers.
 */
#ifndef SYSCARE_DIFFER_ARCH_H
#define SYSCARE_DIFFER_ARCH_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a relocation of an object asks for, as far as the differ must tell kinds apart. */
enum reloc_class {
    RELOC_UNSUPPORTED,
    RELOC_NONE,
    RELOC_BRANCH,     /* PC-relative, may go through a PLT */
    RELOC_PCREL,      /* PC-relative, to the thing itself */
    RELOC_ABS,        /* the address, as wide as a pointer */
    RELOC_ABS_NARROW, /* the address in 32 bits */
    RELOC_GOT,        /* PC-relative, to a GOT slot that holds the address */
    RELOC_TLS,        /* anything else of thread-local storage */

    /* thread-local variables; slots are those of the GOT, all addresses PC-relative */
    RELOC_TLS_OFFSET,    /* the distance from the thread pointer, in 32 bits */
    RELOC_TLS_IE,        /* a slot that holds this distance */
    RELOC_TLS_GD,        /* two slots: number of the module, offset in it */
    RELOC_TLS_LD,        /* the same with offset 0 */
    RELOC_TLS_LD_OFFSET, /* the offset in the module, in 32 bits */
    RELOC_TLS_DESC,      /* two slots: a function to be called, and what it needs */
    RELOC_TLS_DESC_CALL, /* marks that call; changes nothing */
};

/* A section of code in which a reference to a thread-local variable is rewritten. */
struct tls_code {
    uint8_t *bytes;
    uint64_t size;
    bool imported; /* the variable is in another file */
    uint64_t at;   /* of the relocation; may be moved */
    uint64_t call; /* out: the relocation there has gone; 0 for none */
};

enum insn_kind {
    INSN_PLAIN,
    INSN_NOP,       /* no effect, whatever its length */
    INSN_CALL,      /* direct; target is set */
    INSN_JUMP,      /* direct, unconditional; target is set */
    INSN_BRANCH,    /* direct, conditional; target is set */
    INSN_CALL_SLOT, /* through a pointer at a fixed address; refs[0] is the pointer's */
    INSN_JUMP_SLOT,
    INSN_LOAD_SLOT, /* a register becomes the pointer at refs[0] */
    INSN_LEA,       /* a register becomes the address refs[0] */
    INSN_STOP,      /* control does not go on to the next: return, indirect jump, trap */
};

/* An instruction with everything taken out that moving code or data changes. */
struct arch_insn {
    uint64_t address;
    uint8_t size;
    enum insn_kind kind;
    uint16_t id;       /* what it does: for branches the condition, else 0 */
    uint8_t bytes[16]; /* address fields are zero; LOAD_SLOT and LEA differ only in kind */
    uint64_t target;
    uint64_t refs[2];     /* addresses that its operands name */
    uint8_t ref_sizes[2]; /* bytes read or written there, 0 when only the address is used */
    uint8_t ref_count;
    uint8_t
        exact_size; /* beyond doubt the bytes that it reads at refs[0], its only one; 0 unknown */
    bool stores;    /* writes to a place that it names */
    bool indirect;  /* a jump through a register or table */
    bool indirect_call; /* a call through a register or table */
    bool returns;       /* back to the caller */
};

/* The range of addresses that an absolute 32-bit field may mean; empty for position-independent. */
struct address_range {
    uint64_t start, end;
};

/* What is known of a function's first instruction. */
struct first_insn {
    uint8_t size;
    uint8_t undo[16]; /* machine code that takes it back */
    uint8_t undo_size;
    char text[200]; /* in assembler, for messages */
};

#define ARCH_HOOK_CALL_MAX 64

/* A PC-relative field in code that is written. */
struct arch_field {
    enum { ARCH_FIELD_HOOK, ARCH_FIELD_PROGRESS, ARCH_FIELD_RESULT } what;
    uint8_t offset;
    uint8_t tail; /* bytes from the field's start to the end of its instruction */
};

/* Where the operands of a guarded jump stand; branches reach to the end of their fields. */
struct guarded_jump {
    size_t block, block_tail; /* PC-relative; bytes from it to the end of its instruction */
    size_t call;
    size_t jumps[2];
};

/* The block of data that the registrar of frames works on, in 64-bit words. */
enum arch_frames_block {
    FRAMES_STATE,    /* zero */
    FRAMES_FUNCTION, /* address of __register_frame_info, or 0 */
    FRAMES_BEGIN,    /* address of .eh_frame */
    FRAMES_OBJECT,   /* struct object of libgcc, all zero: 7 words in GCC 7 to 14 */
    FRAMES_WORDS = FRAMES_OBJECT + 21
};

#define COPIED_FIELDS 8

/* A PC-relative field of copied code. */
struct copied_field {
    uint8_t offset;
    uint8_t tail;    /* bytes from the field's start to the end of its instruction */
    uint64_t target; /* address that it must lead to */
};

/* The beginning of a function, to be put elsewhere: ends with a jump to what follows it. */
struct copied_code {
    uint8_t bytes[64];
    size_t size;
    struct copied_field fields[COPIED_FIELDS];
    size_t field_count;
};

struct decoder;

struct arch {
    const char *name;   /* as in job.json */
    uint16_t machine;   /* e_machine */
    const char *loader; /* soname of the dynamic linker, which every process has */
    uint8_t jump_size;  /* bytes that the runtime overwrites */
    uint32_t call_type; /* relocation types for what the differ writes itself */
    uint32_t pcrel_type;
    uint32_t abs_type;
    uint32_t dyn_tls_module, dyn_tls_offset, dyn_tls_desc;
    uint32_t got_type; /* PC-relative, to a slot that ld makes */
    uint32_t dyn_relative, dyn_slot, dyn_glob_dat, dyn_copy, dyn_irelative;

    const char *(*reloc_name)(uint32_t type); /* "R_X86_64_PC32"; "type N" when unknown */
    enum reloc_class (*reloc_class)(uint32_t type);

    struct decoder *(*decoder_open)(struct sc_error **err);
    void (*decoder_close)(struct decoder *decoder);
    /* Decodes one instruction. False where there is none that is known. */
    bool (*decode)(struct decoder *decoder, const uint8_t *code, size_t size, uint64_t address,
                   const struct address_range *absolute, struct arch_insn *insn);
    /*
     * Whether the jump can be put behind the first instruction of old: true if what it does can be
     * taken back before the first instruction of fresh. Else why says what it is.
     */
    bool (*first_insn)(struct decoder *decoder, const uint8_t *old, size_t old_size,
                       const uint8_t *fresh, size_t fresh_size, struct first_insn *first,
                       const char **why);
    /*
     * Whether the bytes from `from` to `to` of the code can become a jump while threads are stopped
     * anywhere: false if a thread that is stopped inside, or at from, is in the middle of
     * something. Else why says what it is.
     */
    bool (*jump_room)(struct decoder *decoder, const uint8_t *code, size_t size, size_t from,
                      size_t to, const char **why);
    /*
     * Copies whole instructions, at least the first `least` bytes of the function at address. False
     * if one of them does something else elsewhere: calls, and jumps that have no other form.
     */
    bool (*copy_beginning)(struct decoder *decoder, const uint8_t *code, size_t size,
                           uint64_t address, size_t least, struct copied_code *copy);
    /*
     * Which of the registers that the psABI lets a function change the instruction that was decoded
     * last writes: a bit for each. possibly: also those of which that is not sure.
     */
    uint64_t (*registers_written)(struct decoder *decoder, bool possibly);
    /* True if the runtime can make the call or jump lead elsewhere: it has the form of a jump. */
    bool (*is_redirectable)(const uint8_t *code, size_t size);
    /* Rewrites it as ld does for programs; the class that is left, RELOC_TLS for unknown code. */
    enum reloc_class (*tls_relax)(struct tls_code *code, enum reloc_class class);
    /* The slot that a PLT entry at address jumps through. 0: not the form of an entry. */
    uint64_t (*plt_slot)(struct decoder *decoder, const uint8_t *code, size_t size,
                         uint64_t address);
    /*
     * Writes a jump to somewhere else; *field is where its relocation goes. Returns the size. The
     * first with an operand of RELOC_BRANCH, the second (through a pointer) of RELOC_PCREL.
     */
    size_t (*write_jump)(uint8_t code[16], size_t *field);
    size_t (*write_slot_jump)(uint8_t code[16], size_t *field);
    /*
     * Writes what calls a hook of the patch's author (lib/patch_format.h, struct sc_patch_hook):
     * claims the state, calls, leaves the result. Returns the size; fields[] are the places to be
     * relocated, *count of them.
     */
    size_t (*write_hook_call)(uint8_t code[ARCH_HOOK_CALL_MAX], struct arch_field fields[4],
                              size_t *count);
    /*
     * Turns an instruction that makes a PC-relative address into one that loads it from there, of
     * the same length; field is where its operand stands.
     */
    void (*address_to_load)(uint8_t *field);
    /*
     * Code that makes the patch's frames known to the unwinder, once in a process, and changes no
     * register; *field is where the PC-relative address of the block (enum arch_frames_block) goes,
     * at the end of its instruction. NULL when this build has none.
     */
    const uint8_t *(*frames_registrar)(size_t *size, size_t *field);
    /* Writes a jump that calls the registrar first unless that is done. Returns the size. */
    size_t (*write_guarded_jump)(uint8_t code[32], struct guarded_jump *fields);
};

/*
 * How many bytes a relocation of debugging information writes, symbol and addend added; 0: it is
 * none of those that compilers use there. machine and type: gABI e_machine, psABI relocation types.
 */
size_t arch_debug_reloc_size(uint16_t machine, uint32_t type);

/* NULL when the architecture is not known. */
const struct arch *arch_find(const char *name);

extern const struct arch arch_x86_64;

#endif

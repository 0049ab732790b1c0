/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything in the runtime that depends on the processor. One file a processor implements it
 * (x86_64.c, x86_64_frame.c); nothing outside this directory knows an instruction, a register or
 * a relocation type.
 */
#ifndef SYSCARE_ARCH_H
#define SYSCARE_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* ---- code and relocations: used by the daemon and the injector ---- */

#define ARCH_JUMP_MAX 16

/* e_machine of the processes that we handle. */
uint16_t arch_machine(void);

/* AUDIT_ARCH_* of them, for seccomp filters. */
uint32_t arch_audit(void);

/* Length in bytes of the jump that redirects a function. */
size_t arch_jump_size(void);

/* How far a mapping may lie from what it refers to, in bytes, with a margin for code in it. */
uint64_t arch_reach(void);

/* Encodes a jump placed at address from. False when to is out of reach. */
bool arch_jump_encode(uint64_t from, uint64_t to, uint8_t jump[ARCH_JUMP_MAX]);

/*
 * How the BPF program knows such a jump: the four bytes at its address as a little-endian number,
 * masked with *mask, are *opcode.
 */
void arch_jump_pattern(uint32_t *opcode, uint32_t *mask);

/* If the bytes at address from are such a jump: true, and where it leads in *to. */
bool arch_jump_decode(uint64_t from, const uint8_t *bytes, uint64_t *to);

/*
 * The same for an instruction of the size of a jump that leads elsewhere itself: it stays the call
 * or jump that it is in `original`. Encode: false also where it is neither; decode: where it is not
 * the same.
 */
bool arch_branch_encode(uint64_t from, const uint8_t *original, uint64_t to,
                        uint8_t branch[ARCH_JUMP_MAX]);
bool arch_branch_decode(uint64_t from, const uint8_t *original, const uint8_t *bytes, uint64_t *to);

/*
 * True if memory holds the first instruction `original` (size bytes; 0: none is asked for), or
 * what the kernel makes of it while a uprobe is registered on it.
 */
bool arch_first_matches(const uint8_t *memory, const uint8_t *original, size_t size);

/* True if memory is the original code, but for a breakpoint in its first byte. */
bool arch_first_probed(const uint8_t *memory, const uint8_t *original, size_t size);

/*
 * The kernel has put a breakpoint over a jump at address from, or the first byte of the code that
 * was there before, when it took that away again: true if the bytes look so, and where the jump
 * led in *to.
 */
bool arch_jump_mend(uint64_t from, const uint8_t *bytes, uint8_t first, uint64_t *to);

/*
 * True if the kernel may replace a breakpoint on this first instruction by a call of a page of its
 * own, after the first hit (5-byte nops, Linux 6.18).
 */
bool arch_probe_optimised(const uint8_t *first, size_t size);

/* A function that begins with such an instruction and does nothing; NULL where there is none. */
typedef void (*arch_function)(void);
arch_function arch_optimised_function(void);

/*
 * True if a thread that has just executed the instruction may execute it again, once *stack has
 * been added to its stack pointer: pushes, stack adjustments, nops, comparisons, and copies that do
 * not change what they read.
 */
bool arch_first_repeats(const uint8_t *first, size_t size, uint32_t *stack);

/* What a relocation type of the psABI does to its place. */
struct arch_reloc {
    uint8_t size;     /* bytes written: 4 or 8 */
    bool pc_relative; /* minus the address of the place */
    bool self;        /* the value is the load bias of the object itself plus the addend */
    bool addend_used; /* S + A, otherwise S */
    bool low;         /* 4 bytes that hold an absolute address: below arch_low_end() */
};

/*
 * Describes an ELF relocation type. dynamic: as found in .rela.dyn and .rela.plt, otherwise in
 * .syscare.rela. False when the type is not one that a patch may have there. R_*_NONE: size 0.
 */
bool arch_reloc_describe(uint32_t type, bool dynamic, struct arch_reloc *reloc);

/* Addresses below it fit into a 32-bit absolute field, whether it is extended by sign or not. */
uint64_t arch_low_end(void);

/* What a dynamic relocation of a program or library, applied by ld.so, puts into a word. */
enum arch_slot {
    ARCH_SLOT_OTHER,
    ARCH_SLOT_SYMBOL,   /* the address of its symbol (plus the addend) */
    ARCH_SLOT_RESOLVER, /* what the function at load bias + addend returns (R_*_IRELATIVE) */
};
enum arch_slot arch_slot_kind(uint32_t type);

/* ---- registers and injected system calls: used by the injector ---- */

struct arch_regs {
    struct user_regs_struct user; /* as PTRACE_GETREGSET NT_PRSTATUS gives them */
};

/* The extended state that NT_X86_XSTATE or its like gives: at most this many bytes. */
#define ARCH_FPU_MAX 16384

/* Where injected system calls are made: addresses in the target. */
struct arch_gadgets {
    uint64_t syscall;   /* "system call; return" */
    uint64_t sigreturn; /* what a signal handler returns to: does rt_sigreturn */
};

/* Regset number of the extended state, and of the plain one if the first is not there. */
int arch_fpu_regset(void);
int arch_fpu_regset_plain(void);

uint64_t arch_regs_ip(const struct arch_regs *regs);
uint64_t arch_regs_sp(const struct arch_regs *regs);

/* Takes the thread back: offset from its instruction pointer, stack onto its stack pointer. */
void arch_regs_step_back(struct arch_regs *regs, uint32_t offset, uint32_t stack);

/* True if the thread runs in the full word size of arch_machine(). */
bool arch_regs_native(const struct arch_regs *regs);

/*
 * glibc keeps some pointers only mangled (setjmp buffers, exit handlers). Where the thread has the
 * guard that they are mangled with, 0 for nowhere; and how they are read.
 */
uint64_t arch_pointer_guard(const struct arch_regs *regs);
uint64_t arch_pointer_demangle(uint64_t word, uint64_t guard);

/*
 * Where the C library keeps what it knows of the thread, in which a word is the start and one the
 * size of the stack that it has mapped for it (glibc, musl: struct pthread). 0 for nowhere.
 */
uint64_t arch_thread_block(const struct arch_regs *regs);

/* True if the ARCH_CALL_MAX bytes end with a call: what follows them is a return address. */
#define ARCH_CALL_MAX 7
bool arch_ends_with_call(const uint8_t bytes[ARCH_CALL_MAX]);

/* Bytes below the stack pointer that a leaf function may use. */
size_t arch_red_zone(void);

/*
 * A stop by ptrace makes some system calls return EINTR to the program although no signal came.
 * If that is what the registers show, makes them repeat the call and returns true. Only calls that
 * have not done anything yet when they say EINTR are repeated.
 */
bool arch_regs_repeat_call(struct arch_regs *regs);

/*
 * Sets up registers so that the thread, when it goes on, makes the system call rt_sigreturn with
 * the frame, and so is back in its old state. Any seccomp filter allows that.
 */
void arch_regs_set_return(struct arch_regs *regs, const struct arch_gadgets *gadgets,
                          uint64_t frame);

/*
 * For a thread at the entry of a system call: makes it another one, with the frame on top of the
 * stack, so that the "return" behind the call leads to rt_sigreturn.
 */
void arch_regs_set_call(struct arch_regs *regs, uint64_t frame, long number,
                        const uint64_t arguments[6]);

/*
 * Sets up registers so that the thread, when it goes on, calls the function at address, without
 * arguments, as its psABI has it; that returns to rt_sigreturn by the frame.
 */
void arch_regs_set_function(struct arch_regs *regs, uint64_t address, uint64_t frame);

/* True if the thread is at the entry of the rt_sigreturn that such a function returned to. */
bool arch_regs_function_returned(const struct arch_regs *regs, uint64_t frame);

/*
 * Then: makes that system call one without effect, after which the thread is where injected system
 * calls end, with the frame on top of its stack.
 */
void arch_regs_set_pause(struct arch_regs *regs, const struct arch_gadgets *gadgets,
                         uint64_t frame);

/* What the system call returned: negative errno on failure. */
int64_t arch_regs_result(const struct arch_regs *regs);

/* Size of the frame for fpu_size bytes of extended state, with room to align it. */
size_t arch_frame_room(size_t fpu_size);

/*
 * Builds the frame that a signal handler would return to, so that a thread which is abandoned in
 * an injected system call ends up in exactly the state given: all registers, the extended state,
 * the signal mask; the alternate stack is left as it is. A call that was interrupted is repeated.
 * top: highest address that may be used. Writes *size bytes to image (arch_frame_room of them)
 * and the address that they belong to into *address: the frame.
 */
void arch_frame_build(uint64_t top, const struct arch_regs *regs, const void *fpu, size_t fpu_size,
                      uint64_t signal_mask, const struct arch_gadgets *gadgets, uint8_t *image,
                      size_t *size, uint64_t *address);

/*
 * A chain: frames in which each system call is followed by the rt_sigreturn that leads to the next
 * one, and the last by that of the frame of arch_frame_build at `end`. So a thread makes them all
 * without a stop in between. Results are lost, and an interrupted call that has to be restarted
 * with a timeout is forgotten: arch_regs_may_chain.
 */
struct arch_call {
    long number;
    uint64_t arguments[6];
};

/* True if the thread does not stand in a call that only the kernel knows how to restart. */
bool arch_regs_may_chain(const struct arch_regs *regs);

/* Bytes that a chain of count calls takes on the stack. */
size_t arch_chain_room(size_t count);

/*
 * Builds a chain below the address `below`: arch_chain_room(count) bytes at most go to image; they
 * belong to *start, where the first frame is (arch_regs_set_return). The extended state stays as
 * the frame at `end` has it, whose image is end_image. regs are those of the thread meanwhile; all
 * signals are blocked.
 */
void arch_chain_build(const struct arch_call *calls, size_t count, const struct arch_regs *regs,
                      const struct arch_gadgets *gadgets, uint64_t below, uint64_t end,
                      const uint8_t *end_image, uint8_t *image, size_t *size, uint64_t *start);

/* Bytes of end_image that it looks at. */
size_t arch_chain_look(void);

/* True if the thread has left all frames of the chain but the last call. */
bool arch_chain_done(const struct arch_regs *regs, uint64_t end);

/* Looks for both gadgets in code that is mapped at address; those found are filled in. */
void arch_gadgets_find(const uint8_t *code, size_t size, uint64_t address,
                       struct arch_gadgets *gadgets);

/*
 * Code that is both gadgets, for processes that have none: ARCH_GADGETS_CODE bytes, of which the
 * first begins "system call; return", and the one at *sigreturn does rt_sigreturn.
 */
#define ARCH_GADGETS_CODE 12
void arch_gadgets_make(uint8_t code[ARCH_GADGETS_CODE], size_t *sigreturn);

/* True if the bytes (at least ARCH_GADGET_SIZE) are the gadget that it says. */
#define ARCH_GADGET_SIZE 9
bool arch_gadget_is_syscall(const uint8_t *code);
bool arch_gadget_is_sigreturn(const uint8_t *code);

/* What a frame made by the kernel for a signal handler tells; at least ARCH_SIGNAL_FRAME bytes. */
#define ARCH_SIGNAL_FRAME 184
struct arch_signal_frame {
    uint64_t sp; /* stack pointer of the interrupted code */
    uint64_t alternate_start,
        alternate_size; /* sigaltstack(2) when the signal came; size 0: none */
};
void arch_signal_frame_read(const uint8_t *frame, struct arch_signal_frame *out);

#endif

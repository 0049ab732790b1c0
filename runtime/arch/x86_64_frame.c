// SPDX-License-Identifier: GPL-2.0-or-later
// x86-64: registers, the frame that rt_sigreturn restores, and the code it is reached through.
#include "runtime/arch/arch.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

/* Values of the kernel that no user header has (include/linux/errno.h). */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

#define SYSCALL_SIZE 2 /* 0f 05 */
#define FLAG_DIRECTION UINT64_C(0x400)
#define FLAG_ALIGNMENT UINT64_C(0x40000) /* of EFLAGS: AC */
#define USER_CS 0x33                     /* 64-bit code */

/* arch/x86/include/uapi/asm/ucontext.h */
#define UC_FP_XSTATE 1
#define UC_SIGCONTEXT_SS 2
#define UC_STRICT_RESTORE_SS 4

/* arch/x86/include/uapi/asm/sigcontext.h */
#define XSTATE_MAGIC1 0x46505853U
#define XSTATE_MAGIC2 0x46505845U
#define FXSAVE_SIZE 512
#define SW_BYTES_OFFSET 464

/* struct sigcontext_64 of the kernel. */
struct signal_context {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t di, si, bp, bx, dx, ax, cx, sp, ip, flags;
    uint16_t cs, gs, fs, ss;
    uint64_t err, trapno, oldmask, cr2;
    uint64_t fpstate;
    uint64_t reserved[8];
};

/* struct rt_sigframe of the kernel, up to what rt_sigreturn reads. */
struct signal_frame {
    uint64_t return_address;
    uint64_t uc_flags, uc_link;
    uint64_t stack_start;
    uint32_t stack_flags, stack_pad;
    uint64_t stack_size;
    struct signal_context context;
    uint64_t signal_mask;
    uint8_t siginfo[128];
};

/* struct _fpx_sw_bytes of the kernel. */
struct xstate_software {
    uint32_t magic1, extended_size;
    uint64_t features;
    uint32_t xstate_size;
    uint32_t padding[7];
};

_Static_assert(offsetof(struct signal_frame, context.ip) + 8 == ARCH_SIGNAL_FRAME, "kernel frame");

int arch_fpu_regset(void)
{
    return NT_X86_XSTATE;
}

int arch_fpu_regset_plain(void)
{
    return NT_PRFPREG;
}

uint64_t arch_regs_ip(const struct arch_regs *regs)
{
    return regs->user.rip;
}

uint64_t arch_regs_sp(const struct arch_regs *regs)
{
    return regs->user.rsp;
}

void arch_regs_step_back(struct arch_regs *regs, uint32_t offset, uint32_t stack)
{
    regs->user.rip -= offset;
    regs->user.rsp += stack;
}

bool arch_regs_native(const struct arch_regs *regs)
{
    return regs->user.cs == USER_CS;
}

/* tcbhead_t.pointer_guard of glibc */
uint64_t arch_pointer_guard(const struct arch_regs *regs)
{
    return regs->user.fs_base ? regs->user.fs_base + 0x30 : 0;
}

uint64_t arch_thread_block(const struct arch_regs *regs)
{
    return regs->user.fs_base;
}

/* PTR_DEMANGLE of glibc: ror $17; xor %fs:0x30 */
uint64_t arch_pointer_demangle(uint64_t word, uint64_t guard)
{
    return (word >> 17 | word << 47) ^ guard;
}

/* CALL rel32; CALL r/m64 with a register, or memory with a displacement of 0, 1 or 4 bytes */
bool arch_ends_with_call(const uint8_t bytes[ARCH_CALL_MAX])
{
    const uint8_t *end = bytes + ARCH_CALL_MAX;

    return end[-5] == 0xe8 || (end[-2] == 0xff && (end[-1] & 0x38) == 0x10) ||
           (end[-3] == 0xff && (end[-2] & 0xf8) == 0x50) ||
           (end[-6] == 0xff && ((end[-5] & 0xf8) == 0x90 || end[-5] == 0x15));
}

/* psABI 1.0, 3.2.2 */
size_t arch_red_zone(void)
{
    return 128;
}

/*
 * Calls that give EINTR (instead of a restart code that the kernel handles itself) for a mere
 * ptrace stop, and that have no effect when they give it. close(2) is not one: it has closed.
 */
static bool call_repeatable(uint64_t number)
{
    switch (number) {
    case SYS_read:
    case SYS_write:
    case SYS_readv:
    case SYS_writev:
    case SYS_connect:
    case SYS_accept:
    case SYS_accept4:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_recvmmsg:
    case SYS_semop:
    case SYS_semtimedop:
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case 441: /* epoll_pwait2 */
    case SYS_rt_sigtimedwait:
    case SYS_io_getevents:
    case 333: /* io_pgetevents */
    case 426: /* io_uring_enter */
        return true;
    default:
        return false;
    }
}

static void call_repeat(struct user_regs_struct *user)
{
    user->rax = user->orig_rax;
    user->rip -= SYSCALL_SIZE;
}

bool arch_regs_repeat_call(struct arch_regs *regs)
{
    struct user_regs_struct *user = &regs->user;

    if ((int64_t)user->orig_rax < 0 || (int64_t)user->rax != -EINTR)
        return false;
    if (!call_repeatable(user->orig_rax))
        return false;
    call_repeat(user);
    return true;
}

void arch_regs_set_return(struct arch_regs *regs, const struct arch_gadgets *gadgets,
                          uint64_t frame)
{
    struct user_regs_struct *user = &regs->user;

    user->rip = gadgets->syscall;
    user->rsp = frame + 8; /* as after the return address was taken */
    user->rax = SYS_rt_sigreturn;
    user->orig_rax = (uint64_t)-1; /* nothing to restart when the thread leaves its stop */
}

void arch_regs_set_call(struct arch_regs *regs, uint64_t frame, long number,
                        const uint64_t arguments[6])
{
    struct user_regs_struct *user = &regs->user;

    user->rsp = frame;
    user->orig_rax = (uint64_t)number;
    user->rdi = arguments[0];
    user->rsi = arguments[1];
    user->rdx = arguments[2];
    user->r10 = arguments[3];
    user->r8 = arguments[4];
    user->r9 = arguments[5];
}

/* psABI 3.2.2 and 3.2.1: the stack is aligned as after a call, the direction flag is clear. */
void arch_regs_set_function(struct arch_regs *regs, uint64_t address, uint64_t frame)
{
    struct user_regs_struct *user = &regs->user;

    user->rip = address;
    user->rsp = frame;
    user->rbp = 0;
    user->eflags &= ~(FLAG_DIRECTION | FLAG_ALIGNMENT);
    user->orig_rax = (uint64_t)-1; /* nothing to restart when the thread leaves its stop */
}

bool arch_regs_function_returned(const struct arch_regs *regs, uint64_t frame)
{
    return regs->user.orig_rax == SYS_rt_sigreturn && regs->user.rsp == frame + 8;
}

void arch_regs_set_pause(struct arch_regs *regs, const struct arch_gadgets *gadgets, uint64_t frame)
{
    static const uint64_t none[6];

    arch_regs_set_call(regs, frame, SYS_getpid, none);
    regs->user.rip = gadgets->syscall + SYSCALL_SIZE;
}

int64_t arch_regs_result(const struct arch_regs *regs)
{
    return (int64_t)regs->user.rax;
}

size_t arch_frame_room(size_t fpu_size)
{
    return sizeof(struct signal_frame) + 64 + fpu_size + sizeof(uint32_t) + 64;
}

/*
 * rt_sigreturn forgets that a call was interrupted (it sets orig_ax to -1 and clears the restart
 * block). So what is saved is the state in which the call is about to be made again.
 */
static void context_fill(struct signal_context *context, struct user_regs_struct user)
{
    int64_t result = (int64_t)user.rax;
    bool restart = result == -ERESTARTSYS || result == -ERESTARTNOINTR ||
                   result == -ERESTARTNOHAND || result == -ERESTART_RESTARTBLOCK ||
                   (result == -EINTR && call_repeatable(user.orig_rax));

    if ((int64_t)user.orig_rax >= 0 && restart)
        call_repeat(&user);
    *context = (struct signal_context){
        .r8 = user.r8,
        .r9 = user.r9,
        .r10 = user.r10,
        .r11 = user.r11,
        .r12 = user.r12,
        .r13 = user.r13,
        .r14 = user.r14,
        .r15 = user.r15,
        .di = user.rdi,
        .si = user.rsi,
        .bp = user.rbp,
        .bx = user.rbx,
        .dx = user.rdx,
        .ax = user.rax,
        .cx = user.rcx,
        .sp = user.rsp,
        .ip = user.rip,
        .flags = user.eflags,
        .cs = (uint16_t)user.cs,
        .ss = (uint16_t)user.ss,
    };
}

/*
 * The regset has the layout of xsave, with XCR0 where a signal frame has its software bytes.
 * Without them rt_sigreturn would restore x87 and SSE only, and lose the upper halves of AVX.
 */
static void fpu_fill(uint8_t *image, const void *fpu, size_t fpu_size)
{
    struct xstate_software software = {.magic1 = XSTATE_MAGIC1};
    uint32_t magic2 = XSTATE_MAGIC2;

    memcpy(image, fpu, fpu_size);
    if (fpu_size <= FXSAVE_SIZE)
        return;
    memcpy(&software.features, image + SW_BYTES_OFFSET, sizeof(software.features));
    software.xstate_size = (uint32_t)fpu_size;
    software.extended_size = (uint32_t)(fpu_size + sizeof(magic2));
    memcpy(image + SW_BYTES_OFFSET, &software, sizeof(software));
    memcpy(image + fpu_size, &magic2, sizeof(magic2));
}

void arch_frame_build(uint64_t top, const struct arch_regs *regs, const void *fpu, size_t fpu_size,
                      uint64_t signal_mask, const struct arch_gadgets *gadgets, uint8_t *image,
                      size_t *size, uint64_t *address)
{
    uint64_t fpu_address = (top - fpu_size - sizeof(uint32_t)) & ~UINT64_C(63);
    struct signal_frame frame = {
        .return_address = gadgets->sigreturn,
        .uc_flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
        /* Flags that sigaltstack(2) does not know: rt_sigreturn ignores the error, keeps the stack
         */
        .stack_flags = 0x5343,
        .signal_mask = signal_mask,
    };

    /* The kernel wants the frame on 16 bytes once `ret` has taken the return address. */
    *address = ((fpu_address - sizeof(frame)) & ~UINT64_C(15)) - 8;
    *size = (size_t)(fpu_address + fpu_size + sizeof(uint32_t) - *address);
    memset(image, 0, *size);
    context_fill(&frame.context, regs->user);
    frame.context.fpstate = fpu_address;
    memcpy(image, &frame, sizeof(frame));
    fpu_fill(image + (fpu_address - *address), fpu, fpu_size);
}

bool arch_regs_may_chain(const struct arch_regs *regs)
{
    /* rt_sigreturn clears what the kernel has noted for the restart. */
    return (int64_t)regs->user.orig_rax < 0 || (int64_t)regs->user.rax != -ERESTART_RESTARTBLOCK;
}

/* Of one frame: its successor lies right above it; nobody reads what would be siginfo. */
static size_t chain_step(void)
{
    return (offsetof(struct signal_frame, siginfo) + 15) & ~(size_t)15;
}

size_t arch_chain_room(size_t count)
{
    return count * chain_step() + 32;
}

size_t arch_chain_look(void)
{
    return sizeof(struct signal_frame);
}

void arch_chain_build(const struct arch_call *calls, size_t count, const struct arch_regs *regs,
                      const struct arch_gadgets *gadgets, uint64_t below, uint64_t end,
                      const uint8_t *end_image, uint8_t *image, size_t *size, uint64_t *start)
{
    struct signal_frame last;

    memcpy(&last, end_image, sizeof(last));
    *start = ((below - arch_chain_room(count)) & ~UINT64_C(15)) + 8;
    *size = count * chain_step();
    memset(image, 0, *size);
    for (size_t i = 0; i < count; i++) {
        uint64_t next = i + 1 < count ? *start + (i + 1) * chain_step() : end;
        struct arch_regs call = *regs;
        struct signal_frame frame = {
            .return_address = gadgets->sigreturn,
            .uc_flags = last.uc_flags,
            .stack_flags = last.stack_flags,
            .signal_mask = ~UINT64_C(0),
        };

        arch_regs_set_call(&call, next, calls[i].number, calls[i].arguments);
        call.user.rip = gadgets->syscall;
        call.user.rax = (uint64_t)calls[i].number;
        call.user.orig_rax = (uint64_t)-1;
        context_fill(&frame.context, call.user);
        frame.context.fpstate = last.context.fpstate;
        memcpy(image + i * chain_step(), &frame, offsetof(struct signal_frame, siginfo));
    }
}

bool arch_chain_done(const struct arch_regs *regs, uint64_t end)
{
    return regs->user.rsp == end;
}

bool arch_gadget_is_syscall(const uint8_t *code)
{
    static const uint8_t syscall_ret[] = {0x0f, 0x05, 0xc3};

    return memcmp(code, syscall_ret, sizeof(syscall_ret)) == 0;
}

/* mov $15,%rax; syscall (glibc, musl, Go) or mov $15,%eax; syscall */
bool arch_gadget_is_sigreturn(const uint8_t *code)
{
    static const uint8_t long_form[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
    static const uint8_t short_form[] = {0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05};

    return memcmp(code, long_form, sizeof(long_form)) == 0 ||
           memcmp(code, short_form, sizeof(short_form)) == 0;
}

void arch_gadgets_make(uint8_t code[ARCH_GADGETS_CODE], size_t *sigreturn)
{
    static const uint8_t both[] = {0x0f, 0x05, 0xc3,                             /* syscall; ret */
                                   0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05}; /* sigreturn */

    _Static_assert(sizeof(both) == ARCH_GADGETS_CODE, "the size that callers know");
    memcpy(code, both, sizeof(both));
    *sigreturn = 3;
}

void arch_gadgets_find(const uint8_t *code, size_t size, uint64_t address,
                       struct arch_gadgets *gadgets)
{
    for (size_t i = 0; i + ARCH_GADGET_SIZE <= size; i++) {
        if (!gadgets->syscall && arch_gadget_is_syscall(code + i))
            gadgets->syscall = address + i;
        if (!gadgets->sigreturn && arch_gadget_is_sigreturn(code + i))
            gadgets->sigreturn = address + i;
        if (gadgets->syscall && gadgets->sigreturn)
            return;
    }
}

void arch_signal_frame_read(const uint8_t *frame, struct arch_signal_frame *out)
{
    struct signal_frame copy = {0};

    memcpy(&copy, frame, ARCH_SIGNAL_FRAME);
    *out = (struct arch_signal_frame){
        .sp = copy.context.sp,
        .alternate_start = copy.stack_start,
        .alternate_size = copy.stack_size,
    };
}

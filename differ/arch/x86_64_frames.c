// SPDX-License-Identifier: GPL-2.0-or-later
// x86-64: the code in a patch object that makes its frames known to the unwinder, on the first
// call.
//
// A trampoline calls it with all registers as the caller of the patched function left them, and
// they must come back untouched: arguments, and whatever else a caller that knows its callee
// (IPA-RA) may keep in any register. It runs in the thread that called the function, in no special
// state, so it may do what that function may do: take the unwinder's lock.
//
// The block (enum arch_frames_block) begins with its state: 0 not registered, 1 done, else the
// thread pointer of the thread that is about it. Others wait for that one, but not for ever: in a
// child that was forked just then it does not exist. No system calls, which a filter may forbid.
#include "differ/arch/x86_64.h"

#include <string.h>

#if defined(__x86_64__)

/*
 * Extended state: x87, SSE, AVX, MPX and AVX-512 (mask 0xff) take at most 2696 bytes in the format
 * of XSAVE (Intel SDM volume 1, 13.4); its header must be zero. Without OSXSAVE, FXSAVE does.
 */
__asm__(".pushsection .rodata.syscare_frames,\"a\",@progbits\n"
        /* Global: link-time optimisation may put the code below into another unit than this. */
        "	.globl	x86_frames_code, x86_frames_field, x86_frames_end\n"
        "	.hidden	x86_frames_code, x86_frames_field, x86_frames_end\n"
        "x86_frames_code:\n"
        "	push	%rbp\n"
        "	mov	%rsp, %rbp\n"
        "	push	%rax\n"
        "	push	%rcx\n"
        "	push	%rdx\n"
        "	push	%rbx\n"
        "	push	%rsi\n"
        "	push	%rdi\n"
        "	push	%r8\n"
        "	push	%r9\n"
        "	push	%r10\n"
        "	push	%r11\n"
        "	push	%r12\n"
        "	.byte	0x4c, 0x8d, 0x25\n" /* lea block(%rip), %r12 */
        "x86_frames_field:\n"
        "	.long	0\n"
        "	mov	%fs:0, %rcx\n"
        "	xor	%eax, %eax\n"
        "	lock cmpxchg %rcx, (%r12)\n"
        "	je	1f\n"
        "	cmp	%rcx, %rax\n" /* a signal handler came in between */
        "	je	9f\n"
        "	mov	$10000000, %edx\n"
        "0:	cmpq	$1, (%r12)\n"
        "	je	9f\n"
        "	pause\n"
        "	dec	%edx\n"
        "	jnz	0b\n"
        "	movq	$1, (%r12)\n" /* nobody is left to finish it */
        "	jmp	9f\n"
        "1:	sub	$2816, %rsp\n"
        "	and	$-64, %rsp\n"
        "	mov	$1, %eax\n"
        "	xor	%ecx, %ecx\n"
        "	cpuid\n"
        "	mov	%ecx, %ebx\n"
        "	and	$0x8000000, %ebx\n" /* OSXSAVE */
        "	jz	2f\n"
        "	xor	%ecx, %ecx\n"
        "	mov	%rcx, 512(%rsp)\n"
        "	mov	%rcx, 520(%rsp)\n"
        "	mov	%rcx, 528(%rsp)\n"
        "	mov	%rcx, 536(%rsp)\n"
        "	mov	%rcx, 544(%rsp)\n"
        "	mov	%rcx, 552(%rsp)\n"
        "	mov	%rcx, 560(%rsp)\n"
        "	mov	%rcx, 568(%rsp)\n"
        "	mov	$0xff, %eax\n"
        "	xor	%edx, %edx\n"
        "	xsave64	(%rsp)\n"
        "	jmp	3f\n"
        "2:	fxsave64 (%rsp)\n"
        "3:	mov	8(%r12), %rax\n"
        "	test	%rax, %rax\n"
        "	jz	4f\n"
        "	mov	16(%r12), %rdi\n"
        "	lea	24(%r12), %rsi\n"
        "	call	*%rax\n"
        "4:	test	%ebx, %ebx\n"
        "	jz	5f\n"
        "	mov	$0xff, %eax\n"
        "	xor	%edx, %edx\n"
        "	xrstor64 (%rsp)\n"
        "	jmp	6f\n"
        "5:	fxrstor64 (%rsp)\n"
        "6:	movq	$1, (%r12)\n"
        "9:	lea	-88(%rbp), %rsp\n"
        "	pop	%r12\n"
        "	pop	%r11\n"
        "	pop	%r10\n"
        "	pop	%r9\n"
        "	pop	%r8\n"
        "	pop	%rdi\n"
        "	pop	%rsi\n"
        "	pop	%rbx\n"
        "	pop	%rdx\n"
        "	pop	%rcx\n"
        "	pop	%rax\n"
        "	pop	%rbp\n"
        "	ret\n"
        "x86_frames_end:\n"
        "	.popsection\n");

extern const uint8_t x86_frames_code[], x86_frames_field[], x86_frames_end[];

const uint8_t *x86_frames_registrar(size_t *size, size_t *field)
{
    *size = (size_t)(x86_frames_end - x86_frames_code);
    *field = (size_t)(x86_frames_field - x86_frames_code);
    return x86_frames_code;
}

#else

const uint8_t *x86_frames_registrar(size_t *size, size_t *field)
{
    *size = *field = 0;
    return NULL;
}

#endif

size_t x86_write_guarded_jump(uint8_t code[32], struct guarded_jump *fields)
{
    static const uint8_t guard[] = {
        0x48, 0x83, 0x3d, 0, 0, 0, 0, 1, /* cmpq $1, block(%rip) */
        0x75, 5,                         /* jne to the call */
        0xe9, 0,    0,    0, 0,          /* jmp function */
        0xe8, 0,    0,    0, 0,          /* call registrar */
        0xe9, 0,    0,    0, 0,          /* jmp function */
    };

    memcpy(code, guard, sizeof(guard));
    *fields = (struct guarded_jump){.block = 3, .block_tail = 5, .call = 16, .jumps = {11, 21}};
    return sizeof(guard);
}

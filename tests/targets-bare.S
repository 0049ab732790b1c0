/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A static program without any library, as other compilers than C's make them: no code in it
 * returns after a system call, none calls rt_sigreturn. It takes the arguments of targets-target.c.
 */
#include <asm/unistd.h>

/* Offsets in struct slot of targets-target.h. */
#define SLOT_SIZE 152
#define SLOT_PID 0
#define SLOT_FIRST 8
#define SLOT_OLD 16
#define SLOT_NEW 24
#define SLOT_WRONG 32
#define SLOTS (256 * SLOT_SIZE)

    .text
    .globl _start
_start:
    mov 16(%rsp), %rdi              /* the file */
    mov 24(%rsp), %rbx              /* the slot, as text */
    mov $2, %esi                    /* O_RDWR */
    mov $__NR_open, %eax
    syscall
    mov %rax, %r8
    xor %edi, %edi
    mov $SLOTS, %esi
    mov $3, %edx                    /* PROT_READ | PROT_WRITE */
    mov $1, %r10d                   /* MAP_SHARED */
    xor %r9d, %r9d
    mov $__NR_mmap, %eax
    syscall
    mov %rax, %rbp
    xor %eax, %eax
number:
    movzbl (%rbx), %ecx
    inc %rbx
    sub $'0', %ecx
    js numbered
    imul $10, %eax, %eax
    add %ecx, %eax
    jmp number
numbered:
    imul $SLOT_SIZE, %rax, %rax
    add %rax, %rbp
    mov $__NR_getpid, %eax
    syscall
    mov %rax, SLOT_PID(%rbp)
round:
    inc %r12d
    and $0xffff, %r12d
    xor %r14d, %r14d
again:
    mov %r12d, %edi
    call answer0
    mov %eax, %r13d
    mov %r12d, %edi
    call answer2
    lea 1(%r12,%r12), %ecx
    mov $SLOT_WRONG, %edx
    mov $3, %esi
    cmp %eax, %r13d
    je same
    inc %r14d                       /* the switch may have come in between, but not twice */
    cmp $1, %r14d
    je again
    jmp count
same:
    cmp %ecx, %eax
    mov $SLOT_OLD, %edi
    mov $1, %ebx
    cmove %edi, %edx
    cmove %ebx, %esi
    add $1000, %ecx
    cmp %ecx, %eax
    mov $SLOT_NEW, %edi
    mov $2, %ebx
    cmove %edi, %edx
    cmove %ebx, %esi
count:
    incq (%rbp,%rdx)
    cmpq $0, SLOT_FIRST(%rbp)
    jne rest
    mov %rsi, SLOT_FIRST(%rbp)
rest:
    push $5000000
    push $0
    mov %rsp, %rdi
    xor %esi, %esi
    mov $__NR_nanosleep, %eax
    syscall
    pop %rax
    pop %rax
    jmp round

    /* inject-functions.S refers to it; nothing here calls that function. */
    .globl quiet_sleep
quiet_sleep:
    jmp quiet_sleep

    .section .note.GNU-stack,"",@progbits

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thousand functions, 16 bytes apart, for the time that it takes to probe them. */
    .text
    .globl f0
    .type f0, @function
    .p2align 4
f0:
    .rept 1000
    push %rbp
    mov %rsp, %rbp
    lea 1(%rdi), %eax
    pop %rbp
    ret
    .p2align 4
    .endr
    .size f0, . - f0
    .section .note.GNU-stack,"",@progbits

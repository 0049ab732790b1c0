/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that the tests of the injector replace: one for each kind of first instruction. */
#define FUNCTION(name) .globl name; .type name, @function; .p2align 4; name:
#define END(name) .size name, . - name
/* Long enough that threads are often met inside. */
#define BODY \
    mov %edi, %ebx; \
    mov $40, %ecx; \
1:  dec %ecx; \
    jnz 1b; \
    lea 1(%rbx,%rbx), %eax

    .text
FUNCTION(answer0)
    endbr64
    push %rbx
    BODY
    pop %rbx
    ret
END(answer0)

FUNCTION(answer1)
    push %rbx
    BODY
    pop %rbx
    ret
END(answer1)

FUNCTION(answer2)
    sub $24, %rsp
    mov %rbx, 8(%rsp)
    BODY
    mov 8(%rsp), %rbx
    add $24, %rsp
    ret
END(answer2)

FUNCTION(answer3)
    .byte 0x0f, 0x1f, 0x44, 0x00, 0x00 /* nopl 0(%rax,%rax): what -fpatchable-function-entry makes */
    push %rbx
    BODY
    pop %rbx
    ret
END(answer3)

/* Sleeps in the middle: int quiet(int x), 2x + 1 after a while. */
FUNCTION(quiet)
    push %rbx
    mov %edi, %ebx
    call quiet_sleep@PLT
    lea 1(%rbx,%rbx), %eax
    pop %rbx
    ret
END(quiet)

/* What the patch refers to in its target. */
FUNCTION(target_helper)
    lea 7(%rdi), %eax
    ret
END(target_helper)

    .bss
    .globl target_counter
    .type target_counter, @object
    .size target_counter, 4
    .p2align 2
target_counter: .zero 4

    .section .note.GNU-stack,"",@progbits

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A 32-bit program that maps the file given as its first argument, code and all, as a 64-bit
 * library would be mapped; it sleeps and writes a byte to its output now and then.
 */
/* arch/x86/entry/syscalls/syscall_32.tbl; the header is not there where only 64 bits are developed for. */
#define NR_WRITE 4
#define NR_OPEN 5
#define NR_NANOSLEEP 162
#define NR_MMAP2 192

    .text
    .globl _start
_start:
    mov 8(%esp), %ebx
    xor %ecx, %ecx                  /* O_RDONLY */
    mov $NR_OPEN, %eax
    int $0x80
    mov %eax, %edi
    mov $0, %ebx
    mov $0x10000, %ecx              /* room for both */
    mov $1, %edx                    /* PROT_READ */
    mov $2, %esi                    /* MAP_PRIVATE */
    xor %ebp, %ebp
    mov $NR_MMAP2, %eax
    int $0x80
    lea 0x1000(%eax), %ebx
    mov $0x1000, %ecx
    mov $5, %edx                    /* PROT_READ | PROT_EXEC */
    mov $0x12, %esi                 /* MAP_PRIVATE | MAP_FIXED */
    mov $1, %ebp                    /* in pages */
    mov $NR_MMAP2, %eax
    int $0x80
again:
    mov $1, %ebx
    mov $text, %ecx
    mov $1, %edx
    mov $NR_WRITE, %eax
    int $0x80
    push $20000000
    push $0
    mov %esp, %ebx
    xor %ecx, %ecx
    mov $NR_NANOSLEEP, %eax
    int $0x80
    add $8, %esp
    jmp again

    .section .rodata
text:
    .ascii "."
    .section .note.GNU-stack,"",@progbits

// SPDX-License-Identifier: GPL-2.0-or-later
// Runs a program as on a kernel that lacks system calls: they end with ENOSYS.
//
// usage: daemon-filter RULE... -- PROGRAM [ARGUMENT]...
// A rule is `bpf` or `perf`, or `bpf=N`: only that command of bpf(2), which ends with EINVAL.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RULES_MAX 8

/* Each rule: is it the call; is it the command; then the error. */
#define RULE_SIZE 5

static struct sock_filter code[2 + RULES_MAX * RULE_SIZE];
static unsigned short code_size;

static void add(unsigned short op, unsigned char yes, unsigned char no, unsigned value)
{
    code[code_size++] = (struct sock_filter)BPF_JUMP(op, value, yes, no);
}

/* command < 0: any. The low half of the first argument is looked at (little endian). */
static void add_rule(unsigned call, long command)
{
    const unsigned error = command < 0 ? ENOSYS : EINVAL;

    add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, call);
    add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, args));
    if (command < 0)
        add(BPF_JMP | BPF_JGE | BPF_K, 0, 1, 0);
    else
        add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (unsigned)command);
    add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error);
}

int main(int argc, char **argv)
{
    struct sock_fprog program = {.filter = code};
    int i = 1;

    for (; i < argc && strcmp(argv[i], "--") != 0 && i <= RULES_MAX; i++)
        add_rule(strcmp(argv[i], "perf") == 0 ? SYS_perf_event_open : SYS_bpf,
                 strncmp(argv[i], "bpf=", 4) == 0 ? atol(argv[i] + 4) : -1);
    if (i + 1 >= argc || strcmp(argv[i], "--") != 0) {
        fputs("usage: daemon-filter bpf|bpf=N|perf... -- PROGRAM [ARGUMENT]...\n", stderr);
        return 2;
    }
    add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
    program.len = code_size;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
        perror("seccomp");
        return 1;
    }
    execvp(argv[i + 1], argv + i + 1);
    perror(argv[i + 1]);
    return 1;
}

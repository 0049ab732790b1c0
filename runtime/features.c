// SPDX-License-Identifier: GPL-2.0-or-later
// What this kernel can do, found out by trying, never by its version.
#include "runtime/features.h"

#include "lib/cleanup.h"
#include "lib/elf_file.h"
#include "runtime/features_P.h"
#include "runtime/perf_probe.h"
#include "runtime/uprobe_link.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21) /* linux/ptrace.h, which clashes with sys/ptrace.h */
#endif

int features_load_trivial(uint32_t flags, enum bpf_attach_type type)
{
    static const struct bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .prog_flags = flags, .expected_attach_type = type);

    return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "syscare_trial", "GPL", code, 2, &options);
}

uint64_t features_offset(uintptr_t address)
{
    cleanup_file FILE *maps = fopen("/proc/self/maps", "re");
    unsigned long start, end, offset;
    char line[512];

    while (maps && fgets(line, sizeof(line), maps))
        if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 && address >= start &&
            address < end)
            return address - start + offset;
    return 0;
}

/* Attaches a program that does nothing by a link. Returns that, or -1. */
static int link_offset(int self, uint64_t offset)
{
    const enum bpf_attach_type type = (enum bpf_attach_type)UPROBE_MULTI_ATTACH_TYPE;
    cleanup_close int program = features_load_trivial(BPF_F_SLEEPABLE, type);
    const uint64_t cookie = 1;

    return program < 0 ? -1 : uprobe_link_create(program, self, &offset, &cookie, 1, NULL);
}

int features_probe_offset(uint64_t offset)
{
    cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const struct perf_probe probe = {.file_fd = self, .offset = offset};
    int link = self < 0 || !offset ? -1 : link_offset(self, offset);

    return link >= 0 || self < 0 ? link : perf_probe_open(&probe, NULL);
}

/* Attaches a program that does nothing to a function of our own. */
static bool try_uprobe_multi(void)
{
    cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    uint64_t offset = features_offset((uintptr_t)features_load_trivial);
    cleanup_close int link = self < 0 || !offset ? -1 : link_offset(self, offset);

    return link >= 0;
}

/* Takes a descriptor of our own. */
static bool try_pidfd_getfd(void)
{
    cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    cleanup_close int copy = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0);

    /* EBADF: the call is there, only descriptor 0 is not. */
    return copy >= 0 || (pidfd >= 0 && errno == EBADF);
}

/* Traces a child with the option; kernels without CHECKPOINT_RESTORE or SECCOMP refuse it. */
static bool try_suspend_seccomp(void)
{
    pid_t child = fork();
    bool works;

    if (child == 0) {
        pause();
        _exit(0);
    }
    if (child < 0)
        return false;
    works = ptrace(PTRACE_SEIZE, child, 0, PTRACE_O_SUSPEND_SECCOMP) == 0;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return works;
}

void features_probe(struct features *features)
{
    cleanup_close int sleepable = features_load_trivial(BPF_F_SLEEPABLE, 0);
    cleanup_close int plain = features_load_trivial(0, 0);

    memset(features, 0, sizeof(*features));
    features->btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
    features->ring_buffer = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1;
    features->sleepable = sleepable >= 0;
    /* libbpf takes a kernel for able that does not say that the helper is unknown. */
    features->cookies =
        plain >= 0 &&
        libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL) == 1;
    features->uprobe_multi = try_uprobe_multi();
    features->perf_uprobes = perf_probe_type(NULL) >= 0;
    features->nop_probes = features_try_nop();
    features->pidfd_getfd = try_pidfd_getfd();
    features->suspend_seccomp = try_suspend_seccomp();
}

const char *features_missing(const struct features *features, enum uprobes_way way)
{
    const bool perf = way != UPROBES_MULTI_HOLD;
    const bool cookies = uprobes_holds(way) || way == UPROBES_PERF_ASYNC;

    if (!perf && !features->uprobe_multi)
        return "uprobe_multi links";
    if (perf && !features->perf_uprobes)
        return "uprobes as perf events";
    if (uprobes_holds(way) && !features->sleepable)
        return "sleepable BPF programs";
    if (uprobes_holds(way) && !features->btf)
        return "BTF";
    if (cookies && !features->cookies)
        return "BPF cookies";
    return uprobes_bpf(way) && !features->ring_buffer ? "BPF ring buffers" : NULL;
}

void features_log(const struct features *features, const struct log *log)
{
    const struct {
        bool there;
        const char *name, *meaning;
    } table[] = {
        {features->btf, "kernel BTF", "first callers cannot be held"},
        {features->ring_buffer, "BPF ring buffer", "first callers are sampled at best"},
        {features->cookies, "BPF cookies", "first callers cannot be held"},
        {features->sleepable, "sleepable BPF (uprobe.s)", "first callers cannot be held"},
        {features->uprobe_multi, "uprobe_multi links", "functions are probed one by one"},
        {features->perf_uprobes, "uprobes as perf events", "first callers are held, or not seen"},
        {features->nop_probes, "harmless probes on nops", "patches of some functions are refused"},
        {features->pidfd_getfd, "pidfd_getfd", "patch files are opened by path in the target"},
        {features->suspend_seccomp, "PTRACE_O_SUSPEND_SECCOMP", "sandboxed processes can refuse"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].there)
            log_write(log, LOG_DEBUG, NULL, "kernel feature: %s: yes", table[i].name);
        else
            log_write(log, LOG_WARNING, NULL, "kernel feature: %s: missing: %s", table[i].name,
                      table[i].meaning);
    }
}

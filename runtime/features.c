// SPDX-License-Identifier: GPL-2.0-or-later
// What this kernel can do, found out by trying, never by its version.
#include "runtime/features.h"

#include "lib/cleanup.h"
#include "lib/elf_file.h"
#include "runtime/features_P.h"
#include "runtime/uprobe_link.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21) /* linux/ptrace.h, which clashes with sys/ptrace.h */
#endif

#define TRIAL_SLOT (HOLD_SLOTS_MAX - 1)
#define TRIAL_TIMEOUT_MS 1000
#define TRIAL_UUID "00000000-0000-0000-0000-000000000000"

/* The function that the trial child is held in. It has a first instruction that can be probed. */
__attribute__((noinline, noclone, used)) static int trial_function(int value)
{
    __asm__ volatile("" ::: "memory");
    return value + 1;
}

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

/* Attaches a program that does nothing to our own trial function. */
static bool try_uprobe_multi(void)
{
    const enum bpf_attach_type type = (enum bpf_attach_type)UPROBE_MULTI_ATTACH_TYPE;
    cleanup_close int program = features_load_trivial(BPF_F_SLEEPABLE, type);
    cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    cleanup_close int link = -1;
    uint64_t offset = features_offset((uintptr_t)trial_function), cookie = 1;

    if (program < 0 || self < 0 || !offset)
        return false;
    link = uprobe_link_create(program, self, &offset, &cookie, 1, NULL);
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

    memset(features, 0, sizeof(*features));
    features->btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
    features->ring_buffer = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1;
    features->sleepable = sleepable >= 0;
    features->cookies =
        libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL) == 1;
    features->uprobe_multi = try_uprobe_multi();
    features->nop_probes = features_try_nop();
    features->pidfd_getfd = try_pidfd_getfd();
    features->suspend_seccomp = try_suspend_seccomp();
}

/* The child: calls the function when told to, after the link is there. */
static pid_t start_trial_child(int *go)
{
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    child = fork();
    if (child == 0) {
        char byte;

        close(ends[1]);
        if (read(ends[0], &byte, 1) != 1)
            _exit(2);
        _exit(trial_function(41) == 42 ? 0 : 1);
    }
    close(ends[0]);
    *go = ends[1];
    return child;
}

/* What the trial's callback fills. */
struct trial {
    pid_t child;
    uint64_t held_at;
};

static void note_event(const struct hold_event *event, void *data)
{
    struct trial *trial = data;

    if ((pid_t)event->tgid == trial->child)
        trial->held_at = event->time;
}

/* Waits for the event of the held child. */
static void await_event(struct hold *hold, struct trial *trial)
{
    uint64_t end = hold_clock() + TRIAL_TIMEOUT_MS * 1000000ull;

    while (!trial->held_at && hold_clock() < end) {
        struct pollfd poll_fd = {.fd = hold_events_fd(hold), .events = POLLIN};

        poll(&poll_fd, 1, 10);
        hold_events_read(hold, note_event, trial);
    }
}

/* Interrupts the held child; true if it stopped before its limit let it go anyway. */
static bool fetch_child(const struct trial *trial, uint64_t limit_ns)
{
    int status;

    if (ptrace(PTRACE_SEIZE, trial->child, 0, 0) < 0 ||
        ptrace(PTRACE_INTERRUPT, trial->child, 0, 0) < 0 ||
        waitpid(trial->child, &status, __WALL) < 0 || !WIFSTOPPED(status))
        return false;
    /* It ends with status 0 only if the wait is over and the function then ran to its end. */
    return hold_clock() - trial->held_at < limit_ns;
}

/* The whole way of a first caller, with a child as the target and us as the injector. */
static int run_trial(struct hold *hold, pid_t child, int go, struct sc_error **err)
{
    struct trial trial = {.child = child};
    struct hold_function function = {.offset = features_offset((uintptr_t)trial_function)};
    cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    /* A jump that no code looks like, so that it is never there. */
    function.site.opcode = function.site.opcode_mask = 0xffffffff;
    function.site.jump_size = 4;
    if (self < 0 || hold_slot_fill(hold, TRIAL_SLOT, TRIAL_UUID, &function, 1, err) < 0 ||
        hold_link(hold, TRIAL_SLOT, TRIAL_UUID, &function, 1, self, err) < 0 ||
        hold_slot_enable(hold, TRIAL_SLOT, true, err) < 0)
        return -1;
    hold_alive(hold, 2 * TRIAL_TIMEOUT_MS * 1000000ull);
    if (write(go, "g", 1) != 1)
        return sc_error_errno(err, "cannot tell the child to go");
    await_event(hold, &trial);
    if (!trial.held_at)
        return sc_error_set(err, SC_FAILED, "the BPF program did not report the call");
    if (!fetch_child(&trial, hold_limit(hold)))
        return sc_error_set(err, SC_FAILED, "the held thread did not stop for its tracer");
    return 0;
}

int features_probe_hold(struct features *features, struct hold *hold, struct sc_error **err)
{
    cleanup_close int go = -1;
    const uint64_t limit_ns = hold_limit(hold);
    pid_t child = start_trial_child(&go);
    int result;

    if (child < 0)
        return sc_error_errno(err, "cannot start a child");
    /* Whether it works is the question here, not how fast: at boot the machine is busy. */
    hold_set_limit(hold, TRIAL_TIMEOUT_MS * 1000000ull);
    result = run_trial(hold, child, go, err);
    hold_set_limit(hold, limit_ns);
    hold_alive(hold, 0);
    hold_slot_clear(hold, TRIAL_SLOT, 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, __WALL);
    features->hold = result == 0;
    return result;
}

bool features_lazy(const struct features *features)
{
    return features->uprobe_multi && features->sleepable && features->hold;
}

void features_log(const struct features *features, const struct log *log)
{
    const struct {
        bool there;
        const char *name, *meaning;
    } table[] = {
        {features->btf, "kernel BTF", "processes started later are not patched"},
        {features->ring_buffer, "BPF ring buffer", "processes started later are not patched"},
        {features->cookies, "BPF cookies", "processes started later are not patched"},
        {features->sleepable, "sleepable BPF (uprobe.s)", "first callers cannot be held"},
        {features->uprobe_multi, "uprobe_multi links", "processes started later are not patched"},
        {features->nop_probes, "harmless probes on nops", "patches of some functions are refused"},
        {features->hold, "hold of first callers", "processes started later are not patched"},
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
    log_write(log, LOG_INFO, NULL,
              features_lazy(features)
                  ? "kernel: running processes are switched at once, later ones at their first call"
                  : "kernel: cannot hold first callers, so patches cannot be activated here");
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Tries out, with a child, the ways in which first callers can be noticed, and takes the first that
// works.
#include "runtime/features_P.h"

#include "lib/cleanup.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define TRIAL_SLOT (HOLD_SLOTS_MAX - 1)
#define TRIAL_TIMEOUT_MS 3000
#define TRIAL_UUID "00000000-0000-0000-0000-000000000000"

/* The function that the trial child is held in. It has a first instruction that can be probed. */
__attribute__((noinline, noclone, used)) static int trial_function(int value)
{
    __asm__ volatile("" ::: "memory");
    return value + 1;
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
        return sc_error_set(err, SC_FAILED, "the call was not reported");
    if (hold_waits(hold) && !fetch_child(&trial, hold_limit(hold)))
        return sc_error_set(err, SC_FAILED, "the held thread did not stop for its tracer");
    return 0;
}

/* Whether callers are noticed, and held, in the way that is open. 0, or -1 with err set. */
static int try_hold(struct hold *hold, struct sc_error **err)
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
    hold_continue(hold, child);
    kill(child, SIGKILL);
    waitpid(child, NULL, __WALL);
    return result;
}

/* Opens one way and tries it out. NULL with err set. */
static struct hold *open_way(const struct features *features, const struct hold_settings *settings,
                             struct sc_error **err)
{
    const char *missing = features_missing(features, settings->way);
    struct hold *hold;

    if (missing) {
        sc_error_set(err, SC_FAILED, "the kernel has no %s", missing);
        return NULL;
    }
    if (uprobes_bpf(settings->way) && !settings->pin_dir) {
        sc_error_set(err, SC_FAILED, "there is no BPF file system");
        return NULL;
    }
    hold = hold_open(settings, err);
    if (hold && hold_exclude(hold, getpid(), err) == 0 && try_hold(hold, err) == 0)
        return hold;
    hold_close(hold);
    return NULL;
}

struct hold *features_open_hold(const struct features *features,
                                const struct hold_settings *settings, const struct log *log,
                                struct sc_error **err)
{
    for (int way = 0; way < UPROBES_WAYS; way++) {
        struct hold_settings wanted = *settings;
        struct hold *hold;

        wanted.way = (enum uprobes_way)way;
        if (!uprobes_allowed(settings->way, wanted.way))
            continue;
        hold = open_way(features, &wanted, err);
        if (hold)
            return hold;
        log_write(log, LOG_INFO, NULL, "uprobes cannot be used as %s: %s", uprobes_name(wanted.way),
                  (*err)->message);
    }
    return NULL;
}

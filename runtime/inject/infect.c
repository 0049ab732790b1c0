// SPDX-License-Identifier: GPL-2.0-or-later
// Makes a stopped thread of the target execute system calls or a function, and puts it back.
#include "runtime/inject/infect.h"
#include "lib/cleanup.h"
#include "runtime/inject/fault.h"
#include "runtime/inject/gadget.h"
#include "runtime/inject/memory.h"
#include "runtime/inject/stop.h"
#include "runtime/inject/task.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#define EVENT_STOP 128
#define CALL_TIMEOUT_NS UINT64_C(1000000000)
#define CALL_ATTEMPTS 4

/* With the call that the host waits in; and how long it waits there if we are dead by then. */
#define CHAIN_ROOM arch_chain_room(INFECT_CHAIN_MAX + 1)
#define CHAIN_PAUSE_NS 200000000
#define CHAIN_NUDGE_NS 20000

/* <linux/ptrace.h>, Linux 5.13; not in the <sys/ptrace.h> of older distributions. */
#define GET_RSEQ_CONFIGURATION 0x420f
#define O_SUSPEND_SECCOMP (1 << 21)

struct rseq_configuration {
    uint64_t address;
    uint32_t size, signature, flags, pad;
};

struct rseq_section {
    uint32_t version, flags;
    uint64_t start, size, abort;
};

/*
 * In a restartable sequence a thread must not be moved and brought back: the kernel would forget
 * that it was in one, and per-CPU data of the program would be torn.
 */
static int rseq_check(struct job *job, const struct tracee *host)
{
    struct rseq_configuration configuration = {0};
    struct rseq_section section;
    uint64_t pointer = 0;

    if (ptrace((enum __ptrace_request)GET_RSEQ_CONFIGURATION, host->tid,
               (void *)sizeof(configuration), &configuration) < 0 ||
        configuration.address == 0)
        return 0;
    if (!process_read(job->process, configuration.address + 8, &pointer, sizeof(pointer)) ||
        pointer == 0 || !process_read(job->process, pointer, &section, sizeof(section)))
        return 0;
    if (arch_regs_ip(&host->regs) - section.start >= section.size)
        return 0;
    job->reply->tid = host->tid;
    reply_set(job->reply, INJECT_BUSY, "thread %d is in a restartable sequence", host->tid);
    return JOB_RETRY;
}

/* Properties of the process that would make an injected call fatal or give writable code. */
static int host_check(struct job *job, struct infection *infection)
{
    const struct tracee *host = infection->host;
    struct task_status status;
    uint64_t seccomp = 0;
    int options = PTRACE_O_TRACESYSGOOD;

    if (!arch_regs_native(&host->regs))
        return reply_set(job->reply, INJECT_BITS32, "thread %d runs 32-bit code", host->tid);
    task_status_read(host->tgid, host->tid, &status);
    if (task_status_has(&status, "x86_Thread_features:", "shstk"))
        return reply_set(job->reply, INJECT_UNSUPPORTED, "it uses a shadow stack");
    task_status_find(&status, "Seccomp:", 10, &seccomp);
    infection->filtered = seccomp != 0;
    /* Only once it is stopped: a running thread must not be without its filter. */
    if (seccomp && trace(job->injector, PTRACE_SETOPTIONS, host->tid, NULL,
                         (void *)(long)(options | O_SUSPEND_SECCOMP)) < 0)
        return reply_set(job->reply, INJECT_UNSUPPORTED,
                         "it has a seccomp filter that cannot be suspended: %s", strerror(errno));
    return rseq_check(job, host);
}

/* The extended state of the host; its size, or -1. *regset: what it was read as. */
static ssize_t fpu_get(const struct tracee *host, void *fpu, size_t size, int *regset)
{
    struct iovec iov = {fpu, size};

    *regset = arch_fpu_regset();

    if (ptrace(PTRACE_GETREGSET, host->tid, (void *)(long)arch_fpu_regset(), &iov) == 0)
        return iov.iov_len < size ? (ssize_t)iov.iov_len : -1;
    iov = (struct iovec){fpu, size};
    *regset = arch_fpu_regset_plain();
    if (ptrace(PTRACE_GETREGSET, host->tid, (void *)(long)arch_fpu_regset_plain(), &iov) == 0)
        return (ssize_t)iov.iov_len;
    return -1;
}

static int frame_write(struct job *job, struct infection *infection, const uint8_t *fpu,
                       size_t fpu_size)
{
    struct tracee *host = infection->host;
    cleanup_free uint8_t *image = malloc(arch_frame_room(fpu_size));
    size_t size;

    if (!image)
        return reply_set(job->reply, INJECT_FAILED, "out of memory");
    arch_frame_build(infection->room.top, &host->regs, fpu, fpu_size, infection->signal_mask,
                     &infection->gadgets, image, &size, &infection->frame);
    infection->scratch = (infection->frame - INFECT_SCRATCH) & ~UINT64_C(15);
    if (memory_write(job, host->tid, infection->frame, image, size) < 0)
        return reply_set(job->reply, INJECT_FAILED, "writing to the stack: %s", strerror(errno));
    return 0;
}

static int begin(struct job *job, struct tracee *host, struct infection *infection, uint64_t stack)
{
    cleanup_free uint8_t *fpu = calloc(1, ARCH_FPU_MAX);
    ssize_t fpu_size;
    int result, regset;

    *infection = (struct infection){.host = host};
    if (!fpu)
        return reply_set(job->reply, INJECT_FAILED, "out of memory");
    result = host_check(job, infection);
    if (result == 0)
        result = gadgets_find(job, host->tid, &infection->gadgets);
    if (result)
        return result;
    fpu_size = fpu_get(host, fpu, ARCH_FPU_MAX, &regset);
    if (fpu_size < 0 || ptrace(PTRACE_GETSIGMASK, host->tid, (void *)sizeof(infection->signal_mask),
                               &infection->signal_mask) < 0)
        return reply_set(job->reply, INJECT_FAILED, "state of thread %d: %s", host->tid,
                         strerror(errno));
    stack += arch_frame_room((size_t)fpu_size) + INFECT_SCRATCH + 64;
    /* Without the filter being asked: if we die in a chain, it would be asked for all the rest. */
    infection->chains = !infection->filtered && arch_regs_may_chain(&host->regs) &&
                        room_find(job, host, stack + CHAIN_ROOM, &infection->room) == 0;
    result = infection->chains ? 0 : room_find(job, host, stack, &infection->room);
    return result ? result : frame_write(job, infection, fpu, (size_t)fpu_size);
}

int infect_begin(struct job *job, struct tracee *host, struct infection *infection)
{
    return begin(job, host, infection, 0);
}

int infect_begin_function(struct job *job, struct tracee *host, struct infection *infection)
{
    return begin(job, host, infection, INFECT_FUNCTION_STACK);
}

/*
 * The host did not come back: it is not ours to touch any more, its frame brings it home. Unless
 * waitpid(2) has told its end, it goes to the pending table, where that is waited for.
 */
static int host_lost(struct job *job, struct infection *infection, bool gone)
{
    struct tracee *host = infection->host;

    host->stopped = false;
    host->gone = gone;
    if (gone)
        return reply_set(job->reply, INJECT_GONE, "thread %d ended", host->tid);
    trace(job->injector, PTRACE_INTERRUPT, host->tid, NULL, NULL);
    job->reply->tid = host->tid;
    return reply_set(job->reply, INJECT_BUSY, "thread %d did not return from a system call",
                     host->tid);
}

/*
 * Resumes the host until the stop that is wanted: at the entry of the system call, or by our
 * interrupt. Stops of other kinds are passed over; SIGSTOP is the only signal not blocked.
 */
static int host_run(struct job *job, struct infection *infection, int request, bool entry)
{
    uint64_t until = clock_now() + CALL_TIMEOUT_NS;
    pid_t tid = infection->host->tid;
    bool filtered = infection->filtered && !entry;
    int signal = 0;

    for (;;) {
        enum wait_result result;
        int status = 0;

        /* The one place where our death cannot be made harmless: see infect.h. */
        if (!filtered)
            fault_point(job->injector);
        if (ptrace((enum __ptrace_request)request, tid, NULL, (void *)(long)signal) < 0)
            return host_lost(job, infection, false);
        result = tracee_wait(job->injector, tid, &status, until);
        if (result != WAIT_STOPPED)
            return host_lost(job, infection, result == WAIT_GONE);
        if (entry && WSTOPSIG(status) == (SIGTRAP | 0x80))
            return 0;
        if (!entry && status >> 16 == EVENT_STOP)
            return 0;
        signal = status >> 16 || WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
        if (!entry)
            trace(job->injector, PTRACE_INTERRUPT, tid, NULL, NULL);
    }
}

/*
 * Only after the registers point to the frame, which holds the true mask: were it the other way
 * round, our death in between would leave the thread deaf.
 */
static int signals_block(struct job *job, struct infection *infection)
{
    uint64_t all = ~UINT64_C(0);

    if (infection->masked)
        return 0;
    if (trace(job->injector, PTRACE_SETSIGMASK, infection->host->tid, (void *)sizeof(all), &all) <
        0)
        return host_lost(job, infection, false);
    infection->masked = true;
    return 0;
}

/*
 * The thread enters rt_sigreturn, which stops at its entry, and is given the call that we want
 * only there. So a seccomp filter, which comes back to life when we die, sees a forbidden call
 * only if that happens between the last two ptrace requests here.
 */
static int call_once(struct job *job, struct infection *infection, long number,
                     const uint64_t arguments[6], int64_t *result)
{
    struct arch_regs regs = infection->host->regs;
    pid_t tid = infection->host->tid;

    arch_regs_set_return(&regs, &infection->gadgets, infection->frame);
    if (registers_set(job->injector, tid, &regs) < 0)
        return host_lost(job, infection, false);
    if (signals_block(job, infection) < 0 || host_run(job, infection, PTRACE_SYSCALL, true) < 0)
        return -1;
    /* Already in the call: the next thing after it is a stop, before "return" is executed. */
    trace(job->injector, PTRACE_INTERRUPT, tid, NULL, NULL);
    if (registers_get(job->injector, tid, &regs) < 0)
        return host_lost(job, infection, false);
    arch_regs_set_call(&regs, infection->frame, number, arguments);
    if (registers_set(job->injector, tid, &regs) < 0 ||
        host_run(job, infection, PTRACE_CONT, false) < 0)
        return infection->host->stopped ? host_lost(job, infection, false) : -1;
    if (registers_get(job->injector, tid, &regs) < 0)
        return host_lost(job, infection, false);
    *result = arch_regs_result(&regs);
    return 0;
}

int infect_call(struct job *job, struct infection *infection, long number,
                const uint64_t arguments[6], int64_t *result)
{
    /* Our interrupt may cut a call short (EINTR, or one of the kernel's restart codes 512…516). */
    for (int attempt = 0; attempt < CALL_ATTEMPTS; attempt++) {
        if (call_once(job, infection, number, arguments, result) < 0)
            return -1;
        if (*result != -EINTR && !(*result <= -512 && *result >= -516))
            return 0;
    }
    return 0;
}

/* A stop that is none of ours: the signal is passed on, and the chain goes on. */
static int chain_continue(struct infection *infection, int status)
{
    int signal = status >> 16 ? 0 : WSTOPSIG(status);

    return ptrace(PTRACE_CONT, infection->host->tid, NULL, (void *)(long)signal) < 0 ? -1 : 0;
}

/* poll(2) for a moment without sleeping, where that pays. */
static bool chain_told(struct injector *injector, struct pollfd *fd)
{
    bool told = false;
    uint64_t end;

    if (!spin_worth(injector))
        return poll(fd, 1, 0) > 0;
    end = clock_now() + SPIN_NS;
    while (!told && clock_now() < end)
        told = poll(fd, 1, 0) > 0;
    spin_judge(injector, told);
    return told;
}

/* Waits until the host has told that all calls are made. */
static int chain_wait(struct job *job, struct infection *infection, int notify, uint64_t until)
{
    struct pollfd fd = {.fd = notify, .events = POLLIN};

    if (chain_told(job->injector, &fd))
        return 0;
    while (poll(&fd, 1, 1) <= 0) {
        int status = 0;
        pid_t found = waitpid(infection->host->tid, &status, __WALL | WNOHANG);

        if ((found < 0 && errno != EINTR) || (found > 0 && !WIFSTOPPED(status)))
            return host_lost(job, infection, true);
        if ((found > 0 && chain_continue(infection, status) < 0) || clock_now() >= until)
            return host_lost(job, infection, false);
    }
    return 0;
}

/* Stops the host where it waits. It may just be on its way from the last call to there. */
static int chain_stop(struct job *job, struct infection *infection, uint64_t until)
{
    const struct timespec moment = {0, CHAIN_NUDGE_NS};
    pid_t tid = infection->host->tid;
    struct arch_regs regs;

    for (;;) {
        enum wait_result result;
        int status = 0;

        trace(job->injector, PTRACE_INTERRUPT, tid, NULL, NULL);
        result = tracee_wait(job->injector, tid, &status, until);
        if (result != WAIT_STOPPED)
            return host_lost(job, infection, result == WAIT_GONE);
        if (registers_get(job->injector, tid, &regs) < 0)
            return host_lost(job, infection, false);
        if (status >> 16 == EVENT_STOP && arch_chain_done(&regs, infection->frame))
            return 0;
        if (chain_continue(infection, status) < 0)
            return host_lost(job, infection, false);
        nanosleep(&moment, NULL);
    }
}

/* The chain, and at its end a call that waits, in the host's memory. */
static int chain_write(struct job *job, struct infection *infection, const struct arch_call *calls,
                       size_t count, uint64_t *start)
{
    const struct timespec pause = {0, CHAIN_PAUSE_NS};
    /* The last bytes of the scratch memory: the first ones are the callers'. */
    uint64_t time = infection->scratch + INFECT_SCRATCH - sizeof(pause);
    const struct arch_call wait = {SYS_ppoll, {0, 0, time, 0, sizeof(uint64_t)}};
    struct arch_call all[INFECT_CHAIN_MAX + 1];
    cleanup_free uint8_t *image = malloc(CHAIN_ROOM);
    cleanup_free uint8_t *last = malloc(arch_chain_look());
    size_t size;

    if (!image || !last || count > INFECT_CHAIN_MAX)
        return reply_set(job->reply, INJECT_FAILED, "out of memory");
    if (!process_read(job->process, infection->frame, last, arch_chain_look()))
        return reply_set(job->reply, INJECT_FAILED, "its stack cannot be read");
    memcpy(all, calls, count * sizeof(*calls));
    all[count] = wait;
    arch_chain_build(all, count + 1, &infection->host->regs, &infection->gadgets,
                     infection->scratch, infection->frame, last, image, &size, start);
    if (memory_write(job, infection->host->tid, *start, image, size) < 0 ||
        memory_write(job, infection->host->tid, time, &pause, sizeof(pause)) < 0)
        return reply_set(job->reply, INJECT_FAILED, "writing to the stack: %s", strerror(errno));
    return 0;
}

int infect_chain(struct job *job, struct infection *infection, const struct arch_call *calls,
                 size_t count, int notify)
{
    uint64_t until = clock_now() + CALL_TIMEOUT_NS;
    struct arch_regs regs = infection->host->regs;
    pid_t tid = infection->host->tid;
    uint64_t start;

    if (chain_write(job, infection, calls, count, &start) < 0)
        return -1;
    arch_regs_set_return(&regs, &infection->gadgets, start);
    if (registers_set(job->injector, tid, &regs) < 0)
        return host_lost(job, infection, false);
    if (signals_block(job, infection) < 0)
        return -1;
    if (trace(job->injector, PTRACE_CONT, tid, NULL, NULL) < 0)
        return host_lost(job, infection, false);
    fault_point(job->injector);
    if (chain_wait(job, infection, notify, until) < 0)
        return -1;
    return chain_stop(job, infection, until);
}

/* What is in the extended registers, in the form in which it goes back. */
struct extended_state {
    uint8_t *data;
    size_t size;
    int regset;
};

static int extended_get(struct job *job, const struct tracee *host, struct extended_state *state)
{
    ssize_t size;

    *state = (struct extended_state){.data = calloc(1, ARCH_FPU_MAX)};
    size = state->data ? fpu_get(host, state->data, ARCH_FPU_MAX, &state->regset) : -1;
    state->size = (size_t)size;
    return size < 0 ? reply_set(job->reply, INJECT_FAILED, "state of thread %d", host->tid) : 0;
}

static int extended_put(struct job *job, const struct tracee *host,
                        const struct extended_state *state)
{
    struct iovec iov = {state->data, state->size};

    if (trace(job->injector, PTRACE_SETREGSET, host->tid, (void *)(long)state->regset, &iov) == 0)
        return 0;
    return reply_set(job->reply, INJECT_FAILED, "state of thread %d: %s", host->tid,
                     strerror(errno));
}

/*
 * Lets the host run until it enters the rt_sigreturn that the function returns to. Its system calls
 * stop it twice each; they are passed over.
 */
static int function_wait(struct job *job, struct infection *infection, uint64_t until)
{
    struct tracee *host = infection->host;
    int signal = 0;

    for (;;) {
        enum wait_result result;
        struct arch_regs regs;
        int status = 0;

        if (trace(job->injector, PTRACE_SYSCALL, host->tid, NULL, (void *)(long)signal) < 0)
            return host_lost(job, infection, false);
        result = tracee_wait(job->injector, host->tid, &status, until);
        if (result != WAIT_STOPPED)
            return host_lost(job, infection, result == WAIT_GONE);
        signal = status >> 16 || WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
        if (WSTOPSIG(status) != (SIGTRAP | 0x80))
            continue;
        if (registers_get(job->injector, host->tid, &regs) < 0)
            return host_lost(job, infection, false);
        if (arch_regs_function_returned(&regs, infection->frame))
            return 0;
    }
}

/* From the entry of rt_sigreturn to where injected system calls end: see call_once. */
static int function_end(struct job *job, struct infection *infection)
{
    struct arch_regs regs;
    pid_t tid = infection->host->tid;

    trace(job->injector, PTRACE_INTERRUPT, tid, NULL, NULL);
    if (registers_get(job->injector, tid, &regs) < 0)
        return host_lost(job, infection, false);
    arch_regs_set_pause(&regs, &infection->gadgets, infection->frame);
    if (registers_set(job->injector, tid, &regs) < 0)
        return host_lost(job, infection, false);
    return host_run(job, infection, PTRACE_CONT, false);
}

int infect_function(struct job *job, struct infection *infection, uint64_t address, uint64_t until)
{
    struct arch_regs regs = infection->host->regs;
    struct extended_state state;
    int result = extended_get(job, infection->host, &state);

    if (result == 0) {
        arch_regs_set_function(&regs, address, infection->frame);
        if (registers_set(job->injector, infection->host->tid, &regs) < 0)
            result = host_lost(job, infection, false);
    }
    if (result == 0)
        result = signals_block(job, infection);
    if (result == 0)
        result = function_wait(job, infection, until);
    if (result == 0)
        result = function_end(job, infection);
    if (result == 0)
        result = extended_put(job, infection->host, &state);
    free(state.data);
    return result;
}

/*
 * Mask first: should we die between the two, the thread returns through its frame. The stop is one
 * by interrupt, so the kernel looks at the registers for a call to restart when it goes on.
 */
void infect_end(struct job *job, struct infection *infection)
{
    struct tracee *host = infection->host;

    if (!infection->masked || !host->stopped)
        return;
    trace(job->injector, PTRACE_SETSIGMASK, host->tid, (void *)sizeof(infection->signal_mask),
          &infection->signal_mask);
    registers_set(job->injector, host->tid, &host->regs);
    trace(job->injector, PTRACE_SETOPTIONS, host->tid, NULL, (void *)(long)PTRACE_O_TRACESYSGOOD);
    infection->masked = false;
    room_leave(job, host, &infection->room);
}

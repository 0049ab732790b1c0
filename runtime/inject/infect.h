/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls made by a stopped thread of the target on our behalf.
 *
 * The thread's whole state is first written as a signal frame below its red zone, or to other
 * memory that is free (room.h). Each call then runs the target's own "syscall; ret" on top of that
 * frame, whose return address is the target's own rt_sigreturn. So if we die, at whichever
 * instruction, the thread finishes the call at hand, returns into rt_sigreturn and is back in its
 * exact old state. Nothing of ours needs to be alive, and no code of ours needs to be in the
 * target. While we live, the state is put back by ptrace instead, because rt_sigreturn would make
 * an interrupted nanosleep(2) fail with EINTR.
 *
 * One window remains, in processes with a seccomp filter that kills for mmap, socketpair, recvmsg,
 * close or munmap. PTRACE_O_SUSPEND_SECCOMP ends with us, and the kernel asks the filter after the
 * stop at the entry of a call. If we die between telling the thread which call to make and its
 * passing the filter (two adjacent ptrace requests, microseconds), the filter acts.
 */
#ifndef SYSCARE_INJECT_INFECT_H
#define SYSCARE_INJECT_INFECT_H

#include "runtime/inject/injector.h"
#include "runtime/inject/room.h"

/* Memory below the frame for arguments of the calls. */
#define INFECT_SCRATCH 512

struct infection {
    struct tracee *host;
    struct arch_gadgets gadgets;
    struct room room;     /* where the frame stands */
    uint64_t signal_mask; /* of the host */
    uint64_t frame;       /* stack pointer of the injected calls */
    uint64_t scratch;     /* INFECT_SCRATCH bytes that may be used */
    bool masked;          /* the host's signals are blocked */
    bool filtered;        /* a seccomp filter is suspended */
    bool chains;          /* infect_chain can be used */
};

/* Calls that a chain may have. */
#define INFECT_CHAIN_MAX 24

/*
 * Prepares a stopped thread whose process job->process shows. 0; JOB_RETRY with the reply set when
 * this thread cannot be used as it stands now (another may); -1 when the process cannot be helped.
 */
int infect_begin(struct job *job, struct tracee *host, struct infection *infection);

/*
 * Makes one system call with the arguments given; *result is what it returned, -errno on failure.
 * 0, or -1 with the reply set when the thread did not come back; it is then no longer in a stop.
 */
int infect_call(struct job *job, struct infection *infection, long number,
                const uint64_t arguments[6], int64_t *result);

/*
 * Makes up to INFECT_CHAIN_MAX system calls without a stop between them; an injected call costs two
 * stops, which is most of what there is to pay. Only where infection->chains is true. The calls'
 * results are lost. The last one has to tell: it makes notify readable, or hangs it up. 0, or -1 as
 * infect_call. If we die, the thread makes the remaining calls and comes back a moment later.
 */
int infect_chain(struct job *job, struct infection *infection, const struct arch_call *calls,
                 size_t count, int notify);

/* Stack that a function called by infect_function may use. */
#define INFECT_FUNCTION_STACK 16384

/*
 * Has the host call a function of the patch, without arguments, in place of a system call; its
 * system calls are not filtered by seccomp meanwhile. The host's extended registers are kept. Only
 * after infect_begin_function. 0 when it has returned; -1 with the reply set: when it has not
 * before until (ns) the host goes on in it, comes back to its own state by itself, and the reply
 * says INJECT_BUSY.
 */
int infect_function(struct job *job, struct infection *infection, uint64_t address, uint64_t until);

/* As infect_begin, and there is room for INFECT_FUNCTION_STACK. */
int infect_begin_function(struct job *job, struct tracee *host, struct infection *infection);

/* Puts the host's state back. It is stopped as before. Does nothing when the host is lost. */
void infect_end(struct job *job, struct infection *infection);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
// Brings one process to the state that a live patch asks for.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/opt_out.h"
#include "runtime/switcher_P.h"

#include <linux/kcmp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEADLINE_MIN_MS 20
#define DEADLINE_MAX_MS 60000

/* Between two looks at a process that another injector of ours has not let go of yet. */
#define OWN_TRACER_NS 2000000

/*
 * True if they are one process, or share their memory (vfork, CLONE_VM), kcmp(2). Where the kernel
 * cannot tell, they are taken for two, and their injectors meet in run_patiently.
 */
static bool same_memory(pid_t a, pid_t b)
{
    return a == b || syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0) == 0;
}

/*
 * Waits until no other thread works on the process or on one with the same memory: two injectors
 * cannot trace it at once, and each would want all that share it.
 */
static void gate_enter(struct switcher *switcher, pid_t pid)
{
    pthread_mutex_lock(&switcher->lock);
    for (size_t i = 0; i < switcher->busy_count;) {
        if (same_memory(switcher->busy[i++], pid)) {
            pthread_cond_wait(&switcher->gate_open, &switcher->lock);
            i = 0;
        }
    }
    switcher->busy =
        reallocarray(switcher->busy, switcher->busy_count + 1, sizeof(*switcher->busy));
    if (!switcher->busy)
        abort();
    switcher->busy[switcher->busy_count++] = pid;
    pthread_mutex_unlock(&switcher->lock);
}

static void gate_leave(struct switcher *switcher, pid_t pid)
{
    pthread_mutex_lock(&switcher->lock);
    for (size_t i = 0; i < switcher->busy_count; i++) {
        if (switcher->busy[i] == pid) {
            switcher->busy[i] = switcher->busy[--switcher->busy_count];
            break;
        }
    }
    pthread_cond_broadcast(&switcher->gate_open);
    pthread_mutex_unlock(&switcher->lock);
}

/* Parent of a process, 0 when it is gone. */
static pid_t parent_of(pid_t pid)
{
    cleanup_free char *path = sc_format("/proc/%d/status", pid);
    cleanup_file FILE *file = fopen(path, "re");
    char line[256];
    pid_t parent = 0;

    while (file && !parent && fgets(line, sizeof(line), file))
        if (sscanf(line, "PPid: %d", &parent) == 1)
            break;
    return parent;
}

const char *switcher_opt_out(const struct switcher *switcher, pid_t pid)
{
    /* Our injectors stop it: a thread of ours would wait for itself. */
    if (pid == getpid() || parent_of(pid) == getpid())
        return "it is part of syscared: restart that to get the new code";
    return opt_out_reason(switcher->options, pid);
}

/* What is left of the time of the whole pass, but no more than one process may take. */
static uint32_t deadline_ms(const struct switcher *switcher, const struct switch_job *job)
{
    uint64_t now = hold_clock();
    uint64_t left = job->deadline > now ? (job->deadline - now) / 1000000 : 0;
    uint64_t most = switcher->options->timeout_s * 1000ull;

    if (most > DEADLINE_MAX_MS)
        most = DEADLINE_MAX_MS;
    if (left > most)
        left = most;
    return (uint32_t)(left < DEADLINE_MIN_MS ? DEADLINE_MIN_MS : left);
}

/* True if one of our own injectors still has a thread of the process: see below. */
static bool is_ours(const struct inject_reply *reply)
{
    return reply->result == INJECT_TRACED && parent_of(reply->tracer) == getpid();
}

/*
 * A thread that did not stop in time stays with the injector that tried, until it comes out of the
 * kernel; another injector that is asked meanwhile finds it traced, and asks again.
 */
static void run_patiently(struct injector *injector, const struct switch_job *job,
                          const struct injector_job *request, struct inject_reply *reply)
{
    const struct timespec moment = {0, OWN_TRACER_NS};

    injector_run(injector, request, reply);
    while (is_ours(reply) && hold_clock() + OWN_TRACER_NS < job->deadline) {
        nanosleep(&moment, NULL);
        injector_run(injector, request, reply);
    }
}

/* What the injector said, in words for a user. */
static char *describe_reply(const struct inject_reply *reply)
{
    char tracer[16];

    switch ((enum inject_result)reply->result) {
    case INJECT_TRACED:
        if (is_ours(reply))
            return sc_format("busy: one of its threads does not stop (it sleeps in the kernel)");
        process_name(reply->tracer, tracer);
        return sc_format("traced by %d (%s)", reply->tracer, tracer);
    case INJECT_BUSY:
        return sc_format("busy: thread %d%s%s%s%s", reply->tid, reply->function[0] ? " in " : "",
                         reply->function, reply->text[0] ? ": " : "", reply->text);
    default:
        return sc_format("%s%s%s%s%s", inject_result_name((enum inject_result)reply->result),
                         reply->function[0] ? " in " : "", reply->function,
                         reply->text[0] ? ": " : "", reply->text);
    }
}

/* From what the injector says to what the daemon does about it. */
static enum switch_outcome judge_reply(struct switcher *switcher, const struct switch_job *job,
                                       const struct inject_reply *reply)
{
    struct log_about about = {.patch = job->patch->name, .pid = job->pid};
    cleanup_free char *reason = NULL;

    about.result = inject_result_name((enum inject_result)reply->result);
    if (reply->mended)
        log_write(switcher->log, LOG_ERR, &about,
                  "process %d: a uprobe of another tool had broken %u jumps at the entry of "
                  "functions: repaired",
                  job->pid, reply->mended);
    switch ((enum inject_result)reply->result) {
    case INJECT_PATCHED:
    case INJECT_REVERTED:
        log_write(switcher->log, LOG_DEBUG, &about, "switched %u functions in %llu us",
                  reply->functions, (unsigned long long)reply->total_ns / 1000);
        problem_solved(switcher, job->patch->uuid, job->pid);
        return SWITCH_DONE;
    case INJECT_ALREADY:
        problem_solved(switcher, job->patch->uuid, job->pid);
        return SWITCH_ALREADY;
    case INJECT_NOT_MAPPED:
    case INJECT_GONE:
        problem_solved(switcher, job->patch->uuid, job->pid);
        return SWITCH_GONE;
    default:
        reason = describe_reply(reply);
        log_write(switcher->log, LOG_NOTICE, &about, "cannot switch process %d: %s", job->pid,
                  reason);
        problem_record(switcher, job, reason, false);
        return SWITCH_PROBLEM;
    }
}

/* The patches that take over from one that goes, ready in the process. */
struct below_list {
    struct live_list live; /* keeps them */
    int fds[INJECT_BELOW_MAX];
    size_t count;
};

/* Maps one of them in the process. False when it cannot take over there. */
static bool prepare_below(struct switcher *switcher, struct injector *injector,
                          const struct switch_job *job, const struct live_patch *below)
{
    uint64_t covered[INJECT_FUNCTIONS_MAX / 64];
    struct injector_job request = {
        .op = INJECT_APPLY,
        .pid = job->pid,
        .start_time = job->start_time,
        .flags = INJECT_REPLACE | INJECT_PREPARE,
        .deadline_ms = deadline_ms(switcher, job),
        .patch_fd = below->fd,
        .covered = covered,
    };
    struct inject_reply reply;

    live_patch_covered(below, covered);
    run_patiently(injector, job, &request, &reply);
    return reply.result == INJECT_PATCHED || reply.result == INJECT_ALREADY;
}

/*
 * Fallen back to in the same stop as the patch goes: otherwise calls would meet some of its
 * functions and some of theirs. One that cannot be prepared is tried, and told of, by the pass.
 */
static void prepare_belows(struct switcher *switcher, struct injector *injector,
                           const struct switch_job *job, struct below_list *list)
{
    memset(list, 0, sizeof(*list));
    list->live = live_set_list(switcher->live);
    for (size_t i = list->live.count; i-- > 0 && list->count < INJECT_BELOW_MAX;) {
        const struct live_patch *below = list->live.items[i];

        if (atomic_load(&below->wanted) && !atomic_load(&below->shadowed) &&
            live_patch_overlap(below, job->patch) && !switcher_opt_out(switcher, job->pid) &&
            prepare_below(switcher, injector, job, below))
            list->fds[list->count++] = below->fd;
    }
}

/* The switch itself, while no other thread of ours touches the process. */
static enum switch_outcome switch_gated(struct switcher *switcher, struct injector *injector,
                                        const struct switch_job *job)
{
    /*
     * Read with the process to ourselves. Whoever changes it looks through /proc afterwards, and
     * so comes to this process after us.
     */
    bool wanted = atomic_load(&job->patch->wanted);
    const char *left_alone = wanted ? switcher_opt_out(switcher, job->pid) : NULL;
    struct injector_job request = {
        .op = wanted ? INJECT_APPLY : INJECT_REVERT,
        .pid = job->pid,
        .start_time = job->start_time,
        /* Less what is covered, what is wanted is disjoint: another patch's jump is to go. */
        .flags = job->flags | (wanted                            ? INJECT_REPLACE
                               : atomic_load(&job->patch->unmap) ? INJECT_UNMAP
                                                                 : 0),
        .deadline_ms = deadline_ms(switcher, job),
        .patch_fd = job->patch->fd,
        .slot = job->patch->slot,
    };
    uint64_t covered[INJECT_FUNCTIONS_MAX / 64];
    struct below_list below = {.count = 0};
    struct inject_reply reply;

    if (left_alone) {
        problem_record(switcher, job, left_alone, true);
        if (switcher->hold && (job->flags & INJECT_LAZY))
            opt_out_learn(switcher->options, switcher->hold, job->pid);
        return SWITCH_PROBLEM;
    }
    if (wanted) {
        live_patch_covered(job->patch, covered);
        request.covered = covered;
    } else {
        prepare_belows(switcher, injector, job, &below);
        request.below_fds = below.fds;
        request.below_count = below.count;
    }
    run_patiently(injector, job, &request, &reply);
    live_list_clear(&below.live);
    return judge_reply(switcher, job, &reply);
}

enum switch_outcome switch_process(struct switcher *switcher, struct injector *injector,
                                   const struct switch_job *job)
{
    enum switch_outcome outcome;

    if (atomic_load(&job->patch->wanted) && atomic_load(&job->patch->shadowed)) {
        problem_solved(switcher, job->patch->uuid, job->pid);
        return SWITCH_ALREADY;
    }
    gate_enter(switcher, job->pid);
    outcome = switch_gated(switcher, injector, job);
    gate_leave(switcher, job->pid);
    return outcome;
}

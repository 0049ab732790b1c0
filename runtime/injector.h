/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Injector processes, as the daemon uses them: started when first needed, started again when they
 * die. An injector is used by one thread at a time.
 */
#ifndef SYSCARE_RUNTIME_INJECTOR_H
#define SYSCARE_RUNTIME_INJECTOR_H

#include "lib/error.h"
#include "runtime/hold.h"
#include "runtime/inject/protocol.h"
#include "runtime/log.h"

struct injector; /* opaque */

/* What the daemon asks for. */
struct injector_job {
    enum inject_op op;
    pid_t pid;
    uint64_t start_time;  /* /proc/PID/stat field 22, or 0 */
    uint32_t flags;       /* enum inject_flags */
    uint32_t deadline_ms; /* 1..60000 */
    int patch_fd;         /* the patch object */
    /* INJECT_REVERT: patches that take over, the newest first; at most INJECT_BELOW_MAX are used */
    const int *below_fds;
    size_t below_count;
    uint32_t slot;           /* INJECT_LAZY: whose callers are held */
    const uint64_t *covered; /* INJECT_APPLY: inject_request.covered; NULL for none */
};

/*
 * An injector that is not started yet. libexec_dir holds syscare-inject; hold, which must outlive
 * it, excludes it from being held and gives it the release map; NULL for neither.
 */
struct injector *injector_new(const char *libexec_dir, struct hold *hold, const struct log *log);

/* Its processes run with real-time priority: somebody is held until they are done. */
void injector_set_urgent(struct injector *injector);

/* Ends the process. NULL is allowed. */
void injector_free(struct injector *injector);

/* Starts it now rather than with the first job. A failure shows again, and is told, then. */
void injector_prepare(struct injector *injector);

/*
 * Does the job and fills reply. When the injector cannot be started, dies, or does not answer in
 * time, reply->result is INJECT_FAILED with the reason in reply->text: a failed attempt, repaired
 * by the next one. Returns reply->result.
 */
enum inject_result injector_run(struct injector *injector, const struct injector_job *job,
                                struct inject_reply *reply);

/* One word for logs and messages, e.g. "patched", "traced". */
const char *inject_result_name(enum inject_result result);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts targets and injectors, and speaks runtime/inject/protocol.h with the latter. */
#ifndef TESTS_INJECT_SUPPORT_H
#define TESTS_INJECT_SUPPORT_H

#include "runtime/inject/protocol.h"
#include "tests/inject-target.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Directory with the programs that inject-fixtures.sh has made; made at the first call. */
const char *fixtures_dir(void);

struct target {
    pid_t pid;
    struct target_status *status; /* shared with it */
};

/* Starts fixtures_dir()/program; waits until its threads run. */
struct target target_start(const char *program, int threads, int kind, const char *option);

/* Kills it and forgets it. */
void target_end(struct target *target);

/* True while the process lives. */
bool target_alive(const struct target *target);

/* Lets it run for some milliseconds, and until each thread has made calls. */
void target_run(const struct target *target, int milliseconds);

/* Clears the counters; sums one field of struct target_thread over all threads. */
void target_reset(const struct target *target);
uint64_t target_sum(const struct target *target, size_t field);
#define TARGET_SUM(target, field) target_sum(target, offsetof(struct target_thread, field))

/* Nothing was wrong, no EINTR, no state lost. */
void target_assert_clean(const struct target *target);

struct injector_process {
    pid_t pid;
    int socket;
};

/* Starts an injector: faults chooses the build that can be killed at a step. */
struct injector_process injector_start(bool faults);

/* The same without a capability, capabilities(7); -1 for none. */
struct injector_process injector_start_without(bool faults, int capability);
void injector_end(struct injector_process *injector);

/* One request with a patch file (path below fixtures_dir, or absolute). False if it died. */
bool injector_ask(const struct injector_process *injector, struct inject_request request,
                  const char *patch, struct inject_reply *reply);

/* The same in one line: the result. */
enum inject_result injector_do(const struct injector_process *injector, enum inject_op op,
                               const struct target *target, const char *patch, unsigned flags,
                               unsigned deadline_ms, struct inject_reply *reply);

/* True if some mapping of the process is writable and executable. */
bool target_has_wx(const struct target *target);

/* How many descriptors the process has open. */
int target_descriptors(const struct target *target);

#endif

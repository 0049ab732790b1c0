/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Brings processes to the state that the live patches ask for: eagerly over all of /proc, lazily
 * for one held caller, again later for those that could not be switched.
 */
#ifndef SYSCARE_RUNTIME_SWITCHER_H
#define SYSCARE_RUNTIME_SWITCHER_H

#include "runtime/hold.h"
#include "runtime/injector.h"
#include "runtime/live_patch.h"
#include "runtime/log.h"
#include "runtime/map_watch.h"
#include "runtime/options.h"

/* Why a process is not as it should be, and when to try again. */
struct problem {
    char uuid[37]; /* of the live patch */
    pid_t pid;
    uint64_t start_time; /* of the process */
    char comm[16];
    uint32_t slot;  /* of the live patch */
    bool wanted;    /* it should be patched; or should not be */
    bool opted_out; /* left alone because the configuration says so */
    char *reason;   /* e.g. "traced by 123 (gdb)" */
    unsigned tries;
    uint64_t next_try; /* hold_clock() */
};

struct problem_list {
    struct problem *items;
    size_t count;
};

/* What an eager pass did. */
struct pass_result {
    size_t switched; /* processes that were changed */
    size_t already;  /* that were as wanted */
    struct problem_list problems;
};

struct switcher; /* opaque */

/*
 * hold may be NULL (no lazy path); live, options, hold and log must outlive it. workers is how
 * many processes are handled at the same time.
 */
struct switcher *switcher_new(struct hold *hold, struct live_set *live,
                              const struct options *options, const struct log *log);
void switcher_free(struct switcher *switcher);

/*
 * Switches every process that maps the target of one of the patches, until a look through /proc
 * finds nothing left to do. New files with the build-id are linked on the way. Processes that
 * could not be switched are in result->problems and are tried again in the background.
 * deadline: hold_clock() time after which busy processes are given up.
 * 0, or -1 with err set when /proc could not be read or a file could not be linked.
 */
int switcher_pass(struct switcher *switcher, const struct live_list *patches, uint64_t deadline,
                  struct pass_result *result, struct sc_error **err);

/*
 * Answers one held caller: switches its process to the patch of the slot.
 * injector is the calling thread's own.
 */
void switcher_answer(struct switcher *switcher, struct injector *injector,
                     const struct hold_event *event);

/*
 * The same for a caller that nobody holds: the process is prepared while it runs, then switched to
 * the patch of the slot, or to all where the event does not tell which.
 */
void switcher_seen(struct switcher *switcher, struct injector *injector,
                   const struct hold_event *event);

/*
 * True if one of the wanted patches is for that file. Cheap where the kernel has told the build-id;
 * otherwise it is filled in from the file.
 */
bool switcher_is_target(struct switcher *switcher, struct mapped_file *file);

/*
 * A process has mapped a target file: links it where it is new (a copy, an image of a container),
 * and then switches the process, whose first calls may have come before the link.
 */
void switcher_mapped(struct switcher *switcher, struct injector *injector,
                     const struct mapped_file *file);

/*
 * Why the process is left alone although it could be patched: what the configuration says, or that
 * it is ours. NULL if it is not. Static text.
 */
const char *switcher_opt_out(const struct switcher *switcher, pid_t pid);

/* The background work: retries what is due, for half a second at most. */
void switcher_retry(struct switcher *switcher);

/* The problems known of one live patch (all with uuid NULL), copied. */
struct problem_list switcher_problems(struct switcher *switcher, const char *uuid);

/* Forgets the problems of a live patch. */
void switcher_forget(struct switcher *switcher, const char *uuid);

/* When the next retry is due (hold_clock()); 0: never. */
uint64_t switcher_next_retry(struct switcher *switcher);

/* The cache that passes use, for other scans. */
struct build_id_cache *switcher_cache(struct switcher *switcher);

void problem_list_clear(struct problem_list *list);
void pass_result_clear(struct pass_result *result);
#define cleanup_pass __attribute__((cleanup(pass_result_clear)))
#define cleanup_problems __attribute__((cleanup(problem_list_clear)))

#endif

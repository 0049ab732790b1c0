// SPDX-License-Identifier: GPL-2.0-or-later
// What `syscare -v status` says of one process, from /proc alone.
#include "runtime/process_report.h"

#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/process_state.h"

#include <string.h>

/* How many of its functions, in all copies of the target, are the patch's. */
static char *describe_part(const struct process_state *state, const struct patch_object *object)
{
    size_t damaged = process_state_find(state, PROCESS_SITE_DAMAGED), ours = 0;

    if (damaged < object->func_count)
        return sc_format(
            "a uprobe of another tool has broken the jump at the entry of %s: the next "
            "audit repairs it",
            patch_func_name(object, &object->funcs[damaged]));

    for (size_t i = 0; i < state->instance_count; i++)
        ours += state->instances[i].ours;
    return sc_format("%zu of %zu functions are switched", ours,
                     state->func_count * state->instance_count);
}

/* How many functions of a patch that is in force newer ones have. NULL: none. */
static char *describe_covered(const struct live_patch *live)
{
    size_t count = 0;

    for (size_t i = 0; i < live->function_count; i++)
        count += live_patch_is_covered(live, i);
    return count ? sc_format("%zu of %zu functions are those of a newer patch", count,
                             live->function_count)
                 : NULL;
}

/* Which function holds something else: another tool wrote there, or the target is damaged. */
static char *describe_mismatch(const struct process_state *state, const struct patch_object *object)
{
    size_t foreign = process_state_foreign(state);

    if (foreign >= object->func_count)
        return NULL;
    if (process_state_find(state, PROCESS_SITE_PROBED) == foreign)
        return sc_format("mismatch in %s: a uprobe or breakpoint of another tool is on its first "
                         "byte, where the jump would go",
                         patch_func_name(object, &object->funcs[foreign]));
    return sc_format("mismatch in %s: the bytes there are neither the old code nor a jump of ours",
                     patch_func_name(object, &object->funcs[foreign]));
}

/* Old code, although the patch is wanted: why. */
static void report_unpatched(struct switcher *switcher, const struct live_patch *live,
                             const struct scan_process *process, const struct problem *problem,
                             struct process_report *report)
{
    const char *left_alone = switcher_opt_out(switcher, process->pid);

    if (left_alone) {
        report->state = "opted-out";
        report->reason = sc_format("%s", left_alone);
    } else if (!atomic_load(&live->wanted)) {
        report->state = "unpatched";
    } else if (problem) {
        report->state = "cannot";
        report->reason = sc_format("%s", problem->reason);
    } else {
        report->state = "pending";
        report->reason = sc_format("it will be switched by its next call, or by the next audit");
    }
}

/* Words and reasons for what the memory shows. False: the target is not mapped any more. */
static bool report_state(struct switcher *switcher, const struct live_patch *live,
                         const struct patch_object *object, const struct scan_process *process,
                         const struct problem *problem, const struct process_state *state,
                         struct process_report *report)
{
    bool wanted = atomic_load(&live->wanted);

    switch (process_state_verdict(state)) {
    case PROCESS_NOT_MAPPED:
        return false;
    case PROCESS_PATCHED:
        report->state = "patched";
        /* It should not be any more: why it still is. */
        report->reason =
            problem && !wanted ? sc_format("%s", problem->reason) : describe_covered(live);
        return true;
    case PROCESS_PARTIAL:
        report->state = "partial";
        report->reason = problem ? sc_format("%s", problem->reason) : describe_part(state, object);
        return true;
    case PROCESS_MISMATCH:
        report->state = "cannot";
        report->reason = describe_mismatch(state, object);
        return true;
    case PROCESS_UNPATCHED:
    case PROCESS_MAPPED_ONLY:
        break;
    }
    report_unpatched(switcher, live, process, problem, report);
    return true;
}

bool process_report_make(struct switcher *switcher, const struct live_patch *live,
                         const struct patch_object *object, const struct scan_process *process,
                         const struct problem *problem, struct process_report *report)
{
    cleanup_error struct sc_error *err = NULL;
    cleanup_process struct process *memory = process_open(process->pid, &err);
    cleanup_state struct process_state *state =
        memory ? process_state_read(memory, object, &err) : NULL;

    uint64_t covered[INJECT_FUNCTIONS_MAX / 64];

    live_patch_covered(live, covered);
    if (state)
        process_state_cover(state, covered);
    memset(report, 0, sizeof(*report));
    process_name(process->pid, report->comm);
    /* A process that ended meanwhile, or whose id is another's by now, is no error. */
    if (process_start_time(process->pid) != process->start_time)
        return false;
    if (!state) {
        report->state = "cannot";
        report->reason = sc_format("%s", err->message);
    } else if (!report_state(switcher, live, object, process, problem, state, report)) {
        return false;
    }
    if (atomic_load(&live->wanted) && atomic_load(&live->shadowed)) {
        report->state = "superseded";
        free(report->reason);
        report->reason = sc_format("a newer patch replaces all its functions");
    }
    return true;
}

void process_report_clear(struct process_report *report)
{
    free(report->reason);
    report->reason = NULL;
}

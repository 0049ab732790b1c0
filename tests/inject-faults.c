// SPDX-License-Identifier: GPL-2.0-or-later
// The injector is killed before each system call by which it changes a target: nothing is lost.
#include "tests/inject-support.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DEADLINE 10000
#define STEPS_MAX 2000

struct scenario {
    const char *program;
    const char *option;
    int threads, kind;
    enum inject_op op;
    unsigned flags;
    const char *patch; /* NULL: that of the program */
};

/* Brings a new target to where the operation begins. */
static void prepare(const struct injector_process *healthy, const struct target *target,
                    const struct scenario *scenario, const char *patch)
{
    if (scenario->op == INJECT_REVERT)
        assert_int_equal(injector_do(healthy, INJECT_APPLY, target, patch, 0, DEADLINE, NULL),
                         INJECT_PATCHED);
}

/* Runs the operation in an injector that dies at the step. False when it got through before. */
static bool die_at(const struct target *target, const struct scenario *scenario, const char *patch,
                   uint32_t step)
{
    struct injector_process injector = injector_start(true);
    struct inject_request request = {
        .version = INJECT_PROTOCOL_VERSION,
        .op = scenario->op,
        .pid = target->pid,
        .flags = scenario->flags,
        .deadline_ms = DEADLINE,
        .fault_step = step,
    };
    struct inject_reply reply = {0};
    bool survived = injector_ask(&injector, request, patch, &reply);

    if (survived)
        assert_true(reply.result == INJECT_PATCHED || reply.result == INJECT_REVERTED);
    /* Where the thread stood inside the patch it could not be unmapped: again, until it can. On a
     * busy machine it goes on only when it is given time for it. */
    for (int i = 0; survived && (scenario->flags & INJECT_UNMAP) && reply.mappings_left; i++) {
        assert_in_range(i, 0, 1000);
        usleep(1000);
        survived = injector_ask(&injector, request, patch, &reply);
    }
    injector_end(&injector);
    return !survived;
}

/* The target goes on, its state can be read, and the operation can be carried through. */
static void assert_recovers(const struct injector_process *healthy, const struct target *target,
                            const struct scenario *scenario, const char *patch)
{
    struct inject_reply reply;
    enum inject_result result;

    assert_true(target_alive(target));
    assert_false(target_has_wx(target));
    result = injector_do(healthy, INJECT_QUERY, target, patch, 0, DEADLINE, &reply);
    assert_true(result == INJECT_UNPATCHED || result == INJECT_PATCHED || result == INJECT_PARTIAL);
    result = injector_do(healthy, scenario->op, target, patch, 0, DEADLINE, &reply);
    assert_true(result == INJECT_PATCHED || result == INJECT_REVERTED || result == INJECT_ALREADY);
    result = injector_do(healthy, INJECT_QUERY, target, patch, 0, DEADLINE, &reply);
    assert_int_equal(result, scenario->op == INJECT_APPLY ? INJECT_PATCHED : INJECT_UNPATCHED);
    target_reset(target);
    target_run(target, 2);
    assert_true(target_alive(target));
    /* EINTR is not looked at: nobody is left to hide a stop from epoll_wait(2). */
    assert_int_equal(TARGET_SUM(target, wrong), 0);
    assert_int_equal(TARGET_SUM(target, state_lost), 0);
}

static void die_everywhere(const struct scenario *scenario)
{
    struct injector_process healthy = injector_start(false);
    struct target target = {0};
    char patch[64];
    uint32_t step;

    snprintf(patch, sizeof(patch), "%s.patch",
             scenario->patch ? scenario->patch : scenario->program);
    for (step = 1; step < STEPS_MAX; step++) {
        bool died;

        if (target.pid)
            target_end(&target);
        target =
            target_start(scenario->program, scenario->threads, scenario->kind, scenario->option);
        prepare(&healthy, &target, scenario, patch);
        died = die_at(&target, scenario, patch, step);
        if (!target_alive(&target))
            print_message("# the target died at step %u\n", step);
        assert_recovers(&healthy, &target, scenario, patch);
        if (!died)
            break;
    }
    print_message("# %u steps\n", step);
    assert_in_range(step, 10, STEPS_MAX - 1);
    target_end(&target);
    injector_end(&healthy);
}

static void apply_to_one_thread_can_die_at_each_step(void **state)
{
    /* The most delicate ones; all of them by `make soak-inject`. */
    unsigned kinds = getenv("INJECT_SOAK") ? ~0u : 1u << TARGET_EPOLL | 1u << TARGET_SIGNALS;

    (void)state;
    for (int kind = 0; kind < TARGET_CHURN; kind++)
        if (kinds & 1u << kind)
            die_everywhere(&(struct scenario){"pie", "", 1, kind, INJECT_APPLY, 0, NULL});
}

static void apply_to_many_threads_can_die_at_each_step(void **state)
{
    (void)state;
    die_everywhere(&(struct scenario){"pie", "", 9, -1, INJECT_APPLY, 0, NULL});
}

static void lazy_apply_can_die_at_each_step(void **state)
{
    (void)state;
    die_everywhere(&(struct scenario){"nopie", "", 4, -1, INJECT_APPLY, INJECT_LAZY, NULL});
}

static void apply_under_seccomp_can_die_at_each_step(void **state)
{
    (void)state;
    die_everywhere(&(struct scenario){"pie", "seccomp", 1, TARGET_BUSY, INJECT_APPLY, 0, NULL});
}

static void revert_and_unmap_can_die_at_each_step(void **state)
{
    (void)state;
    die_everywhere(
        &(struct scenario){"nopie", "", 1, TARGET_BUSY, INJECT_REVERT, INJECT_UNMAP, NULL});
    die_everywhere(&(struct scenario){"pie", "", 9, -1, INJECT_REVERT, 0, NULL});
}

/* As a held process is switched at its entry point, when another patch is due there as well. */
static void jumps_at_entries_can_die_at_each_step(void **state)
{
    (void)state;
    die_everywhere(&(struct scenario){"pie", "", 2, TARGET_BUSY, INJECT_APPLY,
                                      INJECT_LAZY | INJECT_STAY, "entry"});
    die_everywhere(&(struct scenario){"pie", "", 9, -1, INJECT_REVERT, 0, "entry"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apply_to_one_thread_can_die_at_each_step),
        cmocka_unit_test(apply_to_many_threads_can_die_at_each_step),
        cmocka_unit_test(lazy_apply_can_die_at_each_step),
        cmocka_unit_test(apply_under_seccomp_can_die_at_each_step),
        cmocka_unit_test(revert_and_unmap_can_die_at_each_step),
        cmocka_unit_test(jumps_at_entries_can_die_at_each_step),
    };

    if (geteuid() != 0) {
        printf("1..0 # SKIP only root may write to other processes\n");
        return 0;
    }
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}

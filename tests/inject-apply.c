// SPDX-License-Identifier: GPL-2.0-or-later
// A patch is applied to running processes of every kind, and reverted, and they do not notice.
#include "tests/inject-support.h"

#include <stdint.h>

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DEADLINE 10000

/*
 * A call that is under way at the reset counts later, and is under way for long in a thread that
 * signals interrupt all the time: one of a few windows has none.
 */
#define WINDOWS 5

static void assert_no_calls(const struct target *target, size_t member)
{
    for (int i = 0; i < WINDOWS; i++) {
        target_reset(target);
        target_run(target, 20);
        if (i > 0 && target_sum(target, member) == 0)
            break;
    }
    target_assert_clean(target);
    assert_int_equal(target_sum(target, member), 0);
}

static void assert_all_new(const struct target *target)
{
    assert_no_calls(target, offsetof(struct target_thread, old_calls));
    assert_true(TARGET_SUM(target, new_calls) > 0);
}

static void assert_all_old(const struct target *target)
{
    assert_no_calls(target, offsetof(struct target_thread, new_calls));
    assert_true(TARGET_SUM(target, old_calls) > 0);
}

/* The whole life of a patch in one process. */
static void life(const char *program, int threads, int kind, const char *option)
{
    struct injector_process injector = injector_start(false);
    struct target target = target_start(program, threads, kind, option);
    struct inject_reply reply;
    char patch[64];
    int descriptors;

    snprintf(patch, sizeof(patch), "%s.patch", program);
    assert_true(target_alive(&target));
    descriptors = target_descriptors(&target);
    assert_int_equal(injector_do(&injector, INJECT_QUERY, &target, patch, 0, DEADLINE, NULL),
                     INJECT_UNPATCHED);
    assert_int_equal(injector_do(&injector, INJECT_APPLY, &target, patch, 0, DEADLINE, &reply),
                     INJECT_PATCHED);
    assert_int_equal(reply.functions, TARGET_FUNCTIONS);
    assert_int_equal(reply.instances, 1);
    assert_false(target_has_wx(&target));
    assert_all_new(&target);
    assert_int_equal(injector_do(&injector, INJECT_QUERY, &target, patch, 0, DEADLINE, NULL),
                     INJECT_PATCHED);
    assert_int_equal(injector_do(&injector, INJECT_APPLY, &target, patch, 0, DEADLINE, NULL),
                     INJECT_ALREADY);
    assert_int_equal(injector_do(&injector, INJECT_REVERT, &target, patch, 0, DEADLINE, &reply),
                     INJECT_REVERTED);
    assert_int_equal(reply.mappings_left, 1);
    assert_all_old(&target);
    assert_int_equal(injector_do(&injector, INJECT_REVERT, &target, patch, 0, DEADLINE, NULL),
                     INJECT_ALREADY);
    assert_int_equal(
        injector_do(&injector, INJECT_APPLY, &target, patch, INJECT_LAZY, DEADLINE, NULL),
        INJECT_PATCHED);
    assert_all_new(&target);
    assert_int_equal(
        injector_do(&injector, INJECT_REVERT, &target, patch, INJECT_UNMAP, DEADLINE, NULL),
        INJECT_REVERTED);
    assert_all_old(&target);
    assert_int_equal(target_descriptors(&target), descriptors);
    target_end(&target);
    injector_end(&injector);
}

static void position_independent_program_is_patched_and_reverted(void **state)
{
    (void)state;
    life("pie", 1, TARGET_BUSY, "");
}

static void mapping_goes_when_nothing_refers_to_it(void **state)
{
    struct injector_process injector = injector_start(false);
    struct target target = target_start("nopie", 1, TARGET_BUSY, "");
    struct inject_reply reply;

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(
            injector_do(&injector, INJECT_APPLY, &target, "nopie.patch", 0, DEADLINE, NULL),
            INJECT_PATCHED);
        assert_int_equal(injector_do(&injector, INJECT_REVERT, &target, "nopie.patch", INJECT_UNMAP,
                                     DEADLINE, &reply),
                         INJECT_REVERTED);
        target_run(&target, 1);
        /* It may have been in a patched function: then the second try finds it outside. */
        for (int again = 0; reply.mappings_left && again < 1000; again++) {
            usleep(1000);
            injector_do(&injector, INJECT_REVERT, &target, "nopie.patch", INJECT_UNMAP, DEADLINE,
                        &reply);
        }
        assert_int_equal(reply.mappings_left, 0);
    }
    target_assert_clean(&target);
    target_end(&target);
    injector_end(&injector);
}

static void program_at_a_fixed_address_is_patched_and_reverted(void **state)
{
    (void)state;
    life("nopie", 1, TARGET_NANOSLEEP, "");
}

static void static_program_is_patched_and_reverted(void **state)
{
    (void)state;
    life("static", 1, TARGET_EPOLL, "");
}

static void static_pie_program_is_patched_and_reverted(void **state)
{
    (void)state;
    life("static-pie", 1, TARGET_POLL, "");
}

static void library_loaded_by_dlopen_is_patched_and_reverted(void **state)
{
    (void)state;
    life("dlopen", 4, -1, "");
}

static void program_with_32_threads_of_all_kinds_is_patched_and_reverted(void **state)
{
    (void)state;
    life("pie", 32, -1, "");
}

static void program_under_strict_seccomp_is_patched_and_reverted(void **state)
{
    (void)state;
    life("pie", 1, TARGET_BUSY, "seccomp");
}

static void each_kind_of_thread_survives_being_the_only_one(void **state)
{
    (void)state;
    for (int kind = 0; kind < TARGET_CHURN; kind++)
        life("pie", 1, kind, "");
}

static void forked_child_inherits_the_patch(void **state)
{
    struct injector_process injector = injector_start(false);
    struct target target = target_start("pie", 1, TARGET_NANOSLEEP, "");
    const struct target_thread *child;

    (void)state;
    assert_int_equal(injector_do(&injector, INJECT_APPLY, &target, "pie.patch", 0, DEADLINE, NULL),
                     INJECT_PATCHED);
    kill(target.pid, SIGUSR2); /* forks: see inject-target.c */
    child = &target.status->threads[TARGET_THREADS_MAX - 2];
    for (int i = 0; i < 2000 && child->rounds < 10; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    assert_true(child->rounds >= 10);
    assert_int_equal(child->old_calls, 0);
    target_end(&target);
    injector_end(&injector);
}

static void cycles_under_load_leave_no_trace(void **state)
{
    struct injector_process injector = injector_start(false);
    struct target target = target_start("pie", 16, -1, "");
    int cycles = getenv("INJECT_SOAK") ? 3000 : 300;

    (void)state;
    for (int i = 0; i < cycles; i++) {
        assert_int_equal(
            injector_do(&injector, INJECT_APPLY, &target, "pie.patch", 0, DEADLINE, NULL),
            INJECT_PATCHED);
        assert_int_equal(
            injector_do(&injector, INJECT_REVERT, &target, "pie.patch", 0, DEADLINE, NULL),
            INJECT_REVERTED);
    }
    target_run(&target, 50);
    target_assert_clean(&target);
    assert_true(TARGET_SUM(&target, new_calls) > 0);
    target_end(&target);
    injector_end(&injector);
}

static void busy_function_is_named_and_patched_later(void **state)
{
    struct injector_process injector = injector_start(false);
    struct target target = target_start("pie", 1, TARGET_QUIET, "");
    struct inject_reply reply;

    (void)state;
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    assert_int_equal(injector_do(&injector, INJECT_APPLY, &target, "quiet.patch", 0, 20, &reply),
                     INJECT_BUSY);
    assert_string_equal(reply.function, "quiet");
    assert_int_equal(reply.tid, target.pid);
    assert_int_equal(
        injector_do(&injector, INJECT_APPLY, &target, "quiet.patch", 0, DEADLINE, NULL),
        INJECT_PATCHED);
    target_run(&target, 20);
    target_assert_clean(&target);
    target_end(&target);
    injector_end(&injector);
}

static void code_that_differs_is_refused(void **state)
{
    struct injector_process injector = injector_start(false);
    struct target target = target_start("pie", 2, TARGET_BUSY, "");
    struct inject_reply reply;

    (void)state;
    assert_int_equal(
        injector_do(&injector, INJECT_APPLY, &target, "corrupt.patch", 0, DEADLINE, &reply),
        INJECT_MISMATCH);
    assert_string_equal(reply.function, "answer1");
    assert_all_old(&target);
    target_end(&target);
    injector_end(&injector);
}

static void newer_patch_takes_a_function_only_when_told(void **state)
{
    struct injector_process injector = injector_start(false);
    struct target target = target_start("pie", 1, TARGET_BUSY, "");

    (void)state;
    assert_int_equal(
        injector_do(&injector, INJECT_APPLY, &target, "second.patch", 0, DEADLINE, NULL),
        INJECT_PATCHED);
    assert_int_equal(injector_do(&injector, INJECT_APPLY, &target, "pie.patch", 0, DEADLINE, NULL),
                     INJECT_MISMATCH);
    assert_int_equal(
        injector_do(&injector, INJECT_APPLY, &target, "pie.patch", INJECT_REPLACE, DEADLINE, NULL),
        INJECT_PATCHED);
    /* What another patch has taken over is not ours to revert. */
    assert_int_equal(
        injector_do(&injector, INJECT_REVERT, &target, "second.patch", 0, DEADLINE, NULL),
        INJECT_ALREADY);
    assert_all_new(&target);
    target_end(&target);
    injector_end(&injector);
}

static void traced_process_is_reported_with_its_tracer(void **state)
{
    struct injector_process injector = injector_start(false);
    struct target target = target_start("pie", 1, TARGET_BUSY, "");
    struct inject_reply reply;

    (void)state;
    assert_int_equal(ptrace(PTRACE_SEIZE, target.pid, NULL, NULL), 0);
    assert_int_equal(injector_do(&injector, INJECT_APPLY, &target, "pie.patch", 0, 100, &reply),
                     INJECT_TRACED);
    assert_int_equal(reply.tracer, getpid());
    target_end(&target);
    injector_end(&injector);
}

static void missing_and_reused_processes_are_gone(void **state)
{
    struct injector_process injector = injector_start(false);
    struct target target = target_start("nopie", 1, TARGET_BUSY, "");
    struct inject_request request = {
        .version = INJECT_PROTOCOL_VERSION,
        .op = INJECT_APPLY,
        .pid = target.pid,
        .start_time = 1,
        .deadline_ms = 100,
    };
    struct inject_reply reply;

    (void)state;
    assert_int_equal(injector_do(&injector, INJECT_APPLY, &target, "pie.patch", 0, 100, NULL),
                     INJECT_NOT_MAPPED);
    assert_true(injector_ask(&injector, request, "nopie.patch", &reply));
    assert_int_equal(reply.result, INJECT_GONE);
    kill(target.pid, SIGKILL);
    waitpid(target.pid, NULL, 0);
    assert_int_equal(injector_do(&injector, INJECT_APPLY, &target, "nopie.patch", 0, 100, NULL),
                     INJECT_GONE);
    injector_end(&injector);
}

static void stopped_process_is_patched_and_stays_stopped(void **state)
{
    struct injector_process injector = injector_start(false);
    struct target target = target_start("pie", 3, -1, "");
    int status;

    (void)state;
    kill(target.pid, SIGSTOP);
    assert_int_equal(waitpid(target.pid, &status, WUNTRACED), target.pid);
    assert_int_equal(injector_do(&injector, INJECT_APPLY, &target, "pie.patch", 0, DEADLINE, NULL),
                     INJECT_PATCHED);
    target_reset(&target);
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    assert_int_equal(TARGET_SUM(&target, old_calls) + TARGET_SUM(&target, new_calls), 0);
    kill(target.pid, SIGCONT);
    target_run(&target, 20);
    assert_true(TARGET_SUM(&target, new_calls) > 0);
    target_end(&target);
    injector_end(&injector);
}

static void process_that_denies_writable_code_is_patched(void **state)
{
    struct target target = target_start("pie", 1, TARGET_BUSY, "mdwe");

    (void)state;
    if (!target_alive(&target)) { /* PR_SET_MDWE is of Linux 6.3 */
        target_end(&target);
        skip();
    }
    target_end(&target);
    life("pie", 1, TARGET_BUSY, "mdwe");
}

static void process_at_its_memory_limit_goes_on_unpatched(void **state)
{
    struct injector_process injector = injector_start_without(false, CAP_SYS_RESOURCE);
    struct target target = target_start("pie", 1, TARGET_EPOLL, "rlimit");
    int descriptors = target_descriptors(&target);

    (void)state;
    assert_int_equal(injector_do(&injector, INJECT_APPLY, &target, "pie.patch", 0, 500, NULL),
                     INJECT_NO_MEMORY);
    assert_int_equal(target_descriptors(&target), descriptors);
    assert_all_old(&target);
    target_end(&target);
    injector_end(&injector);
}

static void limit_is_raised_for_the_patch_where_that_is_allowed(void **state)
{
    bool allowed = prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE) == 1;
    struct injector_process injector = injector_start(false);
    struct target target = target_start("pie", 1, TARGET_EPOLL, "rlimit");
    struct rlimit before, after;

    (void)state;
    assert_int_equal(prlimit(target.pid, RLIMIT_AS, NULL, &before), 0);
    assert_int_equal(injector_do(&injector, INJECT_APPLY, &target, "pie.patch", 0, 500, NULL),
                     allowed ? INJECT_PATCHED : INJECT_NO_MEMORY);
    assert_int_equal(prlimit(target.pid, RLIMIT_AS, NULL, &after), 0);
    assert_memory_equal(&after, &before, sizeof(after));
    if (allowed)
        assert_all_new(&target);
    else
        assert_all_old(&target);
    target_end(&target);
    injector_end(&injector);
}

/* Moves a process into a new control group of the first hierarchy that can freeze. */
static bool group_make(char *group, size_t size, const char **freeze)
{
    static const char *const mounts[][2] = {
        {"/sys/fs/cgroup/freezer", "freezer.state"},
        {"/sys/fs/cgroup/unified", "cgroup.freeze"},
        {"/sys/fs/cgroup", "cgroup.freeze"},
    };

    for (size_t i = 0; i < 3; i++) {
        char path[512];

        snprintf(group, size, "%s/syscare-test-%d", mounts[i][0], getpid());
        if (mkdir(group, 0755) < 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", group, mounts[i][1]);
        *freeze = mounts[i][1];
        if (access(path, W_OK) == 0)
            return true;
        rmdir(group);
    }
    return false;
}

static bool group_write(const char *group, const char *name, const char *text)
{
    char path[512];
    FILE *file;
    bool done;

    snprintf(path, sizeof(path), "%s/%s", group, name);
    file = fopen(path, "w");
    done = file && fputs(text, file) >= 0;
    return (file ? fclose(file) == 0 : false) && done;
}

static void frozen_process_is_reported_and_patched_after_the_thaw(void **state)
{
    struct injector_process injector = injector_start(false);
    struct target target;
    const char *freeze = NULL;
    char group[256], number[16];
    enum inject_result frozen;

    (void)state;
    if (!group_make(group, sizeof(group), &freeze)) {
        injector_end(&injector);
        skip();
    }
    target = target_start("pie", 2, TARGET_BUSY, "");
    snprintf(number, sizeof(number), "%d", target.pid);
    assert_true(group_write(group, "cgroup.procs", number));
    assert_true(group_write(group, freeze, freeze[0] == 'f' ? "FROZEN" : "1"));
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    frozen = injector_do(&injector, INJECT_APPLY, &target, "pie.patch", 0, 100, NULL);
    assert_true(group_write(group, freeze, freeze[0] == 'f' ? "THAWED" : "0"));
    assert_int_equal(frozen, INJECT_FROZEN);
    assert_int_equal(injector_do(&injector, INJECT_APPLY, &target, "pie.patch", 0, DEADLINE, NULL),
                     INJECT_PATCHED);
    assert_all_new(&target);
    target_end(&target);
    rmdir(group);
    injector_end(&injector);
}

/* The threads of one kind are what stopping them finds hardest. */
static void cycles(int threads, int kind, int count)
{
    struct injector_process injector = injector_start(false);
    struct target target = target_start("pie", threads, kind, "");

    for (int i = 0; i < count; i++) {
        assert_int_equal(
            injector_do(&injector, INJECT_APPLY, &target, "pie.patch", 0, DEADLINE, NULL),
            INJECT_PATCHED);
        assert_int_equal(
            injector_do(&injector, INJECT_REVERT, &target, "pie.patch", 0, DEADLINE, NULL),
            INJECT_REVERTED);
    }
    target_run(&target, 20);
    target_assert_clean(&target);
    target_end(&target);
    injector_end(&injector);
}

static void threads_may_come_and_go_while_it_is_patched(void **state)
{
    (void)state;
    cycles(4, TARGET_CHURN, 30);
}

static void children_may_be_spawned_while_it_is_patched(void **state)
{
    (void)state;
    cycles(3, TARGET_SPAWN, 30);
}

/* Killed while it is worked on: the answer comes, and it is "gone" or a success before that. */
static void process_may_die_at_any_time(void **state)
{
    struct injector_process injector = injector_start(false);

    (void)state;
    for (int i = 0; i < 30; i++) {
        struct target target = target_start("pie", 4, -1, "");
        pid_t killer = fork();
        enum inject_result result;

        if (killer == 0) {
            nanosleep(&(struct timespec){0, i * 150000L}, NULL);
            kill(target.pid, SIGKILL);
            _exit(0);
        }
        result = injector_do(&injector, INJECT_APPLY, &target, "pie.patch", 0, 1000, NULL);
        assert_true(result == INJECT_PATCHED || result == INJECT_GONE);
        waitpid(killer, NULL, 0);
        target_end(&target);
    }
    injector_end(&injector);
}

static void bad_requests_get_an_answer(void **state)
{
    struct injector_process injector = injector_start(false);
    struct inject_request request = {.version = 99, .op = INJECT_APPLY, .pid = 1};
    struct inject_reply reply;

    (void)state;
    assert_true(injector_ask(&injector, request, NULL, &reply));
    assert_int_equal(reply.result, INJECT_FAILED);
    request.version = INJECT_PROTOCOL_VERSION;
    assert_true(injector_ask(&injector, request, NULL, &reply));
    assert_int_equal(reply.result, INJECT_FAILED);
    request.deadline_ms = 10;
    assert_true(injector_ask(&injector, request, NULL, &reply));
    assert_int_equal(reply.result, INJECT_FAILED);
    assert_true(injector_ask(&injector, request, "/etc/passwd", &reply));
    assert_int_equal(reply.result, INJECT_FAILED);
    injector_end(&injector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(position_independent_program_is_patched_and_reverted),
        cmocka_unit_test(mapping_goes_when_nothing_refers_to_it),
        cmocka_unit_test(program_at_a_fixed_address_is_patched_and_reverted),
        cmocka_unit_test(static_program_is_patched_and_reverted),
        cmocka_unit_test(static_pie_program_is_patched_and_reverted),
        cmocka_unit_test(library_loaded_by_dlopen_is_patched_and_reverted),
        cmocka_unit_test(program_with_32_threads_of_all_kinds_is_patched_and_reverted),
        cmocka_unit_test(program_under_strict_seccomp_is_patched_and_reverted),
        cmocka_unit_test(each_kind_of_thread_survives_being_the_only_one),
        cmocka_unit_test(forked_child_inherits_the_patch),
        cmocka_unit_test(cycles_under_load_leave_no_trace),
        cmocka_unit_test(busy_function_is_named_and_patched_later),
        cmocka_unit_test(code_that_differs_is_refused),
        cmocka_unit_test(newer_patch_takes_a_function_only_when_told),
        cmocka_unit_test(traced_process_is_reported_with_its_tracer),
        cmocka_unit_test(missing_and_reused_processes_are_gone),
        cmocka_unit_test(stopped_process_is_patched_and_stays_stopped),
        cmocka_unit_test(process_that_denies_writable_code_is_patched),
        cmocka_unit_test(process_at_its_memory_limit_goes_on_unpatched),
        cmocka_unit_test(limit_is_raised_for_the_patch_where_that_is_allowed),
        cmocka_unit_test(frozen_process_is_reported_and_patched_after_the_thaw),
        cmocka_unit_test(threads_may_come_and_go_while_it_is_patched),
        cmocka_unit_test(children_may_be_spawned_while_it_is_patched),
        cmocka_unit_test(process_may_die_at_any_time),
        cmocka_unit_test(bad_requests_get_an_answer),
    };

    if (geteuid() != 0) {
        printf("1..0 # SKIP only root may write to other processes\n");
        return 0;
    }
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}

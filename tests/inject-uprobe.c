// SPDX-License-Identifier: GPL-2.0-or-later
// A uprobe on the entry of a patched function and the patch's jump do not disturb each other.
#include "tests/inject-support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DEADLINE 10000
#define TRACEFS "/sys/kernel/tracing"

/* Names of this run's events: others may be at work on the same kernel. */
static char group[32];

static bool text_write(const char *path, int flags, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return done;
}

static void probe_enable(int function, bool on)
{
    char path[256];

    snprintf(path, sizeof(path), TRACEFS "/events/%s/f%d/enable", group, function);
    assert_true(text_write(path, 0, on ? "1" : "0"));
}

/* File offset of a function of the program, by nm: its text has offset == address. */
static unsigned long function_offset(const char *program, int function)
{
    char command[4400];
    unsigned long value = 0;
    FILE *pipe;

    snprintf(command, sizeof(command), "nm %s/%s | awk '$3 == \"answer%d\" { print $1 }'",
             fixtures_dir(), program, function);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%lx", &value), 1);
    pclose(pipe);
    return value;
}

static bool probes_define(const char *program)
{
    char event[4500];

    snprintf(group, sizeof(group), "syscaretest%d", getpid());
    for (int i = 0; i < TARGET_FUNCTIONS; i++) {
        snprintf(event, sizeof(event), "p:%s/f%d %s/%s:0x%lx\n", group, i, fixtures_dir(), program,
                 function_offset(program, i));
        if (!text_write(TRACEFS "/uprobe_events", O_APPEND, event))
            return false;
    }
    return true;
}

static void probes_enable(bool on)
{
    for (int i = 0; i < TARGET_FUNCTIONS; i++)
        probe_enable(i, on);
}

static void probes_remove(void)
{
    char event[64];

    for (int i = 0; i < TARGET_FUNCTIONS; i++) {
        snprintf(event, sizeof(event), "-:%s/f%d\n", group, i);
        text_write(TRACEFS "/uprobe_events", O_APPEND, event);
    }
}

static void assert_only(const struct target *target, bool patched)
{
    target_reset(target);
    target_run(target, 30);
    target_reset(target);
    target_run(target, 30);
    target_assert_clean(target);
    assert_int_equal(patched ? TARGET_SUM(target, old_calls) : TARGET_SUM(target, new_calls), 0);
    assert_true(TARGET_SUM(target, old_calls) + TARGET_SUM(target, new_calls) > 0);
}

static void apply(const struct injector_process *injector, const struct target *target)
{
    assert_int_equal(injector_do(injector, INJECT_APPLY, target, "pie.patch", 0, DEADLINE, NULL),
                     INJECT_PATCHED);
}

static void revert(const struct injector_process *injector, const struct target *target)
{
    assert_int_equal(injector_do(injector, INJECT_REVERT, target, "pie.patch", 0, DEADLINE, NULL),
                     INJECT_REVERTED);
}

/* Registered before, unregistered, registered again, mprotect with it registered; then revert. */
static void probe_may_come_and_go_around_the_patch(void **state)
{
    struct injector_process injector = injector_start(false);
    struct target target = target_start("pie", 2, TARGET_BUSY, "");

    (void)state;
    probes_enable(true);
    assert_only(&target, false);
    apply(&injector, &target);
    assert_only(&target, true);
    probes_enable(false);
    assert_only(&target, true);
    probes_enable(true);
    assert_only(&target, true);
    kill(target.pid, SIGRTMIN); /* mprotect of its text, twice: see inject-target.c */
    assert_only(&target, true);
    revert(&injector, &target);
    assert_only(&target, false);
    probes_enable(false);
    assert_only(&target, false);
    target_end(&target);
    injector_end(&injector);
}

static void probe_may_come_after_the_patch_and_stay(void **state)
{
    struct injector_process injector = injector_start(false);
    struct target target = target_start("pie", 2, TARGET_BUSY, "");

    (void)state;
    apply(&injector, &target);
    probes_enable(true);
    assert_only(&target, true);
    assert_int_equal(injector_do(&injector, INJECT_QUERY, &target, "pie.patch", 0, DEADLINE, NULL),
                     INJECT_PATCHED);
    revert(&injector, &target);
    assert_only(&target, false);
    apply(&injector, &target);
    assert_only(&target, true);
    probes_enable(false);
    assert_only(&target, true);
    target_end(&target);
    injector_end(&injector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probe_may_come_and_go_around_the_patch),
        cmocka_unit_test(probe_may_come_after_the_patch_and_stay),
    };
    int failed;

    /* A mount of our own: nothing of it is seen outside, and it goes when we do. */
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        printf("1..0 # SKIP only root may mount tracefs\n");
        return 0;
    }
    if (access(TRACEFS "/uprobe_events", W_OK) < 0 &&
        mount("tracefs", TRACEFS, "tracefs", 0, NULL) < 0) {
        printf("1..0 # SKIP no tracefs: %s\n", strerror(errno));
        return 0;
    }
    if (!probes_define("pie")) {
        probes_remove();
        printf("1..0 # SKIP uprobe_events cannot be written: %s\n", strerror(errno));
        return 0;
    }
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    probes_enable(false);
    probes_remove();
    return failed;
}

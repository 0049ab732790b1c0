// SPDX-License-Identifier: GPL-2.0-or-later
// Parts of the daemon that know how probes are attached: which way a kernel gets, what is probed.
#include "runtime/fd_closer.h"
#include "runtime/features.h"
#include "runtime/options.h"
#include "runtime/probe_files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void each_way_can_be_forced_by_its_name(void **data)
{
    (void)data;
    for (unsigned way = 0; way <= UPROBES_AUTO; way++) {
        const char *name = uprobes_name((enum uprobes_way)way);
        char *argv[] = {"syscared", "--uprobes", (char *)name, NULL};
        struct options options;

        assert_int_equal(options_read(&options, 3, argv, NULL), 0);
        assert_int_equal(options.uprobes, way);
        assert_non_null(strstr(options_help(), name));
        options_free(&options);
    }
}

static void kernel_gets_the_best_way_that_it_can(void **data)
{
    struct features features = {.perf_uprobes = true};

    (void)data;
    assert_null(features_missing(&features, UPROBES_SAMPLE));
    assert_non_null(features_missing(&features, UPROBES_PERF_PLAIN));
    features.ring_buffer = true;
    assert_null(features_missing(&features, UPROBES_PERF_PLAIN));
    assert_non_null(features_missing(&features, UPROBES_PERF_ASYNC));
    features.cookies = true;
    assert_null(features_missing(&features, UPROBES_PERF_ASYNC));
    assert_non_null(features_missing(&features, UPROBES_PERF_HOLD));
    features.btf = features.sleepable = true;
    assert_null(features_missing(&features, UPROBES_PERF_HOLD));
    assert_non_null(features_missing(&features, UPROBES_MULTI_HOLD));
    features.uprobe_multi = true;
    assert_null(features_missing(&features, UPROBES_MULTI_HOLD));
    /* What is forced is not replaced by anything else, but for the one fallback that is the same.
     */
    assert_true(uprobes_allowed(UPROBES_PERF_ASYNC, UPROBES_PERF_PLAIN));
    assert_false(uprobes_allowed(UPROBES_PERF_HOLD, UPROBES_PERF_ASYNC));
    assert_false(uprobes_allowed(UPROBES_SAMPLE, UPROBES_MULTI_HOLD));
}

/* Each descriptor is the writing end of a pipe: its reading end tells when it is closed. */
static void closer_closes_all_that_it_is_given(void **data)
{
    struct fd_closer *closer = fd_closer_new();
    int readers[20];
    char byte;

    (void)data;
    assert_false(fd_closer_busy(closer, 3));
    for (int i = 0; i < 20; i++) {
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        readers[i] = ends[0];
        fd_closer_add(closer, ends[1], i % 2 ? 3 : 4);
        /* Its thread ends when there is nothing to do, and is started again. */
        while (i == 10 && (fd_closer_busy(closer, 3) || fd_closer_busy(closer, 4)))
            usleep(1000);
    }
    fd_closer_free(closer);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(read(readers[i], &byte, 1), 0);
        close(readers[i]);
    }
}

static void probes_are_found_by_slot_file_and_sample(void **data)
{
    struct fd_closer *closer = fd_closer_new();
    struct probe_files files = {0};
    const struct hold_pin other = {.slot = 2, .dev = 5, .ino = 7};
    uint64_t cookie = 0;

    (void)data;
    for (uint32_t slot = 1; slot <= 2; slot++) {
        struct probe_file file = {.pin = {.slot = slot, .dev = 5, .ino = 6}};

        for (uint64_t i = 0; i < 100; i++) {
            struct probe_fd probe = {.fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};

            probe.id = slot * 1000 + i * 3;
            probe.cookie = (uint64_t)slot << 32 | i;
            probe_file_add(&file, &probe);
        }
        probe_files_add(&files, &file);
        assert_true(probe_files_has(&files, &file.pin));
    }
    assert_false(probe_files_has(&files, &other));
    assert_true(probe_files_cookie(&files, 2000 + 99 * 3, &cookie));
    assert_true(cookie == ((uint64_t)2 << 32 | 99));
    assert_false(probe_files_cookie(&files, 2000 + 99 * 3 + 1, &cookie));
    probe_files_remove(&files, 2, closer);
    assert_false(probe_files_cookie(&files, 2000, &cookie));
    assert_true(probe_files_cookie(&files, 1000, &cookie));
    probe_files_clear(&files, closer);
    assert_false(probe_files_cookie(&files, 1000, &cookie));
    fd_closer_free(closer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_way_can_be_forced_by_its_name),
        cmocka_unit_test(kernel_gets_the_best_way_that_it_can),
        cmocka_unit_test(closer_closes_all_that_it_is_given),
        cmocka_unit_test(probes_are_found_by_slot_file_and_sample),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

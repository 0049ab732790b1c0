// SPDX-License-Identifier: GPL-2.0-or-later
// Tests of reading captures: what is right is found again, what is wrong is an error and no crash.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "rpmtools/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A capture directory that is removed after each test. */
struct fixture {
    char path[64];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    cleanup_free char *units = NULL;

    strcpy(fixture->path, "capture-XXXXXX");
    if (!mkdtemp(fixture->path))
        return -1;
    units = sc_format("%s/tu", fixture->path);
    *state = fixture;
    return sc_dir_make(units, 0755, NULL);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    int result = sc_tree_remove(fixture->path, NULL);

    free(fixture);
    return result;
}

static void put(const struct fixture *fixture, const char *name, const char *text)
{
    cleanup_free char *path = sc_format("%s/%s", fixture->path, name);

    assert_int_equal(sc_file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static const char good_unit[] =
    "{\"version\":1,\"id\":\"0a\",\"kind\":\"gcc\",\"source\":\"b.c\",\"cwd\":\"/top/src\","
    "\"object\":\"b.o\",\"gcc_version\":\"12.2.0\",\"lto\":false,"
    "\"deps\":[\"b.c\",\"../inc/./a.h\",\"/usr/include/stdio.h\"]}\n";

static const char good_links[] =
    "{\"version\":1,\"id\":\"ff\",\"cwd\":\"/top/src\",\"kind\":\"exec\",\"output\":\"x\","
    "\"map\":\"maps/ff.map\",\"copy\":\"outputs/ff\",\"status\":0,\"lto\":false,"
    "\"inputs\":[{\"name\":\"b.o\",\"tus\":[\"0a\"]}]}\n"
    "{\"version\":1,\"id\":\"ff-2\",\"cwd\":\"/top/src\",\"kind\":\"exec\",\"output\":\"x\","
    "\"map\":\"maps/ff-2.map\",\"copy\":\"outputs/ff-2\",\"status\":0,\"lto\":false,"
    "\"inputs\":[{\"name\":\"b.o\",\"tus\":[\"0a\"]}]}\n";

/* What the shims write is understood: paths absolute, compiles and links with their units. */
static void records_are_read(void **state)
{
    const struct fixture *fixture = *state;
    cleanup_capture struct capture *capture = NULL;
    struct capture_unit *unit;
    struct capture_link *link;

    put(fixture, "tu/0a.json", good_unit);
    put(fixture, "compiles.jsonl",
        "{\"version\":1,\"tu\":\"0a\"}\n{\"version\":1,\"tu\":\"bb\"}\n");
    put(fixture, "links.jsonl", good_links);
    capture = capture_read(fixture->path, NULL);
    assert_non_null(capture);
    unit = capture_unit_find(capture, "0a");
    assert_non_null(unit);
    assert_true(unit->compiled);
    assert_true(string_list_has(&unit->deps, "/top/inc/a.h"));
    assert_true(string_list_has(&unit->deps, "/top/src/b.c"));
    assert_null(capture_unit_find(capture, "0b"));
    link = capture_link_last(capture, "ff");
    assert_non_null(link);
    assert_string_equal(link->id, "ff-2"); /* the later link of one output counts */
    assert_string_equal(link->output, "/top/src/x");
    assert_string_equal(link->inputs[0].tus.items[0], "0a");
}

/* Reads a capture with one file replaced; it must fail and say where. */
static void fails(const struct fixture *fixture, const char *name, const char *text)
{
    cleanup_error struct sc_error *err = NULL;
    cleanup_capture struct capture *capture = NULL;

    put(fixture, "tu/0a.json", good_unit);
    put(fixture, "links.jsonl", good_links);
    put(fixture, name, text);
    capture = capture_read(fixture->path, &err);
    assert_null(capture);
    assert_non_null(err);
    assert_non_null(strstr(err->message, name));
}

static void damaged_records_are_refused(void **state)
{
    const struct fixture *fixture = *state;

    fails(fixture, "tu/0a.json", "");
    fails(fixture, "tu/0a.json", "{\"version\":1}");
    fails(fixture, "tu/0a.json",
          "{\"version\":2,\"id\":\"0a\",\"kind\":\"gcc\",\"source\":\"b.c\",\"cwd\":\"/t\","
          "\"deps\":[]}");
    /* an id becomes a file name: none may lead out of a directory */
    fails(fixture, "tu/0a.json",
          "{\"version\":1,\"id\":\"../x\",\"kind\":\"gcc\",\"source\":\"b.c\",\"cwd\":\"/t\","
          "\"deps\":[]}");
    fails(fixture, "tu/0a.json",
          "{\"version\":1,\"id\":\"0a\",\"kind\":\"gcc\",\"source\":\"b.c\",\"cwd\":\"/t\","
          "\"deps\":[1]}");
    fails(fixture, "links.jsonl", "{\"version\":1,\"id\":\"ff\"}\n");
    fails(fixture, "links.jsonl", "{\"version\":1,\"id\":\"ff\",\"cwd\":\"/t\"");
}

/* Every truncation of the link log is an error or a shorter log, never a crash. */
static void truncated_log_is_survived(void **state)
{
    const struct fixture *fixture = *state;
    cleanup_free char *path = sc_format("%s/links.jsonl", fixture->path);

    for (size_t size = 0; size < sizeof(good_links) - 1; size += 7) {
        cleanup_capture struct capture *capture = NULL;

        assert_int_equal(sc_file_replace(path, good_links, size, 0644, NULL), 0);
        capture = capture_read(fixture->path, NULL);
        if (capture)
            assert_true(capture->link_count <= 2);
    }
}

static void paths_are_made_absolute(void **state)
{
    static const char *const cases[][3] = {
        {"/a/b", "c.h", "/a/b/c.h"},         {"/a/b", "../c.h", "/a/c.h"},
        {"/a/b", "./x/./c.h", "/a/b/x/c.h"}, {"/a/b", "/c//d", "/c/d"},
        {"/a", "../../../c", "/c"},          {"/a", "..", "/"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        cleanup_free char *path = capture_path(cases[i][0], cases[i][1]);

        assert_string_equal(path, cases[i][2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_records_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(truncated_log_is_survived, set_up, tear_down),
        cmocka_unit_test(paths_are_made_absolute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

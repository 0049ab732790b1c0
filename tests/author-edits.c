// SPDX-License-Identifier: GPL-2.0-or-later
// Unit tests: which lines a patch edits, and what they are called.
#include "rpmtools/source_edits.h"

#include "lib/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The result as compact text. original may be NULL. */
static void expect_edits(const char *original, const char *text, bool kept, const char *wanted)
{
    cleanup_json struct json_object *json =
        source_edits(original, original ? strlen(original) : 0, text, strlen(text), kept);

    assert_non_null(json);
    assert_string_equal(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN), wanted);
}

static void an_inserted_line_is_edited_and_later_ones_keep_their_numbers(void **state)
{
    (void)state;
    expect_edits("a;\nb;\nc;\n", "a;\n#line 1000000\nnew;\n#line 2\nb;\nc;\n", true,
                 "{\"lines\":[[1,1,1,0],[1000000,1,2,1],[2,2,3,0]],\"removed\":[]}");
}

static void a_removed_line_is_told_with_the_line_that_stands_in_its_place(void **state)
{
    (void)state;
    expect_edits("a;\nb;\nc;\n", "a;\n#line 3\nc;\n", true,
                 "{\"lines\":[[1,1,1,0],[3,1,2,0]],\"removed\":[[2,1,2]]}");
}

static void a_changed_line_is_removed_and_edited(void **state)
{
    (void)state;
    expect_edits("a;\nb;\nc;\n", "a;\n#line 1000000\nB;\n#line 3\nc;\n", true,
                 "{\"lines\":[[1,1,1,0],[1000000,1,2,1],[3,1,3,0]],\"removed\":[[2,1,3]]}");
}

static void blank_lines_and_comments_are_no_edits(void **state)
{
    (void)state;
    expect_edits("a;\n// old\nb;\n", "a;\n\n// new\n/* words */\nb;\n", false,
                 "{\"lines\":[[1,5,1,0]],\"removed\":[]}");
}

static void code_beside_a_comment_is_an_edit(void **state)
{
    (void)state;
    expect_edits("a;\n", "/* one */ b; /* two */\na;\n", false,
                 "{\"lines\":[[1,1,1,1],[2,1,2,0]],\"removed\":[]}");
}

static void all_lines_of_a_new_file_are_edits(void **state)
{
    (void)state;
    expect_edits(NULL, "a;\nb;\n", false, "{\"lines\":[[1,2,1,1]],\"removed\":[]}");
}

static void a_file_that_numbers_its_lines_itself_is_not_counted(void **state)
{
    (void)state;
    assert_null(source_edits("a;\n", 3, "# 7 \"x.y\"\na;\n", 13, false));
    assert_null(source_edits("a;\n", 3, "#line 7\na;\n", 11, false));
    assert_null(source_edits("a;\n", 3, "a;\0b", 4, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_inserted_line_is_edited_and_later_ones_keep_their_numbers),
        cmocka_unit_test(a_removed_line_is_told_with_the_line_that_stands_in_its_place),
        cmocka_unit_test(a_changed_line_is_removed_and_edited),
        cmocka_unit_test(blank_lines_and_comments_are_no_edits),
        cmocka_unit_test(code_beside_a_comment_is_an_edit),
        cmocka_unit_test(all_lines_of_a_new_file_are_edits),
        cmocka_unit_test(a_file_that_numbers_its_lines_itself_is_not_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

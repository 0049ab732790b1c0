// SPDX-License-Identifier: GPL-2.0-or-later
// Line numbers are kept: checked on texts, with gcc -E on random edits, and with gcc -c on our own
// sources.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/run.h"
#include "rpmtools/c_lines.h"
#include "rpmtools/line_diff.h"
#include "rpmtools/linekeep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char work[4096];

/* Random numbers that are the same everywhere (xorshift), so that a failure can be repeated. */
static uint32_t random_below(uint32_t *state, uint32_t limit)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state % limit;
}

static char *keep(const char *original, const char *patched, enum linekeep_outcome expected)
{
    uint32_t next = LINEKEEP_BASE;
    size_t size;
    char *kept;

    assert_int_equal(
        linekeep_text(original, strlen(original), patched, strlen(patched), &next, &kept, &size),
        expected);
    return kept;
}

static void assert_kept(const char *original, const char *patched, const char *expected)
{
    cleanup_free char *kept = keep(original, patched, LINEKEEP_DONE);

    assert_string_equal(kept, expected);
}

static void inserted_line_gets_a_number_of_its_own(void **state)
{
    (void)state;
    assert_kept("a\nb\nc\n", "a\nx\nb\nc\n", "a\n#line 1000000\nx\n#line 2\nb\nc\n");
}

static void changed_and_deleted_lines_leave_the_others_numbered(void **state)
{
    (void)state;
    assert_kept("a\nb\nc\nd\n", "a\nB\nc\nd\n", "a\n#line 1000000\nB\n#line 3\nc\nd\n");
    assert_kept("a\nb\nc\nd\n", "a\nc\nd\n", "a\n#line 3\nc\nd\n");
    assert_kept("a\nb\nc\nd", "a\nB\nBB\nd", "a\n#line 1000000\nB\nBB\n#line 4\nd");
    free(keep("a\nb\nc\n", "a\nb\n", LINEKEEP_SAME));
    free(keep("a\n", "a\n", LINEKEEP_SAME));
}

static void no_directive_inside_comment_string_or_continuation(void **state)
{
    (void)state;
    assert_kept("/* a\nb */\nc\n", "/* a\nx\nb */\nc\n", "/* a\nx\nb */\n#line 3\nc\n");
    assert_kept("#define A \\\n  b \\\n  c\nd\n", "#define A \\\n  b \\\n  x \\\n  c\nd\n",
                "#define A \\\n  b \\\n  x \\\n  c\n#line 4\nd\n");
    assert_kept("s = R\"q(\na\n)\" )q\";\nd\n", "s = R\"q(\nx\na\n)\" )q\";\nd\n",
                "s = R\"q(\nx\na\n)\" )q\";\n#line 4\nd\n");
    assert_kept("// a \\\nb\nc\n", "// a \\\nx \\\nb\nc\n", "// a \\\nx \\\nb\n#line 3\nc\n");
    assert_kept("p(\"a\\\nb\");\nc\n", "p(\"a\\\nx\\\nb\");\nc\n",
                "p(\"a\\\nx\\\nb\");\n#line 3\nc\n");
}

static void quotes_in_skipped_text_and_numbers_close_nothing(void **state)
{
    (void)state;
    assert_kept("#if 0\ndon't\n#endif\na\n", "#if 0\ndon't\n#endif\nx\na\n",
                "#if 0\ndon't\n#endif\n#line 1000000\nx\n#line 4\na\n");
    assert_kept("i = 1'000; /* a\n*/\nb\n", "i = 1'000; /* a\nx\n*/\nb\n",
                "i = 1'000; /* a\nx\n*/\n#line 3\nb\n");
    assert_kept("c = '\"'; /* a\n*/\nb\n", "c = '\"'; /* a\nx\n*/\nb\n",
                "c = '\"'; /* a\nx\n*/\n#line 3\nb\n");
}

static void numbers_are_set_again_after_a_group_that_may_be_skipped(void **state)
{
    (void)state;
    assert_kept("#if A\na\n#else\nb\n#endif\nc\n", "#if A\nx\na\n#else\nb\n#endif\nc\n",
                "#if A\n#line 1000000\nx\n#line 2\na\n#else\n#line 4\nb\n#endif\n#line 6\nc\n");
    assert_kept("#if A\n#if B\na\n#endif\n#elif C\n#endif\nc\n",
                "#if A\n#if B\nx\na\n#endif\n#elif C\n#endif\nc\n",
                "#if A\n#if B\n#line 1000000\nx\n#line 3\na\n#endif\n#line 5\n#elif C\n#line 6\n"
                "#endif\n#line 7\nc\n");
}

static void files_that_cannot_be_kept_are_left_alone(void **state)
{
    uint32_t next = LINEKEEP_BASE;
    size_t size;
    char *kept;

    (void)state;
    assert_null(keep("a\n#line 7\nb\n", "x\na\n#line 7\nb\n", LINEKEEP_HAS_DIRECTIVES));
    assert_null(keep("a\n# 7 \"f.y\"\nb\n", "x\na\n# 7 \"f.y\"\nb\n", LINEKEEP_HAS_DIRECTIVES));
    assert_null(keep("a\n", "x\na\n/* b\n", LINEKEEP_UNSETTLED));
    assert_null(keep("a\n", "x\na\n#endif\n", LINEKEEP_UNSETTLED));
    assert_null(keep("a\n", "x\na\n#if 1\n", LINEKEEP_UNSETTLED));
    assert_null(keep("a\n", "x\n#else\n", LINEKEEP_UNSETTLED));
    assert_null(keep("a\n", "x\ns = R\"(\n", LINEKEEP_UNSETTLED));
    assert_null(keep("a\rb\r", "a\rx\rb\r", LINEKEEP_NOT_TEXT));
    assert_int_equal(linekeep_text("a\n", 2, "\0x\n", 3, &next, &kept, &size), LINEKEEP_NOT_TEXT);
    assert_null(kept);
}

static void only_c_family_names_match(void **state)
{
    static const char *const yes[] = {"a.c", "d/a.h", "a.cc", "a.b.hpp", "x.C", "t.inc", "a.tcc"};
    static const char *const no[] = {"a.y", "a.l",   "a.S",          "a.s",
                                     "c",   "a.c/b", "Makefile.inc", "a.c.in"};

    (void)state;
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        assert_true(linekeep_name_matches(yes[i]));
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        assert_false(linekeep_name_matches(no[i]));
}

/* Every pair is of equal lines, in order, and unrelated texts give none. */
static void line_diff_pairs_equal_lines_in_order(void **state)
{
    uint32_t seed = 4711;

    (void)state;
    for (int round = 0; round < 300; round++) {
        char texts[2][400];
        struct text_line *lines[2];
        uint32_t twin[400], last = 0;
        size_t count[2];

        for (int t = 0; t < 2; t++) {
            size_t n = random_below(&seed, 100);

            for (size_t i = 0; i < n; i++) {
                texts[t][2 * i] = (char)('a' + random_below(&seed, 1 + (uint32_t)round / 10));
                texts[t][2 * i + 1] = '\n';
            }
            count[t] = text_split(texts[t], 2 * n, &lines[t]);
            assert_int_equal(count[t], n);
        }
        line_diff(lines[0], count[0], lines[1], count[1], twin);
        for (size_t i = 0; i < count[1]; i++) {
            if (!twin[i])
                continue;
            assert_true(twin[i] > last && twin[i] <= count[0]);
            assert_int_equal(lines[0][twin[i] - 1].text[0], lines[1][i].text[0]);
            last = twin[i];
        }
        free(lines[0]);
        free(lines[1]);
    }
}

enum context { CODE, COMMENT, MACRO, RAW };

/* A made-up source. Line n of it has, where it is code, the token v<n>. */
struct source {
    struct string_list lines;
    enum context context[2000]; /* in which the boundary before the line lies */
};

static void source_add(struct source *source, enum context context, const char *fmt, size_t number)
{
    char text[200];

    source->context[source->lines.count] = context;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof(text), fmt, number);
#pragma GCC diagnostic pop
    string_list_add(&source->lines, text);
}

/* One construct of several lines; depth counts the conditionals that are open. */
static void source_add_block(struct source *source, uint32_t *seed, int *depth)
{
#define NEXT (source->lines.count + 1)
    switch (random_below(seed, 8)) {
    case 0:
        source_add(source, CODE, "int v%zu; /* don't \"", NEXT);
        source_add(source, COMMENT, "   #if in a comment %zu", NEXT);
        source_add(source, COMMENT, "   */ int w%zu;", NEXT);
        break;
    case 1:
        source_add(source, CODE, "#define M%zu(x) do { \\", NEXT);
        source_add(source, MACRO, "  x; f(%zu); \\", NEXT);
        source_add(source, MACRO, "} while (%zu)", NEXT);
        break;
    case 2:
        source_add(source, CODE, "const char *v%zu = R\"x(", NEXT);
        source_add(source, RAW, " /* \" %zu", NEXT);
        source_add(source, RAW, ")\" )x\"; // %zu", NEXT);
        break;
    case 3:
        source_add(source, CODE, random_below(seed, 4) ? "#if 1 /* %zu */" : "#if 0 /* %zu */",
                   NEXT);
        (*depth)++;
        break;
    case 4:
        if (*depth)
            source_add(source, CODE, random_below(seed, 2) ? "#elif 1 // %zu" : "#elif 0 // %zu",
                       NEXT);
        break;
    case 5:
        if (*depth) {
            source_add(source, CODE, "#endif // %zu", NEXT);
            (*depth)--;
        }
        break;
    default:
        source_add(source, CODE, "int v%zu;", NEXT);
        source_add(source, CODE, "", 0);
        source_add(source, CODE, "char v%zu = '\"';", NEXT);
    }
}

static void source_make(struct source *source, uint32_t seed)
{
    int depth = 0;

    for (int i = 0; i < 100; i++)
        source_add_block(source, &seed, &depth);
    while (depth--)
        source_add(source, CODE, "#endif // last %zu", NEXT);
    source_add(source, CODE, "int v%zu;", NEXT);
}

/* Inserts, changes and deletes lines; nothing that opens or closes a construct is touched. */
static char *source_edit(const struct source *source, uint32_t seed)
{
    static const char *const inserted[] = {"int n%zu;\n", "more %zu\n", "  y(%zu); \\\n",
                                           "\" %zu\n"};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    for (size_t i = 0; i < source->lines.count; i++) {
        const char *line = source->lines.items[i];
        bool plain = strncmp(line, "int v", 5) == 0 && !strchr(line, '*');
        uint32_t dice = random_below(&seed, 20);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        for (uint32_t n = dice < 3 ? 1 + random_below(&seed, 3) : 0; n; n--)
            fprintf(out, inserted[source->context[i]], i);
#pragma GCC diagnostic pop
        if (plain && dice == 5)
            continue;
        if (plain && dice == 6)
            fprintf(out, "int changed%zu;\n", i);
        else
            fprintf(out, "%s\n", line);
    }
    fclose(out);
    return text;
}

/* Checks each token v<n> in the output of gcc -E; returns how many stand on another line than n. */
static size_t count_misnumbered(const char *output, size_t *tokens)
{
    unsigned long line = 0;
    size_t wrong = 0;

    for (const char *at = output; *at;) {
        size_t size = strcspn(at, "\n");

        if (at[0] == '#' && at[1] == ' ') {
            line = strtoul(at + 2, NULL, 10) - 1;
        } else {
            for (const char *p = at; p + 1 < at + size; p++) {
                if (p[0] == 'v' && p[1] >= '0' && p[1] <= '9' &&
                    (p == at || p[-1] == ' ' || p[-1] == '*')) {
                    wrong += strtoul(p + 1, NULL, 10) != line;
                    ++*tokens;
                }
            }
        }
        line++;
        at += size + (at[size] == '\n');
    }
    return wrong;
}

static void write_text(const char *path, const char *text)
{
    assert_int_equal(sc_file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static char *preprocess(const char *path)
{
    const char *const argv[] = {"gcc", "-E", "-w", "-std=gnu11", path, NULL};
    char *output = NULL;
    struct sc_run run = {.argv = argv, .output = &output};

    assert_int_equal(sc_run(&run, NULL), 0);
    return output;
}

static void gcc_gives_unchanged_lines_their_old_numbers(void **state)
{
    cleanup_free char *path = sc_format("%s/random.c", work);
    size_t plain_wrong = 0, tokens = 0;

    (void)state;
    for (uint32_t seed = 1; seed <= 40; seed++) {
        cleanup_free struct source *source = calloc(1, sizeof(*source));
        cleanup_free char *original = NULL, *patched = NULL, *kept = NULL, *with = NULL,
                          *without = NULL;
        cleanup_free char *joined = NULL;

        source_make(source, seed * 7919);
        joined = string_list_join(&source->lines, "\n");
        original = sc_format("%s\n", joined);
        patched = source_edit(source, seed * 104729);
        kept = keep(original, patched, LINEKEEP_DONE);
        write_text(path, kept);
        with = preprocess(path);
        assert_int_equal(count_misnumbered(with, &tokens), 0);
        write_text(path, patched);
        without = preprocess(path);
        plain_wrong += count_misnumbered(without, &tokens);
        string_list_clear(&source->lines);
    }
    assert_true(tokens > 2000);
    assert_true(plain_wrong > 500); /* else the edits prove nothing */
}

/* Adds and removes lines that mean nothing, wherever a directive could stand. */
static char *edit_harmlessly(const char *text, size_t size, uint32_t *seed)
{
    static const char *const nothing[] = {
        "\n",
        "/* more\n   lines */\n",
        "#if 0\ndon't compile this\n#endif\n",
        "// \\\n continued\n",
        "#undef SYSCARE_TEST_NAME\n#define SYSCARE_TEST_NAME(x) \\\n  (x)\n",
        "#ifdef SYSCARE_TEST_NONE\nint a = '\n#else\n#endif\n"};
    struct text_line *lines;
    size_t count = text_split(text, size, &lines), result_size;
    struct c_line *scanned = calloc(count, sizeof(*scanned));
    char *result = NULL;
    FILE *out = open_memstream(&result, &result_size);

    assert_true(c_lines_scan(text, size, scanned, count));
    for (size_t i = 0; i < count; i++) {
        uint32_t dice = random_below(seed, 12);

        if (dice < 6 && dice % 2 == 0 && !scanned[i].inside)
            fputs(nothing[random_below(seed, 6)], out);
        if (dice == 7 && lines[i].size == 1 && !scanned[i].inside)
            continue;
        fwrite(lines[i].text, 1, lines[i].size, out);
    }
    fclose(out);
    free(lines);
    free(scanned);
    return result;
}

/* Compiles text as the file work/unit.c, so that __FILE__ is always the same. */
static char *compile(const char *text, size_t *size)
{
    cleanup_free char *path = sc_format("%s/unit.c", work);
    cleanup_free char *object = sc_format("%s/unit.o", work);
    cleanup_free char *log = sc_format("%s/log", work);
    cleanup_free char *include = sc_format("-I%s", getenv("top_srcdir"));
    cleanup_free char *built = sc_format("-I%s", getenv("top_builddir"));
    const char *const argv[] = {"gcc",   "-c",  "-g0", "-std=gnu11", "-w",   "-D_GNU_SOURCE",
                                include, built, path,  "-o",         object, NULL};
    struct sc_run run = {.argv = argv, .log = log};
    char *data = NULL;

    write_text(path, text);
    if (sc_run(&run, NULL) == 0)
        assert_int_equal(sc_file_read(object, 1 << 24, &data, size, NULL), 0);
    return data;
}

static size_t objects_without_linekeep_that_differ;

static void check_object_is_identical(const char *path, uint32_t *seed)
{
    cleanup_free char *original = NULL, *patched = NULL, *kept = NULL;
    cleanup_free char *before = NULL, *after = NULL, *without = NULL;
    size_t size, before_size, after_size, without_size;

    assert_int_equal(sc_file_read(path, 1 << 24, &original, &size, NULL), 0);
    before = compile(original, &before_size);
    assert_non_null(before);
    patched = edit_harmlessly(original, size, seed);
    kept = keep(original, patched, LINEKEEP_DONE);
    after = compile(kept, &after_size);
    assert_non_null(after);
    assert_int_equal(after_size, before_size);
    assert_memory_equal(after, before, before_size);
    without = compile(patched, &without_size);
    assert_non_null(without);
    objects_without_linekeep_that_differ +=
        without_size != before_size || memcmp(without, before, before_size) != 0;
}

static void objects_of_our_sources_do_not_change_by_moved_lines(void **state)
{
    /* those of tests/ are full of __LINE__: each assert of cmocka passes it on */
    static const char *const names[] = {"tests/package-linekeep.c", "tests/package-info.c",
                                        "rpmtools/linekeep.c", "lib/json_util.c"};
    uint32_t seed = 20240229;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cleanup_free char *path = sc_format("%s/%s", getenv("top_srcdir"), names[i]);

        check_object_is_identical(path, &seed);
    }
    assert_true(objects_without_linekeep_that_differ >= 2);
}

/* A patch inside the arguments of a macro that uses __LINE__ still compiles and keeps the rest. */
static void directive_inside_macro_arguments_compiles(void **state)
{
    static const char original[] = "#define F(a, b) ((a) + (b) + __LINE__)\n"
                                   "int g(int x);\nint g(int x)\n{\n  return F(x,\n"
                                   "    2);\n}\nint h(void);\nint h(void) { return __LINE__; }\n";
    static const char patched[] = "#define F(a, b) ((a) + (b) + __LINE__)\n"
                                  "int g(int x);\nint g(int x)\n{\n  return F(x +\n"
                                  "    5,\n"
                                  "    2);\n}\nint h(void);\nint h(void) { return __LINE__; }\n";
    cleanup_free char *kept = keep(original, patched, LINEKEEP_DONE);
    cleanup_free char *object = NULL;
    size_t size;

    (void)state;
    assert_non_null(strstr(kept, "#line 6\n    2);\n"));
    object = compile(kept, &size);
    assert_non_null(object);
}

static void write_in(const char *directory, const char *name, const char *text)
{
    cleanup_free char *path = sc_format("%s/%s/%s", work, directory, name);
    cleanup_free char *parent = sc_format("%s", path);

    *strrchr(parent, '/') = '\0';
    assert_int_equal(sc_dir_make(parent, 0755, NULL), 0);
    write_text(path, text);
}

static void tree_rewrites_sources_and_reports_the_rest(void **state)
{
    cleanup_free char *a = sc_format("%s/a", work), *b = sc_format("%s/b", work);
    cleanup_free char *first = sc_format("%s/b/x/one.c", work), *text = NULL;
    static const char *const skip[] = {"skipped", NULL};
    struct linekeep_report report = {0};
    struct stat st;
    size_t size;

    (void)state;
    write_in("a", "x/one.c", "1\n2\n");
    write_in("b", "x/one.c", "0\n1\n2\n");
    write_in("a", "two.h", "1\n2\n");
    write_in("b", "two.h", "1\n0\n2\n");
    write_in("a", "same.c", "1\n");
    write_in("b", "same.c", "1\n");
    write_in("a", "gram.y", "1\n2\n");
    write_in("b", "gram.y", "0\n1\n2\n");
    write_in("a", "made.c", "#line 1 \"x.y\"\n");
    write_in("b", "made.c", "0\n#line 1 \"x.y\"\n");
    write_in("a", "gone.c", "1\n");
    write_in("b", "new.c", "1\n");
    write_in("b", "skipped/three.c", "1\n");
    assert_int_equal(chmod(first, 0755), 0);
    assert_int_equal(linekeep_tree(a, b, skip, &report, NULL), 0);
    assert_int_equal(report.changed.count, 5);
    assert_false(string_list_has(&report.changed, "same.c"));
    assert_true(string_list_has(&report.changed, "new.c"));
    assert_int_equal(report.kept.count, 2);
    assert_int_equal(report.left.count, 1);
    assert_non_null(strstr(report.left.items[0], "made.c: "));
    assert_int_equal(report.removed.count, 1);
    assert_string_equal(report.removed.items[0], "gone.c");
    linekeep_report_clear(&report);
    assert_int_equal(sc_file_read(first, 1000, &text, &size, NULL), 0);
    /* two.h was numbered before: numbers are unique in the tree */
    assert_string_equal(text, "#line 20001\n0\n#line 1\n1\n2\n");
    assert_int_equal(stat(first, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
}

static int make_work(void **state)
{
    (void)state;
    snprintf(work, sizeof(work), "%s/package-linekeep.XXXXXX", getenv("top_builddir"));
    return mkdtemp(work) ? 0 : -1;
}

static int remove_work(void **state)
{
    (void)state;
    return sc_tree_remove(work, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inserted_line_gets_a_number_of_its_own),
        cmocka_unit_test(changed_and_deleted_lines_leave_the_others_numbered),
        cmocka_unit_test(no_directive_inside_comment_string_or_continuation),
        cmocka_unit_test(quotes_in_skipped_text_and_numbers_close_nothing),
        cmocka_unit_test(numbers_are_set_again_after_a_group_that_may_be_skipped),
        cmocka_unit_test(files_that_cannot_be_kept_are_left_alone),
        cmocka_unit_test(only_c_family_names_match),
        cmocka_unit_test(line_diff_pairs_equal_lines_in_order),
        cmocka_unit_test(gcc_gives_unchanged_lines_their_old_numbers),
        cmocka_unit_test(objects_of_our_sources_do_not_change_by_moved_lines),
        cmocka_unit_test(directive_inside_macro_arguments_compiles),
        cmocka_unit_test(tree_rewrites_sources_and_reports_the_rest),
    };

    return cmocka_run_group_tests(tests, make_work, remove_work);
}

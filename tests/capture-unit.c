// SPDX-License-Identifier: GPL-2.0-or-later
// Tests of what the shims parse: response files, command lines of as and ld, maps, assembler text,
// notes.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "wrappers/as_options.h"
#include "wrappers/as_source.h"
#include "wrappers/ld_options.h"
#include "wrappers/link_map.h"
#include "wrappers/object_note.h"
#include "wrappers/response_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

/* A file with this text in a new directory, which is the working directory from then on. */
static void file_make(const char *name, const char *text)
{
    cleanup_file FILE *file = fopen(name, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
}

static int directory_enter(void **state)
{
    char *path = sc_format("%s/capture-unit.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");

    *state = path;
    return mkdtemp(path) && chdir(path) == 0 ? 0 : -1;
}

static int directory_leave(void **state)
{
    int result = chdir("/") == 0 ? sc_tree_remove(*state, NULL) : -1;

    free(*state);
    return result;
}

/* The vector's words, joined by '|'. */
static char *join(char *const *argv)
{
    char *text = sc_format("%s", "");

    for (; *argv; argv++) {
        char *longer = sc_format("%s%s%s", text, *text ? "|" : "", *argv);

        free(text);
        text = longer;
    }
    return text;
}

static void assert_expands_to(const char *text, const char *wanted)
{
    char *argv[] = {(char *)"ld", (char *)"@words", NULL};
    cleanup_argv char **expanded = NULL;
    cleanup_free char *got = NULL;

    file_make("words", text);
    expanded = argv_expand(argv);
    got = join(expanded);
    assert_string_equal(got, wanted);
}

static void response_files_are_split_as_gnu_programs_do(void **state)
{
    (void)state;
    assert_expands_to("a b\n\tc  ", "ld|a|b|c");
    assert_expands_to("'a b' \"c d\" e\\ f", "ld|a b|c d|e f");
    assert_expands_to("'a\\'b' \"x\\\"y\" z'1'\"2\"", "ld|a'b|x\"y|z12");
    assert_expands_to("'unterminated word", "ld|unterminated word");
    assert_expands_to("", "ld");
    assert_expands_to("\\", "ld|\\");
}

static void response_files_may_name_others_but_not_themselves_for_ever(void **state)
{
    char *argv[] = {(char *)"ld", (char *)"@self", NULL};
    cleanup_argv char **expanded = NULL;

    (void)state;
    file_make("inner", "x y");
    assert_expands_to("a @inner b", "ld|a|x|y|b");
    assert_expands_to("a @missing", "ld|a|@missing");
    file_make("self", "w @self");
    expanded = argv_expand(argv);
    assert_non_null(expanded);
}

/* A link of a browser has some 50,000 words in some megabytes. */
static void long_response_files_take_little_memory(void **state)
{
    const size_t count = 20000;
    char *argv[] = {(char *)"ld", (char *)"@long", NULL};
    cleanup_argv char **expanded = NULL;
    const struct rlimit little = {.rlim_cur = 256u << 20, .rlim_max = RLIM_INFINITY};
    struct rlimit before;
    FILE *file = fopen("long", "we");

    (void)state;
    assert_non_null(file);
    for (size_t i = 0; i < count; i++)
        fprintf(file, "obj/a/long/name/of/a/directory/and/of/a/file_%05zu.o\n", i);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
    expanded = argv_expand(argv);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_string_equal(expanded[count], "obj/a/long/name/of/a/directory/and/of/a/file_19999.o");
    assert_null(expanded[count + 1]);
}

static void assembler_options_with_an_argument_apart_are_no_inputs(void **state)
{
    char *argv[] = {(char *)"as",   (char *)"-I", (char *)"include",
                    (char *)"--64", (char *)"-o", (char *)"x.o",
                    (char *)"--MD", (char *)"d",  NULL};
    cleanup_as_options struct as_options options;
    cleanup_free char *code = NULL;

    (void)state;
    as_options_parse(argv, &options);
    assert_string_equal(options.output, "x.o");
    assert_string_equal(options.dependency, "d");
    assert_int_equal(options.input_count, 0);
    assert_true(as_options_stdin(&options));
    code = join(options.code_options);
    assert_string_equal(code, "-I|include|--64");
}

static void assembler_inputs_and_listings_are_told_apart(void **state)
{
    char *argv[] = {
        (char *)"as",       (char *)"a.s", (char *)"-aln=list", (char *)"-ofile.o", (char *)"-g",
        (char *)"--defsym", (char *)"X=1", (char *)"b.s",       (char *)"-O2",      NULL};
    cleanup_as_options struct as_options options;
    cleanup_free char *code = NULL, *inputs = NULL;

    (void)state;
    as_options_parse(argv, &options);
    assert_string_equal(options.output, "file.o");
    inputs = join(options.inputs);
    assert_string_equal(inputs, "a.s|b.s");
    assert_false(as_options_stdin(&options));
    code = join(options.code_options);
    assert_string_equal(code, "-g|--defsym|X=1|-O2");
}

static struct ld_options ld_parse(const char *first, const char *second, const char *third)
{
    char *argv[] = {(char *)"ld", (char *)first, (char *)second, (char *)third, NULL};
    struct ld_options options;

    ld_options_parse(argv, &options);
    return options;
}

static void linker_outputs_are_found_in_every_spelling(void **state)
{
    (void)state;
    assert_string_equal(ld_parse("-o", "prog", "x.o").output, "prog");
    assert_string_equal(ld_parse("-oprog", "x.o", NULL).output, "prog");
    assert_string_equal(ld_parse("--output=prog", "x.o", NULL).output, "prog");
    assert_string_equal(ld_parse("--output", "prog", "x.o").output, "prog");
    assert_string_equal(ld_parse("x.o", NULL, NULL).output, "a.out");
    assert_string_equal(ld_parse("-soname", "-oops", "x.o").output, "a.out");
    assert_string_equal(ld_parse("x.o", "-o", NULL).output, "a.out");
}

static void linker_maps_of_the_package_are_noticed(void **state)
{
    (void)state;
    assert_string_equal(ld_parse("-Map=m", "x.o", NULL).map, "m");
    assert_string_equal(ld_parse("-Map", "m", "x.o").map, "m");
    assert_string_equal(ld_parse("--Map=m", "x.o", NULL).map, "m");
    assert_true(ld_parse("-M", "x.o", NULL).map_stdout);
    assert_true(ld_parse("-Map=-", "x.o", NULL).map_stdout);
    assert_null(ld_parse("-M", "x.o", NULL).map);
    assert_false(ld_parse("-m", "-M", "x.o").map_stdout);
    assert_true(ld_parse("-plugin", "lto.so", "x.o").plugin);
    assert_false(ld_parse("-plugin-opt=a", "-plugin-opt", "-M").plugin);
}

/* The names that a map of this text gives, joined by '|'. */
static void assert_map_names(const char *text, const char *wanted)
{
    cleanup_map_inputs struct map_inputs inputs = {0};
    cleanup_free char *got = sc_format("%s", "");

    file_make("map", text);
    assert_int_equal(link_map_read("map", &inputs, NULL), 0);
    for (size_t i = 0; i < inputs.count; i++) {
        char *longer = sc_format("%s%s%s", got, *got ? "|" : "", inputs.inputs[i].name);

        free(got);
        got = longer;
    }
    assert_string_equal(got, wanted);
}

static void maps_of_gnu_ld_give_files_and_members(void **state)
{
    (void)state;
    assert_map_names(
        "Archive member included to satisfy reference by file (symbol)\n\n"
        "libx.a(y.o)                   main.o (f)\n"
        "libalongname.a(alongname.c.o)\n"
        "                              main.o (g)\n"
        "lib with blank.a(z.o)         (--whole-archive)\n\n"
        "As-needed library included to satisfy reference by file (symbol)\n\n"
        "libc.so.6                     main.o (puts)\n\n"
        "Memory Configuration\n\nLOAD main.o\nLOAD libx.a\nLOAD main.o\n"
        " .text          0x0000000000001000       0x10 ignored.o\n",
        "libx.a(y.o)|libalongname.a(alongname.c.o)|lib with blank.a(z.o)|main.o|libx.a");
}

static void maps_of_gold_give_contributions(void **state)
{
    (void)state;
    assert_map_names("Archive member included because of file (symbol)\n\n"
                     "libx.a(y.o)                   main.o (f)\n\n"
                     "Memory map\n\n ** file header\n"
                     "                0x0000000000000000       0x40\n"
                     ".text           0x0000000000001000       0x10\n"
                     " .text          0x0000000000001000       0x10 main.o\n"
                     " .text          0x0000000000001010       0x10 libx.a(y.o)\n"
                     " ** fill        0x0000000000001020       0x10\n",
                     "libx.a(y.o)|main.o");
}

static void maps_of_lld_give_the_column_of_inputs(void **state)
{
    (void)state;
    assert_map_names(
        "             VMA              LMA     Size Align Out     In      Symbol\n"
        "             2a8              2a8       1c     1 .interp\n"
        "             2a8              2a8       1c     1         <internal>:(.interp)\n"
        "            1000             1000       10    16         main.o:(.text)\n"
        "            1000             1000       10     1                 main\n"
        "            1010             1010       10    16         libx.a(y.o):(.text.f)\n",
        "main.o|libx.a(y.o)");
}

static void members_are_split_from_archives_unless_a_file_has_that_name(void **state)
{
    cleanup_map_inputs struct map_inputs inputs = {0};

    (void)state;
    file_make("odd(name)", "");
    file_make("map", "LOAD lib.a(y.o)\nLOAD odd(name)\nLOAD (x)\n");
    assert_int_equal(link_map_read("map", &inputs, NULL), 0);
    assert_int_equal(inputs.count, 3);
    assert_string_equal(inputs.inputs[0].path, "lib.a");
    assert_string_equal(inputs.inputs[0].member, "y.o");
    assert_string_equal(inputs.inputs[1].path, "odd(name)");
    assert_null(inputs.inputs[1].member);
    assert_string_equal(inputs.inputs[2].path, "(x)");
}

static void source_read(const char *text, struct as_source *source)
{
    cleanup_close int fd = -1;

    file_make("text.s", text);
    fd = open("text.s", O_RDONLY | O_CLOEXEC);
    assert_int_equal(as_source_read(fd, source, NULL), 0);
}

static void assembler_text_tells_where_it_came_from(void **state)
{
    cleanup_as_source struct as_source by_cpp = {0}, by_cc1 = {0}, by_hand = {0};

    (void)state;
    file_make("has \"quotes\".h", "");
    source_read("# 0 \"x.S\"\n# 0 \"<built-in>\"\n# 1 \"/tmp//\"\n# 1 \"has \\\"quotes\\\".h\" 1\n",
                &by_cpp);
    assert_string_equal(by_cpp.name, "x.S");
    assert_int_equal(json_object_array_length(by_cpp.deps), 1);
    assert_string_equal(json_object_get_string(json_object_array_get_idx(by_cpp.deps, 0)),
                        "has \"quotes\".h");
    assert_false(by_cpp.compiler_made);
    source_read("\t.file\t\"x.c\"\n\t.text\n", &by_cc1);
    assert_true(by_cc1.compiler_made);
    source_read("\n/* by hand */\n# 1 \"no.c\"\n", &by_hand);
    assert_false(by_hand.compiler_made);
    assert_null(by_hand.name);
}

static void dependency_rules_are_read_with_their_escapes(void **state)
{
    cleanup_json struct json_object *deps = json_object_new_array();

    (void)state;
    file_make("a b", "");
    file_make("c$d", "");
    file_make("rule", "out.o: a\\ b c$$d \\\n  skip.s missing c$$d\n");
    file_make("skip.s", "");
    assert_int_equal(as_dependencies_read("rule", "skip.s", deps, NULL), 0);
    assert_string_equal(json_object_to_json_string_ext(deps, JSON_C_TO_STRING_PLAIN),
                        "[\"a b\",\"c$d\"]");
}

static void objects_that_are_damaged_are_errors(void **state)
{
    struct object_facts facts;
    cleanup_error struct sc_error *err = NULL;
    cleanup_json struct json_object *record = json_object_new_object();

    (void)state;
    file_make("text.o", "\177ELF\2\1\1");
    assert_int_equal(object_facts_read_file("text.o", &facts, &err), -1);
    object_facts_free(&facts);
    assert_int_equal(object_note_add("text.o", record, NULL), -1);
    assert_int_equal(object_note_add("missing.o", record, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(response_files_are_split_as_gnu_programs_do),
        cmocka_unit_test(response_files_may_name_others_but_not_themselves_for_ever),
        cmocka_unit_test(long_response_files_take_little_memory),
        cmocka_unit_test(assembler_options_with_an_argument_apart_are_no_inputs),
        cmocka_unit_test(assembler_inputs_and_listings_are_told_apart),
        cmocka_unit_test(linker_outputs_are_found_in_every_spelling),
        cmocka_unit_test(linker_maps_of_the_package_are_noticed),
        cmocka_unit_test(maps_of_gnu_ld_give_files_and_members),
        cmocka_unit_test(maps_of_gold_give_contributions),
        cmocka_unit_test(maps_of_lld_give_the_column_of_inputs),
        cmocka_unit_test(members_are_split_from_archives_unless_a_file_has_that_name),
        cmocka_unit_test(assembler_text_tells_where_it_came_from),
        cmocka_unit_test(dependency_rules_are_read_with_their_escapes),
        cmocka_unit_test(objects_that_are_damaged_are_errors),
    };

    return cmocka_run_group_tests(tests, directory_enter, directory_leave);
}

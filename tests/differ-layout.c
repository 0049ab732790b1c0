// SPDX-License-Identifier: GPL-2.0-or-later
// Tests of the comparison of type layouts: pairs of sources, compiled, with the refusal expected.
#include "differ/differ.h"
#include "lib/cleanup.h"
#include "lib/file.h"
#include "lib/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Two versions of a source that uses its types, and how the refusal begins; NULL for none. */
struct layout_case {
    const char *name, *original, *patched, *refusal;
};

/* More sections than sixteen bits count, as -ffunction-sections makes of many functions. */
#define MANY_SECTIONS                                                                              \
    "asm(\".macro one\\n.section .text.f\\\\@,\\\"ax\\\"\\n.byte 0\\n.endm\\n"                     \
    ".rept 66000\\none\\n.endr\\n.text\"); "

static const struct layout_case cases[] = {
    {"member added at the end", "struct s { int a; long b; } x;",
     "struct s { int a; long b; int c; } x;",
     "struct s (patched.c:1) changes from 16 to 24 bytes: member c at offset 16 is new"},
    {"member added in padding", "struct s { int a; long b; } x;",
     "struct s { int a; int c; long b; } x;",
     "struct s (patched.c:1) changes from 16 to 16 bytes: member c at offset 4 is new"},
    {"members reordered", "struct s { int a; int b; } x;", "struct s { int b; int a; } x;",
     "struct s (patched.c:1) changes from 8 to 8 bytes: member a moves from offset 0 to offset 4"},
    {"member removed", "struct s { int a; int b; } x;", "struct s { int a; } x;",
     "struct s (patched.c:1) changes from 8 to 4 bytes: member b at offset 4 goes"},
    {"number becomes floating", "struct s { int a; } x;", "struct s { float a; } x;",
     "struct s (patched.c:1) changes from 4 to 4 bytes: the type of member a at offset 0 changes"},
    {"pointer to another structure",
     "struct p { int a; } *y; struct q { int a; } *z; struct s { struct p *v; } x;",
     "struct p { int a; } *y; struct q { int a; } *z; struct s { struct q *v; } x;",
     "struct s (patched.c:1) changes from 8 to 8 bytes: the type of member v at offset 0 changes"},
    {"bit-field widened", "struct s { unsigned a : 3, b : 3; } x;",
     "struct s { unsigned a : 4, b : 3; } x;", "struct s (patched.c:1) changes from 4 to 4 bytes:"},
    {"array grows", "struct s { char a[8]; } x;", "struct s { char a[16]; } x;",
     "struct s (patched.c:1) changes from 8 to 16 bytes: the type of member a at offset 0 changes"},
    {"callback gets a parameter", "struct s { int (*f)(int); } x;",
     "struct s { int (*f)(int, long); } x;",
     "struct s (patched.c:1) changes from 8 to 8 bytes: the type of member f at offset 0 changes"},
    {"typedef of a nameless structure", "typedef struct { int a; } t; t x;",
     "typedef struct { int a, b; } t; t x;",
     "typedef t (patched.c:1) changes from 4 to 8 bytes: member b at offset 4 is new"},
    {"nameless union inside", "struct s { union { int a; long b; }; } x;",
     "struct s { union { int a; char b[8]; }; } x;",
     "struct s (patched.c:1) changes from 8 to 8 bytes: its contents change"},
    {"type inside a function", "int f(void) { struct s { int a; } x = {1}; return x.a; }",
     "int f(void) { struct s { int a, b; } x = {1, 2}; return x.a; }",
     "f()::struct s (patched.c:1) changes from 4 to 8 bytes: member b at offset 4 is new"},
    {"enumerator inserted", "enum e { A, B } x;", "enum e { A, N, B } x;",
     "enum e (patched.c:1): the value of B changes from 1 to 2"},
    {"nameless enumerator inserted", "enum { A, B }; int x = B; enum { C } c;",
     "enum { A, N, B }; int x = B; enum { C } c;",
     "enumerator B (patched.c:1): the value of B changes from 1 to 2"},
    {"nameless enumerator in use", "enum { A } x = A;", "enum { N, A } x = A;",
     "enumerator A (patched.c:1): the value of A changes from 0 to 1"},
    {"enumerator added at the end", "enum e { A, B } x;", "enum e { A, B, C } x;", NULL},
    {"sizes that look negative in two bytes", "struct s { char a[45000]; } x;",
     "struct s { char a[45008]; } x;",
     "struct s (patched.c:1) changes from 45000 to 45008 bytes: the type of member a at offset 0"},
    {"signedness and bool", "struct s { _Bool a; int b; } x;",
     "struct s { unsigned char a; unsigned b; } x;", NULL},
    {"member renamed", "struct s { int a; } x;", "struct s { int b; } x;", NULL},
    {"no types at all", "int x;", "int x; int y;", NULL},
    {"new type", "struct s { int a; } x;", "struct n { int z; } y; struct s { int a; } x;", NULL},
    {"const and typedef", "struct s { char *a; } x;", "typedef char c; struct s { const c *a; } x;",
     NULL},
    {"incomplete type completed", "struct p; struct s { struct p *a; } x;",
     "struct p { int a; }; struct s { struct p *a; } x; struct p y;", NULL},
    {"member added in an object with 66,000 sections", MANY_SECTIONS "struct s { int a; } x;",
     MANY_SECTIONS "struct s { int a, b; } x;",
     "struct s (patched.c:1) changes from 4 to 8 bytes: member b at offset 4 is new"},
    {"list of itself", "struct s { struct s *next; } x;", "struct s { struct s *next; } x; int y;",
     NULL},
};

static char *compile(const char *scratch, const char *name, const char *source, const char *flag)
{
    cleanup_free char *file = sc_format("%s/%s.c", scratch, name);
    char *object = sc_format("%s/%s.o", scratch, name);
    const char *argv[] = {"gcc", "-c", flag, "-o", object, file, NULL};

    assert_int_equal(sc_file_replace(file, source, strlen(source), 0600, NULL), 0);
    assert_int_equal(sc_run(&(struct sc_run){.argv = argv}, NULL), 0);
    return object;
}

/* Runs the phase on a pair of objects of which one function changed. */
static void run_phase(struct differ *differ, const struct layout_case *test, const char *flag)
{
    char scratch[] = "/tmp/syscare-layout.XXXXXX";
    cleanup_free char *original = NULL, *patched = NULL;
    static struct symbol changed = {.status = STATUS_NEW};
    static struct object object;
    static struct job_object pair;

    assert_non_null(mkdtemp(scratch));
    original = compile(scratch, "original", test->original, flag);
    patched = compile(scratch, "patched", test->patched, flag);
    memset(&object, 0, sizeof(object));
    pair = (struct job_object){.name = "unit.o",
                               .source = "unit.c",
                               .reference_path = original,
                               .patched_path = patched,
                               .reference = &object,
                               .patched = &object};
    object.job = &pair;
    list_add(&differ->pool, &object.functions, &changed);
    differ->job.objects = &pair;
    differ->job.object_count = 1;
    differ->job.edits.root = scratch;
    assert_int_equal(phase_layout(differ, NULL), 0);
    sc_tree_remove(scratch, NULL);
}

static void check_with(const char *flag)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct layout_case *test = &cases[i];
        struct differ differ = {0};
        const struct refusal *refusal;

        run_phase(&differ, test, flag);
        if (differ.refusals.count != (test->refusal ? 1 : 0))
            fail_msg("%s (%s): %zu refusals", test->name, flag, differ.refusals.count);
        if (test->refusal) {
            refusal = differ.refusals.items[0];
            assert_string_equal(refusal_name(refusal->code), "type-layout");
            assert_true(strncmp(refusal->message, test->refusal, strlen(test->refusal)) == 0);
        }
        pool_free(&differ.pool);
    }
}

static void changed_layouts_are_refused_and_compatible_ones_are_not(void **state)
{
    (void)state;
    check_with("-g");
}

static void dwarf_4_tells_the_same(void **state)
{
    (void)state;
    check_with("-gdwarf-4");
}

static void objects_without_debugging_information_are_refused(void **state)
{
    static const struct layout_case bare = {"bare", "int x;", "int x;", NULL};
    struct differ differ = {0};
    const struct refusal *refusal;

    (void)state;
    run_phase(&differ, &bare, "-g0");
    assert_int_equal(differ.refusals.count, 1);
    refusal = differ.refusals.items[0];
    assert_string_equal(refusal_name(refusal->code), "no-debug-info");
    pool_free(&differ.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_layouts_are_refused_and_compatible_ones_are_not),
        cmocka_unit_test(dwarf_4_tells_the_same),
        cmocka_unit_test(objects_without_debugging_information_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Tests of lib/: errors, files, JSON, digests and ELF files.
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/elf_file.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "lib/run.h"
#include "lib/target_digest.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

/* A scratch directory for one test; removed by its teardown. */
static int make_scratch(void **state)
{
    char *scratch = sc_format("%s/syscare-lib.XXXXXX", getenv("TMPDIR") ?: "/tmp");

    if (!mkdtemp(scratch))
        return -1;
    *state = scratch;
    return 0;
}

static int remove_scratch(void **state)
{
    sc_tree_remove(*state, NULL);
    free(*state);
    return 0;
}

static int count_file(const char *path, const char *relative, void *data, struct sc_error **err)
{
    (void)path;
    (void)relative;
    (void)err;
    ++*(int *)data;
    return 0;
}

static void error_context_is_wrapped_around_the_cause(void **state)
{
    cleanup_error struct sc_error *err = NULL;

    (void)state;
    errno = ENOENT;
    assert_int_equal(sc_error_errno(&err, "cannot open %s", "x"), -1);
    assert_int_equal(err->saved_errno, ENOENT);
    sc_error_wrap(&err, "patch %d", 7);
    assert_string_equal(err->message, "patch 7: cannot open x: No such file or directory");
    sc_error_set(&err, SC_REFUSED, "no");
    assert_int_equal(sc_error_status(err), SC_REFUSED);
    assert_int_equal(sc_error_set(NULL, SC_FAILED, "nobody listens"), -1);
}

static void file_replace_keeps_the_old_contents_when_the_disk_is_full(void **state)
{
    cleanup_free char *path = sc_format("%s/state", (char *)*state);
    cleanup_error struct sc_error *err = NULL;
    cleanup_free char *data = NULL;
    struct rlimit limit, small = {4, 4};
    size_t size;
    int files = 0;

    assert_int_equal(sc_file_replace(path, "old", 3, 0600, &err), 0);
    getrlimit(RLIMIT_FSIZE, &limit);
    small.rlim_max = limit.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(sc_file_replace(path, "much longer", 11, 0600, &err), -1);
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_int_equal(sc_file_read(path, 100, &data, &size, NULL), 0);
    assert_string_equal(data, "old");
    assert_int_equal(sc_tree_walk(*state, count_file, &files, NULL), 0);
    assert_int_equal(files, 1); /* no temporary file stays */
}

static void file_read_refuses_what_is_too_large_or_not_a_file(void **state)
{
    cleanup_free char *path = sc_format("%s/f", (char *)*state);
    cleanup_error struct sc_error *err = NULL;
    char *data = NULL;
    size_t size;

    assert_int_equal(sc_file_replace(path, "12345", 5, 0600, NULL), 0);
    assert_int_equal(sc_file_read(path, 4, &data, &size, &err), -1);
    assert_non_null(strstr(err->message, "larger than 4"));
    assert_int_equal(sc_file_read(*state, 100, &data, &size, &err), -1);
    assert_int_equal(sc_file_read(path, 5, &data, &size, &err), 0);
    assert_int_equal(size, 5);
    free(data);
}

static void tree_remove_takes_read_only_directories_and_dangling_links(void **state)
{
    cleanup_free char *deep = sc_format("%s/t/a/b", (char *)*state);
    cleanup_free char *top = sc_format("%s/t", (char *)*state);
    cleanup_free char *link = sc_format("%s/t/a/link", (char *)*state);

    assert_int_equal(sc_dir_make(deep, 0755, NULL), 0);
    assert_int_equal(symlink("/nowhere", link), 0);
    chmod(deep, 0500);
    assert_int_equal(sc_tree_remove(top, NULL), 0);
    assert_false(sc_file_exists(top));
    assert_int_equal(sc_tree_remove(top, NULL), 0);
}

static void run_reports_status_signal_and_output(void **state)
{
    const char *echo[] = {"sh", "-c", "echo $A$B; exit 3", NULL};
    const char *die[] = {"sh", "-c", "kill -9 $$", NULL};
    const char *env[] = {"A=one", "B", NULL};
    cleanup_free char *output = NULL;

    (void)state;
    setenv("B", "two", 1);
    assert_int_equal(sc_run(&(struct sc_run){.argv = echo, .env = env, .output = &output}, NULL),
                     3);
    assert_string_equal(output, "one\n");
    assert_int_equal(sc_run(&(struct sc_run){.argv = die}, NULL), 128 + SIGKILL);
}

static void json_with_trailing_text_or_cut_short_is_rejected(void **state)
{
    static const char *const bad[] = {"", "{", "{\"a\":1} x", "{\"a\":1}{", "null", "{\"a\"}"};
    cleanup_json struct json_object *good = sc_json_parse("{\"a\":1}\n", 8, NULL);

    (void)state;
    assert_non_null(good);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        cleanup_error struct sc_error *err = NULL;

        assert_null(sc_json_parse(bad[i], strlen(bad[i]), &err));
        assert_non_null(err);
    }
}

static void json_members_are_checked_for_presence_and_type(void **state)
{
    cleanup_json struct json_object *object =
        sc_json_parse("{\"a\":1,\"s\":\"x\",\"n\":null}", 24, NULL);
    cleanup_error struct sc_error *err = NULL;
    uint64_t value;

    (void)state;
    assert_int_equal(sc_json_u64(object, "a", &value, &err), 0);
    assert_int_equal(value, 1);
    assert_null(sc_json_string(object, "a", &err));
    assert_string_equal(err->message, "JSON member 'a' is not of type string");
    assert_int_equal(sc_json_u64(object, "b", &value, &err), -1);
    assert_string_equal(err->message, "JSON member 'b' is missing");
    assert_string_equal(sc_json_string_optional(object, "n", "default"), "default");
}

static void digest_equals_the_published_value_and_hex_round_trips(void **state)
{
    uint8_t digest[SC_DIGEST_SIZE], again[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE];

    (void)state;
    sc_digest_memory("abc", 3, digest); /* FIPS 180-2, appendix B.1 */
    sc_hex_encode(digest, sizeof(digest), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(sc_hex_decode(hex, again, sizeof(again)), 0);
    assert_memory_equal(digest, again, sizeof(digest));
    assert_int_equal(sc_hex_decode("ab0", again, 1), -1);
    assert_int_equal(sc_hex_decode("a", again, 1), -1);
    assert_int_equal(sc_hex_decode("zz", again, 1), -1);
}

/* Compiles the source into a shared library in the scratch directory; returns its path. */
static char *compile(const char *scratch, const char *source, const char *name, const char *flag)
{
    cleanup_free char *file = sc_format("%s/%s.c", scratch, name);
    char *out = sc_format("%s/%s.so", scratch, name);
    const char *argv[] = {"gcc", "-shared", "-fPIC", "-g", "-O2", "-Wl,--build-id",
                          flag,  "-o",      out,     file, NULL};

    assert_int_equal(sc_file_replace(file, source, strlen(source), 0600, NULL), 0);
    assert_int_equal(sc_run(&(struct sc_run){.argv = argv}, NULL), 0);
    return out;
}

static void digest_of(const char *path, uint8_t digest[SC_DIGEST_SIZE])
{
    cleanup_error struct sc_error *err = NULL;
    cleanup_elf struct elf_file *file = elf_file_open(path, &err);

    assert_non_null(file);
    assert_int_equal(target_digest(file, digest, &err), 0);
}

static void target_digest_ignores_stripping_and_build_id_but_no_byte_of_code(void **state)
{
    static const char source[] = "int f(int a) { return a + 1; }\n";
    cleanup_free char *plain = compile(*state, source, "plain", "-O2");
    cleanup_free char *other = compile(*state, "int f(int a) { return a + 2; }\n", "other", "-O2");
    cleanup_free char *id =
        compile(*state, source, "id", "-Wl,--build-id=0x0102030405060708090a0b0c0d0e0f1011121314");
    cleanup_free char *bare = sc_format("%s/bare.so", (char *)*state);
    const char *strip[] = {"strip", "-o", bare, plain, NULL};
    uint8_t a[SC_DIGEST_SIZE], b[SC_DIGEST_SIZE];

    assert_int_equal(sc_run(&(struct sc_run){.argv = strip}, NULL), 0);
    digest_of(plain, a);
    digest_of(bare, b);
    assert_memory_equal(a, b, sizeof(a));
    digest_of(id, b);
    assert_memory_equal(a, b, sizeof(a));
    digest_of(other, b);
    assert_memory_not_equal(a, b, sizeof(a));
}

static void target_digest_refuses_a_separate_debug_file(void **state)
{
    cleanup_free char *plain = compile(*state, "int f(void) { return 1; }\n", "plain", "-O2");
    cleanup_free char *debug = sc_format("%s/plain.debug", (char *)*state);
    const char *split[] = {"objcopy", "--only-keep-debug", plain, debug, NULL};
    cleanup_error struct sc_error *err = NULL;
    uint8_t digest[SC_DIGEST_SIZE], id[SC_BUILD_ID_MAX], again[SC_BUILD_ID_MAX];
    cleanup_elf struct elf_file *whole = elf_file_open(plain, &err);
    cleanup_elf struct elf_file *file = NULL;

    assert_int_equal(sc_run(&(struct sc_run){.argv = split}, NULL), 0);
    file = elf_file_open(debug, &err);
    assert_non_null(file);
    assert_int_equal(target_digest(file, digest, &err), -1);
    assert_int_equal(elf_build_id(whole, id, &err), 20);
    assert_int_equal(elf_build_id(file, again, &err), 20);
    assert_memory_equal(id, again, 20);
}

/* Every byte of the headers flipped, and every length cut: an answer or an error, never a crash. */
static void damaged_elf_files_never_crash_the_reader(void **state)
{
    cleanup_free char *plain = compile(*state, "int f(void) { return 1; }\n", "plain", "-O2");
    cleanup_free char *bad = sc_format("%s/bad.so", (char *)*state);
    cleanup_free char *data = NULL;
    size_t size;

    assert_int_equal(sc_file_read(plain, 1 << 20, &data, &size, NULL), 0);
    for (size_t i = 0; i < 2200; i++) {
        size_t at = i < 600 ? i : size - (i - 599);
        uint8_t digest[SC_DIGEST_SIZE], id[SC_BUILD_ID_MAX];
        cleanup_elf struct elf_file *file = NULL;
        int fd = open(bad, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        data[at] ^= 0x5a;
        assert_int_equal(sc_write_all(fd, data, i % 3 ? size : at), 0);
        close(fd);
        data[at] ^= 0x5a;
        file = elf_file_open(bad, NULL);
        if (file) {
            (void)target_digest(file, digest, NULL);
            (void)elf_build_id(file, id, NULL);
        }
    }
}

static void offset_of_vaddr_follows_the_segments(void **state)
{
    cleanup_free char *plain =
        compile(*state, "int v = 5; int f(void) { return v; }\n", "plain", "-O2");
    cleanup_elf struct elf_file *file = elf_file_open(plain, NULL);
    struct elf_section *data = elf_section_find(file, ".data");
    uint64_t offset;

    assert_int_equal(elf_offset_of_vaddr(file, data->shdr.sh_addr, &offset, NULL), 0);
    assert_int_equal(offset, data->shdr.sh_offset);
    assert_int_not_equal(data->shdr.sh_offset, data->shdr.sh_addr);
    assert_int_equal(elf_offset_of_vaddr(file, UINT64_MAX, &offset, NULL), -1);
}

#define scratch_test(f) cmocka_unit_test_setup_teardown(f, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_context_is_wrapped_around_the_cause),
        scratch_test(file_replace_keeps_the_old_contents_when_the_disk_is_full),
        scratch_test(file_read_refuses_what_is_too_large_or_not_a_file),
        scratch_test(tree_remove_takes_read_only_directories_and_dangling_links),
        cmocka_unit_test(run_reports_status_signal_and_output),
        cmocka_unit_test(json_with_trailing_text_or_cut_short_is_rejected),
        cmocka_unit_test(json_members_are_checked_for_presence_and_type),
        cmocka_unit_test(digest_equals_the_published_value_and_hex_round_trips),
        scratch_test(target_digest_ignores_stripping_and_build_id_but_no_byte_of_code),
        scratch_test(target_digest_refuses_a_separate_debug_file),
        scratch_test(damaged_elf_files_never_crash_the_reader),
        scratch_test(offset_of_vaddr_follows_the_segments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

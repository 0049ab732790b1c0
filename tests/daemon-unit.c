// SPDX-License-Identifier: GPL-2.0-or-later
// Unit tests of the daemon: state file, names of patches, requests, settings.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/options.h"
#include "runtime/patch_id.h"
#include "runtime/request.h"
#include "runtime/state_file.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define UUID_A "11111111-1111-8111-8111-111111111111"
#define UUID_B "22222222-2222-8222-8222-222222222222"

static char *directory;

static char *path_of(const char *name)
{
    return sc_format("%s/%s", directory, name);
}

static int make_directory(void **data)
{
    cleanup_free char *here = getcwd(NULL, 0);
    cleanup_free char *template = sc_format("%s/daemon-unit.XXXXXX", here);

    (void)data;
    directory = mkdtemp(template) ? sc_format("%s", template) : NULL;
    return directory ? 0 : -1;
}

static int remove_directory(void **data)
{
    int result = sc_tree_remove(directory, NULL);

    (void)data;
    free(directory);
    return result;
}

static struct state *make_state(void)
{
    struct state *state = state_new();

    state_boot_id(state->boot_id);
    state->sequence = 7;
    state_add_entry(state, UUID_A, PATCH_ACCEPTED, 3);
    state_add_entry(state, UUID_B, PATCH_DEACTIVED, 7);
    state_add_saved(state, UUID_A, PATCH_ACTIVED, 2);
    state_add_change(state, UUID_B, PATCH_NOT_APPLIED, PATCH_ACTIVED);
    return state;
}

static void state_file_gives_back_what_was_written(void **data)
{
    cleanup_free char *path = path_of("state");
    cleanup_saved_state struct state *state = make_state();
    cleanup_saved_state struct state *again = NULL;
    struct stat st;

    (void)data;
    assert_int_equal(state_write(state, path, NULL), 0);
    again = state_read(path, NULL);
    assert_non_null(again);
    assert_string_equal(again->boot_id, state->boot_id);
    assert_int_equal(again->sequence, 7);
    assert_int_equal(again->entry_count, 2);
    assert_string_equal(again->entries[1].uuid, UUID_B);
    assert_int_equal(again->entries[0].status, PATCH_ACCEPTED);
    assert_int_equal(again->entries[1].order, 7);
    assert_true(again->has_saved);
    assert_int_equal(again->saved_count, 1);
    assert_int_equal(again->change_count, 1);
    assert_int_equal(again->changes[0].to, PATCH_ACTIVED);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void missing_state_file_is_an_empty_state(void **data)
{
    cleanup_free char *path = path_of("none");
    cleanup_saved_state struct state *state = state_read(path, NULL);

    (void)data;
    assert_non_null(state);
    assert_int_equal(state->entry_count, 0);
    assert_false(state->has_saved);
}

/* Reads what is expected to be refused. */
static void assert_damaged(const char *path)
{
    cleanup_error struct sc_error *err = NULL;
    cleanup_saved_state struct state *state = state_read(path, &err);

    assert_null(state);
    assert_non_null(err);
    assert_non_null(strstr(err->message, path));
}

static void every_truncation_of_the_state_file_is_noticed(void **data)
{
    cleanup_free char *path = path_of("truncated");
    cleanup_saved_state struct state *state = make_state();
    cleanup_free char *text = NULL;
    size_t size;

    (void)data;
    assert_int_equal(state_write(state, path, NULL), 0);
    assert_int_equal(sc_file_read(path, STATE_MAX, &text, &size, NULL), 0);
    /* The last byte is the final newline: without it the value is whole. */
    for (size_t left = 0; left + 1 < size; left++) {
        assert_int_equal(truncate(path, (off_t)left), 0);
        assert_damaged(path);
        assert_int_equal(sc_file_replace(path, text, size, 0600, NULL), 0);
    }
}

static void every_flipped_byte_of_the_state_file_is_noticed_or_harmless(void **data)
{
    cleanup_free char *path = path_of("flipped");
    cleanup_saved_state struct state *state = make_state();
    cleanup_free char *text = NULL;
    size_t size, harmless = 0;

    (void)data;
    assert_int_equal(state_write(state, path, NULL), 0);
    assert_int_equal(sc_file_read(path, STATE_MAX, &text, &size, NULL), 0);
    for (size_t i = 0; i < size; i++) {
        cleanup_saved_state struct state *read = NULL;

        text[i] ^= 1;
        assert_int_equal(sc_file_replace(path, text, size, 0600, NULL), 0);
        text[i] ^= 1;
        read = state_read(path, NULL);
        if (!read)
            continue;
        /* White space became other white space: the meaning must be the same. */
        harmless++;
        assert_true(text[i] == ' ' || text[i] == '\n');
        assert_int_equal(read->entry_count, 2);
        assert_int_equal(read->entries[0].status, PATCH_ACCEPTED);
    }
    assert_true(harmless < size / 2);
}

static void state_file_of_a_later_version_is_refused_by_its_format(void **data)
{
    cleanup_free char *path = path_of("future");
    static const char text[] = "{\"format\":2,\"digest\":\"\"}";
    cleanup_error struct sc_error *err = NULL;

    (void)data;
    assert_int_equal(sc_file_replace(path, text, strlen(text), 0600, NULL), 0);
    assert_null(state_read(path, &err));
    assert_non_null(strstr(err->message, "format 2"));
}

/* In a child: limits the size of files, so that the write fails half way. */
static int write_with_limit(const struct state *state, const char *path)
{
    const struct rlimit limit = {.rlim_cur = 100, .rlim_max = 100};
    int status;
    pid_t child = fork();

    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(state_write(state, path, NULL) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void failed_write_leaves_the_old_state_file(void **data)
{
    cleanup_free char *path = path_of("limited");
    cleanup_saved_state struct state *state = make_state();
    cleanup_saved_state struct state *read = NULL;

    (void)data;
    assert_int_equal(state_write(state, path, NULL), 0);
    state->entries[0].status = PATCH_DEACTIVED;
    assert_int_equal(write_with_limit(state, path), 1);
    read = state_read(path, NULL);
    assert_non_null(read);
    assert_int_equal(read->entries[0].status, PATCH_ACCEPTED);
}

/* In a child with a mount namespace of its own: 0 when all is well, otherwise a step's number. */
static int fill_small_disk(const char *mount_point)
{
    cleanup_free char *path = sc_format("%s/state", mount_point);
    cleanup_free char *filler = sc_format("%s/filler", mount_point);
    cleanup_saved_state struct state *state = make_state();
    cleanup_saved_state struct state *read = NULL;
    cleanup_error struct sc_error *err = NULL;
    cleanup_file FILE *file = NULL;

    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", mount_point, "tmpfs", 0, "size=16k") < 0)
        return 77;
    if (state_write(state, path, NULL) < 0)
        return 1;
    file = fopen(filler, "w");
    for (size_t i = 0; file && i < 65536 && fputc('x', file) != EOF; i++)
        ;
    fflush(file);
    state->entries[0].status = PATCH_DEACTIVED;
    if (state_write(state, path, &err) == 0 || !strstr(err->message, "No space"))
        return 2;
    read = state_read(path, NULL);
    return read && read->entries[0].status == PATCH_ACCEPTED ? 0 : 3;
}

static void full_disk_leaves_the_old_state_file(void **data)
{
    cleanup_free char *mount_point = path_of("disk");
    int status;
    pid_t child;

    (void)data;
    if (geteuid() != 0)
        skip();
    assert_int_equal(mkdir(mount_point, 0700), 0);
    child = fork();
    if (child == 0)
        _exit(fill_small_disk(mount_point));
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
}

/* A patch of the target package "<target>-1-1" with the ELF files named. */
static void add_patch(struct patch_store *store, const char *uuid, const char *name,
                      const char *target, size_t elf_count)
{
    struct patch *patch = calloc(1, sizeof(*patch));
    struct patch_info *info = patch_info_new();

    info->uuid = sc_format("%s", uuid);
    info->name = sc_format("%s", name);
    patch->info = info;
    patch->target_name = sc_format("%s-1-1", target);
    patch->name = sc_format("%s-1-1/%s-1-1", target, name);
    patch->entities = calloc(elf_count, sizeof(*patch->entities));
    for (size_t i = 0; i < elf_count; i++) {
        struct patch_entity *entity = patch_info_add_entity(info);

        entity->uuid = sc_format("%.35s%zu", uuid, i);
        patch->entities[i].patch = patch;
        patch->entities[i].name = sc_format("%s/elf%zu", patch->name, i);
    }
    for (size_t i = 0; i < elf_count; i++)
        patch->entities[i].info = &info->entities[i];
    store->patches = reallocarray(store->patches, store->count + 1, sizeof(*store->patches));
    store->patches[store->count++] = patch;
}

static struct patch_store *make_store(void)
{
    struct patch_store *store = store_new("/nowhere", "/nowhere", false);

    add_patch(store, UUID_A, "HP1", "redis", 2);
    add_patch(store, UUID_B, "HP2", "redis", 1);
    add_patch(store, "33333333-3333-8333-8333-333333333333", "HP1", "nginx", 1);
    return store;
}

/* How many entities an id means; -1 when it is refused. */
static int count_of(struct patch_store *store, const char *id)
{
    cleanup_entities struct entity_list list = {0};

    return patch_id_resolve(store, id, &list, NULL) < 0 ? -1 : (int)list.count;
}

static void ids_mean_what_the_contract_says(void **data)
{
    struct patch_store *store = make_store();

    (void)data;
    assert_int_equal(count_of(store, "redis-1-1/HP1-1-1/elf1"), 1);
    assert_int_equal(count_of(store, "redis-1-1/HP1-1-1"), 2);
    assert_int_equal(count_of(store, "redis-1-1"), 3);
    assert_int_equal(count_of(store, "HP2"), 1);
    assert_int_equal(count_of(store, "HP2-1-1"), 1);
    assert_int_equal(count_of(store, UUID_A), 2);
    assert_int_equal(count_of(store, "11111111-1111-8111-8111-111111111110"), 1);
    assert_int_equal(count_of(store, "*"), 4);
    assert_int_equal(count_of(store, "HP?"), 4);
    assert_int_equal(count_of(store, "redis-*/HP1*"), 2);
    assert_int_equal(count_of(store, "[n]ginx*"), 1);
    store_free(store);
}

static void ids_that_mean_nothing_or_too_much_are_refused(void **data)
{
    struct patch_store *store = make_store();
    cleanup_entities struct entity_list list = {0};
    cleanup_error struct sc_error *err = NULL;

    (void)data;
    assert_int_equal(count_of(store, "HP3"), -1);
    assert_int_equal(count_of(store, "redis"), -1);
    assert_int_equal(count_of(store, ""), -1);
    assert_int_equal(count_of(store, "hp*"), -1);
    /* Two packages have a patch HP1: both are named. */
    assert_int_equal(patch_id_resolve(store, "HP1", &list, &err), -1);
    assert_non_null(strstr(err->message, "redis-1-1/HP1-1-1"));
    assert_non_null(strstr(err->message, "nginx-1-1/HP1-1-1"));
    store_free(store);
}

static void entities_named_twice_are_meant_once(void **data)
{
    struct patch_store *store = make_store();
    cleanup_entities struct entity_list list = {0};
    cleanup_strings struct string_list ids = {0};

    (void)data;
    string_list_add(&ids, "redis-1-1");
    string_list_add(&ids, "HP2");
    string_list_add(&ids, UUID_A);
    assert_int_equal(patch_ids_resolve(store, &ids, &list, NULL), 0);
    assert_int_equal(list.count, 3);
    store_free(store);
}

static int parse(const char *text, struct request *request)
{
    return request_parse(text, strlen(text), request, NULL);
}

static void request_is_read_with_all_its_members(void **data)
{
    struct request request;

    (void)data;
    assert_int_equal(
        parse("{\"version\":1,\"command\":\"apply\",\"ids\":[\"a\",\"b\"],\"force\":true,"
              "\"dry_run\":true,\"keep_going\":false,\"timeout\":5}",
              &request),
        0);
    assert_string_equal(request.command, "apply");
    assert_int_equal(request.ids.count, 2);
    assert_true(request.force && request.dry_run && !request.keep_going);
    assert_int_equal(request.timeout_s, 5);
    request_clear(&request);
}

static void bad_requests_are_usage_errors(void **data)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"command\":5}",
        "{\"command\":\"\"}",
        "{\"command\":\"list\",\"more\":1}",
        "{\"command\":\"list\"} x",
        "{\"command\":\"li\\u0000st\"}",
        "{\"command\":\"apply\",\"ids\":\"a\"}",
        "{\"command\":\"apply\",\"ids\":[1]}",
        "{\"command\":\"apply\",\"ids\":[\"a\\nb\"]}",
        "{\"command\":\"apply\",\"timeout\":0}",
        "{\"command\":\"apply\",\"timeout\":3601}",
        "{\"command\":\"apply\",\"timeout\":-1}",
        "{\"command\":\"apply\",\"force\":1}",
        "{\"command\":\"list\",\"version\":2}",
    };

    (void)data;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cleanup_error struct sc_error *err = NULL;
        struct request request;

        if (request_parse(bad[i], strlen(bad[i]), &request, &err) == 0)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(sc_error_status(err), SC_USAGE);
        request_clear(&request);
    }
}

static void oversized_requests_are_refused(void **data)
{
    cleanup_free char *text = malloc(REQUEST_MAX + 2);
    struct request request;

    (void)data;
    memset(text, ' ', REQUEST_MAX + 1);
    text[REQUEST_MAX + 1] = '\0';
    assert_int_equal(parse(text, &request), -1);
    request_clear(&request);
}

static void settings_come_from_the_file_and_the_command_line_wins(void **data)
{
    cleanup_free char *path = path_of("conf");
    static const char text[] = "# comment\n\nhold-limit = 20\naudit-interval=3\n"
                               " skip-path = /usr/bin/a*\nskip-path = /b\n";
    char *argv[] = {"syscared", "--config", path, "--audit-interval", "9", "--root", "/", NULL};
    struct options options;

    (void)data;
    assert_int_equal(sc_file_replace(path, text, strlen(text), 0600, NULL), 0);
    assert_int_equal(options_read(&options, 7, argv, NULL), 0);
    assert_int_equal(options.hold_ms, 20);
    assert_int_equal(options.audit_s, 9);
    assert_int_equal(options.skip_paths.count, 2);
    assert_string_equal(options.root, "");
    assert_string_equal(options.run_dir, "/run/syscare");
    options_free(&options);
}

static void settings_out_of_range_are_named_with_their_line(void **data)
{
    static const char *const bad[] = {
        "hold-limit = 9", "hold-limit = 1001", "hold-limit = x",    "hold-limit",
        "nonsense = 1",   "config = /x",       "uprobes = kprobes", "uprobes = perf",
        "uprobes =",      "hold = SIGSTOP",    "hold = auto|signal"};
    cleanup_free char *path = path_of("badconf");
    char *argv[] = {"syscared", "--config", path, NULL};

    (void)data;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cleanup_free char *text = sc_format("# one\n%s\n", bad[i]);
        cleanup_error struct sc_error *err = NULL;
        struct options options;

        assert_int_equal(sc_file_replace(path, text, strlen(text), 0600, NULL), 0);
        assert_int_equal(options_read(&options, 3, argv, &err), -1);
        assert_int_equal(sc_error_status(err), SC_USAGE);
        assert_non_null(strstr(err->message, "badconf:2"));
        options_free(&options);
    }
}

static void kill_switch_is_the_last_such_word_of_the_command_line(void **data)
{
    (void)data;
    assert_true(options_kill_switch("quiet syscare.enable=0 ro\n"));
    assert_true(options_kill_switch("syscare.enable=1 syscare.enable=0"));
    assert_false(options_kill_switch("syscare.enable=0 syscare.enable=1"));
    assert_false(options_kill_switch("quiet ro"));
    assert_false(options_kill_switch("xsyscare.enable=0"));
    assert_false(options_kill_switch("syscare.enable=01"));
}

static void patch_directory_that_others_can_write_is_refused(void **data)
{
    cleanup_free char *path = path_of("patches");
    cleanup_strings struct string_list problems = {0};
    cleanup_error struct sc_error *err = NULL;
    struct patch_store *store;

    (void)data;
    if (geteuid() != 0)
        skip();
    assert_int_equal(mkdir(path, 0700), 0);
    store = store_new(path, "/nowhere", true);
    assert_int_equal(store_scan(store, &problems, NULL), 0);
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(store_scan(store, &problems, &err), -1);
    assert_int_equal(sc_error_status(err), SC_REFUSED);
    assert_non_null(strstr(err->message, "untrusted-file"));
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_file_gives_back_what_was_written),
        cmocka_unit_test(missing_state_file_is_an_empty_state),
        cmocka_unit_test(every_truncation_of_the_state_file_is_noticed),
        cmocka_unit_test(every_flipped_byte_of_the_state_file_is_noticed_or_harmless),
        cmocka_unit_test(state_file_of_a_later_version_is_refused_by_its_format),
        cmocka_unit_test(failed_write_leaves_the_old_state_file),
        cmocka_unit_test(full_disk_leaves_the_old_state_file),
        cmocka_unit_test(ids_mean_what_the_contract_says),
        cmocka_unit_test(ids_that_mean_nothing_or_too_much_are_refused),
        cmocka_unit_test(entities_named_twice_are_meant_once),
        cmocka_unit_test(request_is_read_with_all_its_members),
        cmocka_unit_test(bad_requests_are_usage_errors),
        cmocka_unit_test(oversized_requests_are_refused),
        cmocka_unit_test(settings_come_from_the_file_and_the_command_line_wins),
        cmocka_unit_test(settings_out_of_range_are_named_with_their_line),
        cmocka_unit_test(kill_switch_is_the_last_such_word_of_the_command_line),
        cmocka_unit_test(patch_directory_that_others_can_write_is_refused),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

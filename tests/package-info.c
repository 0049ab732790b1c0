// SPDX-License-Identifier: GPL-2.0-or-later
// Patch metadata: what is written is read back, and nothing else is.
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "lib/patch_info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char path[4096];

static char *text_copy(const char *text)
{
    return sc_format("%s", text);
}

static void fill_entity(struct patch_info *info, const char *elf, const char *file)
{
    struct patch_entity *entity = patch_info_add_entity(info);
    char uuid[SC_UUID_SIZE];

    patch_entity_uuid(info->uuid, elf, uuid);
    entity->uuid = text_copy(uuid);
    entity->target_elf = text_copy(elf);
    entity->file = text_copy(file);
    entity->sha256 = text_copy(HEX64);
    entity->build_id = text_copy("2cdebff6d876a1eb295887c306b7229590a9b69a");
    entity->target_digest = text_copy(HEX64);
    string_list_add(&entity->functions, "hllMerge");
}

static struct patch_info *make_info(void)
{
    struct patch_info *info = patch_info_new();
    struct patch_file *patch = patch_info_add_patch(info);
    char uuid[SC_UUID_SIZE];

    patch->name = text_copy("CVE-2025-32023.patch");
    patch->sha256 = text_copy(HEX64);
    info->name = text_copy("HP1");
    info->version = text_copy("1");
    info->release = text_copy("1");
    info->arch = text_copy("x86_64");
    info->type = text_copy("user");
    info->license = text_copy("BSD-3-Clause");
    info->description = text_copy("Fixes the \"merge\" /\n\tand more: ä");
    string_list_add(&info->cves, "CVE-2025-32023");
    info->target.name = text_copy("redis");
    info->target.version = text_copy("7.0.15~rc1^git");
    info->target.release = text_copy("1.fc39");
    info->target.arch = text_copy("x86_64");
    info->target.license = text_copy("BSD-3-Clause");
    info->build.faithfulness = text_copy("build-id");
    info->build.gcc = text_copy("12.2.0");
    string_list_add(&info->build.defines, "_lto_cflags %{nil}");
    patch_info_uuid(info, uuid);
    info->uuid = text_copy(uuid);
    fill_entity(info, "/usr/bin/redis-server", "redis-server");
    fill_entity(info, "/usr/lib64/libx.so.1", "libx.so.1");
    return info;
}

static void written_info_is_read_back_equal(void **state)
{
    cleanup_patch_info struct patch_info *info = make_info();
    cleanup_patch_info struct patch_info *back = NULL;
    struct sc_error *err = NULL;
    struct stat st;

    (void)state;
    info->target.epoch = text_copy("1");
    info->build.macros = text_copy("%a 1\n%b 2\n");
    assert_int_equal(patch_info_write(info, path, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    back = patch_info_read(path, &err);
    assert_non_null(back);
    assert_string_equal(back->description, info->description);
    assert_string_equal(back->target.epoch, "1");
    assert_string_equal(back->target.version, info->target.version);
    assert_int_equal(back->entity_count, 2);
    assert_string_equal(back->entities[1].target_elf, "/usr/lib64/libx.so.1");
    assert_string_equal(back->entities[1].uuid, info->entities[1].uuid);
    assert_string_equal(back->entities[0].functions.items[0], "hllMerge");
    assert_string_equal(back->patches[0].name, "CVE-2025-32023.patch");
    assert_string_equal(back->build.macros, info->build.macros);
    assert_string_equal(back->build.defines.items[0], "_lto_cflags %{nil}");
    assert_string_equal(back->digest, info->digest);
}

static void uuid_depends_on_what_it_identifies(void **state)
{
    cleanup_patch_info struct patch_info *info = make_info();
    unsigned char bytes[16];
    char a[SC_UUID_SIZE], b[SC_UUID_SIZE];

    (void)state;
    patch_info_uuid(info, a);
    assert_true(patch_uuid_valid(a));
    assert_int_equal(patch_uuid_decode(a, bytes), 0);
    assert_int_equal(bytes[6] >> 4, 8); /* RFC 9562: version 8, */
    assert_int_equal(bytes[8] >> 6, 2); /* variant 10 */
    patch_info_uuid(info, b);
    assert_string_equal(a, b);
    info->patches[0].sha256[5] = 'f';
    patch_info_uuid(info, b);
    assert_string_not_equal(a, b);
    patch_entity_uuid(a, "/usr/bin/x", a);
    patch_entity_uuid(b, "/usr/bin/x", b);
    assert_string_not_equal(a, b);
    assert_int_equal(patch_uuid_decode("0f0f0f0f-0f0f-8f0f-8f0f-0f0f0f0f0f0", bytes), -1);
}

static struct json_object *make_json(void)
{
    cleanup_patch_info struct patch_info *info = make_info();
    struct json_object *object;

    assert_int_equal(patch_info_write(info, path, NULL), 0);
    object = sc_json_read(path, NULL);
    assert_non_null(object);
    return object;
}

/* Makes the digest right again, so that only the member's own check can refuse it. */
static void sign(struct json_object *object)
{
    char hex[SC_DIGEST_HEX_SIZE];
    uint8_t digest[SC_DIGEST_SIZE];
    const char *text;

    sc_json_add_string(object, "digest", "");
    text = json_object_to_json_string_ext(object,
                                          JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    sc_digest_memory(text, strlen(text), digest);
    sc_hex_encode(digest, sizeof(digest), hex);
    sc_json_add_string(object, "digest", hex);
}

/* The message that the reader gives for object, "" when it takes it. */
static char *refusal(struct json_object *object)
{
    const char *text = json_object_to_json_string(object);
    cleanup_error struct sc_error *err = NULL;
    cleanup_patch_info struct patch_info *info = patch_info_parse(text, strlen(text), &err);

    assert_true(!info == !!err);
    return text_copy(err ? err->message : "");
}

/* The object that holds the member of a path like "entities.0.file"; *name gets the last part. */
static struct json_object *find_parent(struct json_object *object, const char *member,
                                       const char **name)
{
    const char *dot;

    while ((dot = strchr(member, '.'))) {
        cleanup_free char *part = strndup(member, (size_t)(dot - member));

        object = json_object_is_type(object, json_type_array)
                     ? json_object_array_get_idx(object, strtoul(part, NULL, 10))
                     : json_object_object_get(object, part);
        assert_non_null(object);
        member = dot + 1;
    }
    *name = member;
    return object;
}

/* The value (JSON text) in place of the member must be refused with a message that names it. */
static void assert_refused(const char *member, const char *value)
{
    cleanup_json struct json_object *object = make_json();
    cleanup_free char *message = NULL;
    const char *name;
    struct json_object *parent = find_parent(object, member, &name);

    if (value)
        json_object_object_add(parent, name, json_tokener_parse(value));
    else
        json_object_object_del(parent, name);
    if (strcmp(member, "digest") != 0)
        sign(object);
    message = refusal(object);
    if (!strstr(message, name))
        fail_msg("%s = %s: '%s'", member, value ? value : "(missing)", message);
}

static void each_malformed_member_is_refused_by_name(void **state)
{
    static const char *const cases[][2] = {
        {"format", "2"},
        {"format", "\"1\""},
        {"format", NULL},
        {"uuid", "\"x\""},
        {"uuid", "\"0F0F0F0F-0f0f-8f0f-8f0f-0f0f0f0f0f0f\""},
        {"uuid", NULL},
        {"name", "\"a-b\""},
        {"name", "\"\""},
        {"name", "\"../x\""},
        {"name", "\".x\""},
        {"name", "\"a\\u0000b\""},
        {"version", "\"1-2\""},
        {"version", "1"},
        {"release", "\"\""},
        {"arch", "\"x86 64\""},
        {"type", "\"other\""},
        {"license", "\"\""},
        {"license", "\"a\\u001b[2J\""},
        {"description", "null"},
        {"description", "\"\\u0007\""},
        {"description", "\"\\u009b2J\""},
        {"description", "\"\xc3(\""},
        {"license", "\"\xed\xa0\x80\""},
        {"cves", "\"CVE\""},
        {"cves", "[1]"},
        {"target", "[]"},
        {"target.name", "\"a b\""},
        {"target.epoch", "\"x\""},
        {"target.epoch", "1"},
        {"target.version", "\"1-2\""},
        {"target.release", NULL},
        {"target.arch", "\"\""},
        {"target.license", NULL},
        {"entities", "[]"},
        {"entities", "{}"},
        {"entities", "[1]"},
        {"entities.0.uuid", "\"\""},
        {"entities.0.target_elf", "\"bin/x\""},
        {"entities.0.target_elf", "\"/usr/../x\""},
        {"entities.0.target_elf", "\"/usr/./x\""},
        {"entities.0.target_elf", "\"/usr//x\""},
        {"entities.0.target_elf", "\"/usr/x/\""},
        {"entities.0.target_elf", "\"/\""},
        {"entities.0.file", "\"a/b\""},
        {"entities.0.file", "\"..\""},
        {"entities.0.file", "\"\""},
        {"entities.0.file", "\"patch_info\""},
        {"entities.0.sha256", "\"00\""},
        {"entities.0.build_id", "\"0\""},
        {"entities.0.build_id", "\"xy\""},
        {"entities.0.build_id", "\"\""},
        {"entities.0.target_digest", "null"},
        {"entities.0.functions", "[]"},
        {"entities.0.functions", "[\"\"]"},
        {"patches", "[]"},
        {"patches.0.name", "\"a/b\""},
        {"patches.0.sha256", "\"\""},
        {"build", "null"},
        {"build.faithfulness", "\"maybe\""},
        {"build.defines", "[null]"},
        {"build.with", NULL},
        {"build.requires", "[\"\"]"},
        {"build.macros", "1"},
        {"digest", "\"" HEX64 "\""},
        {"digest", "\"\""},
        {"digest", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(cases[i][0], cases[i][1]);
}

static void unknown_members_and_twins_are_refused(void **state)
{
    cleanup_json struct json_object *object = make_json();
    cleanup_free char *unknown = NULL, *twin = NULL, *fine = NULL;
    struct json_object *second;
    const char *name;

    (void)state;
    sign(object);
    fine = refusal(object);
    assert_string_equal(fine, "");
    second = find_parent(object, "entities.1.file", &name);
    sc_json_add_string(second, "file", "redis-server");
    sign(object);
    twin = refusal(object);
    assert_non_null(strstr(twin, "same uuid, file or target"));
    sc_json_add_string(second, "file", "libx.so.1");
    sc_json_add_string(second, "extra", "");
    sign(object);
    unknown = refusal(object);
    assert_non_null(strstr(unknown, "entities[1]"));
}

static void wrong_info_is_not_written(void **state)
{
    cleanup_patch_info struct patch_info *info = make_info();
    cleanup_error struct sc_error *err = NULL;
    cleanup_free char *before = NULL, *after = NULL;
    size_t before_size, after_size;

    (void)state;
    assert_int_equal(patch_info_write(info, path, NULL), 0);
    assert_int_equal(sc_file_read(path, 1 << 20, &before, &before_size, NULL), 0);
    info->entities[0].target_elf[0] = 'x';
    assert_int_equal(patch_info_write(info, path, &err), -1);
    assert_non_null(strstr(err->message, "target_elf"));
    assert_int_equal(sc_file_read(path, 1 << 20, &after, &after_size, NULL), 0);
    assert_string_equal(before, after);
}

/* Nothing that is cut off or has one bit flipped is taken for another patch. */
static void truncated_and_flipped_files_are_refused(void **state)
{
    cleanup_json struct json_object *object = make_json();
    cleanup_free char *text = text_copy(json_object_to_json_string_ext(
        object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    size_t size = strlen(text);

    (void)state;
    for (size_t i = 0; i < size; i++)
        assert_null(patch_info_parse(text, i, NULL));
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            cleanup_patch_info struct patch_info *info = NULL;

            text[i] ^= (char)(1 << bit);
            info = patch_info_parse(text, size, NULL);
            if (info)
                fail_msg("bit %d of byte %zu flipped (%.20s), and it is taken", bit, i, text + i);
            text[i] ^= (char)(1 << bit);
        }
    }
}

/* Random bytes written over the file: whatever comes, no crash and never a wrong digest. */
static void damaged_files_do_no_harm(void **state)
{
    cleanup_json struct json_object *object = make_json();
    const char *text = json_object_to_json_string(object);
    size_t size = strlen(text);
    uint32_t random = 99;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        cleanup_free char *copy = text_copy(text);

        for (int n = 0; n < 1 + round % 5; n++) {
            random = random * 1664525 + 1013904223;
            copy[(random >> 8) % size] = "{}[]\",:0\\u\0\xff-1"[(random >> 4) % 15];
        }
        patch_info_free(patch_info_parse(copy, size, NULL));
    }
}

static int set_path(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "%s/package-info.tmp", getenv("top_builddir"));
    return 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_info_is_read_back_equal),
        cmocka_unit_test(uuid_depends_on_what_it_identifies),
        cmocka_unit_test(each_malformed_member_is_refused_by_name),
        cmocka_unit_test(unknown_members_and_twins_are_refused),
        cmocka_unit_test(wrong_info_is_not_written),
        cmocka_unit_test(truncated_and_flipped_files_are_refused),
        cmocka_unit_test(damaged_files_do_no_harm),
    };

    return cmocka_run_group_tests(tests, set_path, remove_path);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// What the fuzz targets share: files and directories to read from, JSON with a right digest.
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/file.h"
#include "lib/json_util.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

int fuzz_file(const uint8_t *data, size_t size, char path[64])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    if (fd < 0 || sc_write_all(fd, data, size) < 0)
        abort();
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        abort();
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

char *fuzz_with_digest(const uint8_t *data, size_t size)
{
    const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
    cleanup_free char *text = fuzz_text(data, size);
    cleanup_json struct json_object *object = sc_json_parse(text, size, NULL);
    uint8_t digest[SC_DIGEST_SIZE];
    char hex[SC_DIGEST_HEX_SIZE];
    const char *plain;

    if (!object || !json_object_is_type(object, json_type_object))
        return NULL;
    sc_json_add_string(object, "digest", "");
    plain = json_object_to_json_string_ext(object, flags);
    sc_digest_memory(plain, strlen(plain), digest);
    sc_hex_encode(digest, sizeof(digest), hex);
    sc_json_add_string(object, "digest", hex);
    return sc_format("%s", json_object_to_json_string_ext(object, flags));
}

void fuzz_split(const uint8_t *data, size_t size, struct fuzz_part *parts, size_t count)
{
    size_t header = (count - 1) * sizeof(uint32_t), at = header;

    memset(parts, 0, count * sizeof(*parts));
    if (size < header)
        return;
    for (size_t i = 0; i < count; i++) {
        uint32_t want = UINT32_MAX;

        if (i + 1 < count)
            memcpy(&want, data + i * sizeof(want), sizeof(want));
        parts[i].data = data + at;
        parts[i].size = want < size - at ? want : size - at;
        at += parts[i].size;
    }
}

/* --- a directory that nothing gets out of ------------------------------------------------------
 */

static char *directory;

static void remove_directory(void)
{
    if (chdir("/") == 0)
        sc_tree_remove(directory, NULL);
    free(directory);
}

/* Lets the process write below path. */
static void allow(int ruleset, const char *path, uint64_t access)
{
    cleanup_close int fd = open(path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};

    if (fd >= 0)
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static const char *scratch_directory(void)
{
    const char *scratch = getenv("FUZZ_SCRATCH");

    return scratch ? scratch : "/tmp";
}

/* An input that led our code out of the directory as root would be one too many. */
static void confine(void)
{
    const uint64_t access = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                            LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                            LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                            LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                            LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
    struct landlock_ruleset_attr attributes = {.handled_access_fs = access};
    const char *work = getenv("FUZZ_WORK"), *scratch = scratch_directory();
    cleanup_close int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);

    if (ruleset < 0)
        return; /* the kernel has none */
    allow(ruleset, directory, access);
    allow(ruleset, scratch, LANDLOCK_ACCESS_FS_REMOVE_DIR); /* the directory itself, at the end */
    allow(ruleset, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE);
    if (work)
        allow(ruleset, work, access);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        syscall(SYS_landlock_restrict_self, ruleset, 0);
}

const char *fuzz_directory(void)
{
    cleanup_free char *sub = NULL;

    if (!directory) {
        directory = sc_format("%s/syscare-fuzz.XXXXXX", scratch_directory());
        if (!mkdtemp(directory))
            abort();
        atexit(remove_directory);
        confine();
    }
    /* its own name stays: the right to write is tied to it */
    sub = sc_format("%s/now", directory);
    if (sc_tree_remove(sub, NULL) < 0 || sc_dir_make(sub, 0755, NULL) < 0)
        abort();
    if (chdir(sub) < 0)
        abort();
    return ".";
}

void fuzz_directory_file(const char *name, const uint8_t *data, size_t size)
{
    cleanup_close int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || sc_write_all(fd, data, size) < 0)
        abort();
}

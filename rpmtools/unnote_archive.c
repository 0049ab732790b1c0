// SPDX-License-Identifier: GPL-2.0-or-later
// Takes build records out of the members of archives, and out of all files of a tree.
#include "rpmtools/unnote.h"

#include "lib/build_note.h"
#include "lib/cleanup.h"
#include "lib/file.h"

#include <ar.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The largest object or archive that is looked into. */
#define FILE_MAX (2u << 30)

/* A member, with its new contents where they changed. */
struct member {
    size_t at, size; /* of its header in the old archive; of its old contents */
    size_t new_at;
    void *contents; /* NULL: the old ones */
    size_t new_size;
};

struct ar_file {
    const char *bytes;
    size_t size;
    struct member *members;
    size_t count;
};

static void ar_clear(struct ar_file *ar)
{
    for (size_t i = 0; i < ar->count; i++)
        free(ar->members[i].contents);
    free(ar->members);
}
#define cleanup_ar __attribute__((cleanup(ar_clear)))

static const struct ar_hdr *header_of(const struct ar_file *ar, const struct member *member)
{
    return (const struct ar_hdr *)(ar->bytes + member->at);
}

static bool has_name(const struct ar_hdr *header, const char *name)
{
    size_t length = strlen(name);

    return memcmp(header->ar_name, name, length) == 0 && header->ar_name[length] == ' ';
}

/* ar(5): the size is decimal, padded with blanks. */
static int read_member(struct ar_file *ar, size_t *at, struct sc_error **err)
{
    struct member *member;
    char digits[sizeof(((struct ar_hdr *)0)->ar_size) + 1] = "", *end;
    const struct ar_hdr *header = (const struct ar_hdr *)(ar->bytes + *at);

    if (ar->size - *at < sizeof(*header) ||
        memcmp(header->ar_fmag, ARFMAG, sizeof(header->ar_fmag)) != 0)
        return sc_error_set(err, SC_FAILED, "damaged archive");
    ar->members = reallocarray(ar->members, ar->count + 1, sizeof(*ar->members));
    if (!ar->members)
        abort();
    member = &ar->members[ar->count++];
    memcpy(digits, header->ar_size, sizeof(header->ar_size));
    *member = (struct member){.at = *at, .size = strtoul(digits, &end, 10)};
    if (end == digits || strspn(end, " ") != strlen(end) ||
        member->size > ar->size - *at - sizeof(*header))
        return sc_error_set(err, SC_FAILED, "damaged archive");
    member->new_size = member->size;
    *at += sizeof(*header) + member->size + (member->size & 1);
    return 0;
}

/* Members that are not objects (symbol tables, names, Rust's metadata) stay as they are. */
static int change_members(struct ar_file *ar, struct sc_error **err)
{
    int changed = 0;
    size_t at = SARMAG;

    while (at < ar->size)
        if (read_member(ar, &at, err) < 0)
            return -1;
    for (size_t i = 0; i < ar->count; i++) {
        struct member *member = &ar->members[i];
        int result = unnote_object(ar->bytes + member->at + sizeof(struct ar_hdr), member->size,
                                   &member->contents, &member->new_size, err);

        if (result < 0)
            return sc_error_wrap(err, "member %.16s", header_of(ar, member)->ar_name);
        changed += result;
    }
    at = SARMAG;
    for (size_t i = 0; i < ar->count; i++) {
        ar->members[i].new_at = at;
        at += sizeof(struct ar_hdr) + ar->members[i].new_size + (ar->members[i].new_size & 1);
    }
    return changed;
}

static uint64_t read_big(const unsigned char *from, size_t width)
{
    uint64_t value = 0;

    for (size_t i = 0; i < width; i++)
        value = value << 8 | from[i];
    return value;
}

static void write_big(unsigned char *to, size_t width, uint64_t value)
{
    for (size_t i = width; i-- > 0; value >>= 8)
        to[i] = (unsigned char)value;
}

/* The member whose header is there, or NULL; they are in the order of the file. */
static const struct member *member_at(const struct ar_file *ar, uint64_t at)
{
    size_t low = 0, high = ar->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (ar->members[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ar->count && ar->members[low].at == at ? &ar->members[low] : NULL;
}

/* The symbol table: a count, then for each symbol where its member is; big-endian. */
static int change_table(const struct ar_file *ar, struct member *table, size_t width,
                        struct sc_error **err)
{
    const unsigned char *old = (const void *)(ar->bytes + table->at + sizeof(struct ar_hdr));
    unsigned char *words = malloc(table->size + 1);
    uint64_t count;

    if (!words)
        abort();
    memcpy(words, old, table->size);
    table->contents = words;
    count = table->size < width ? 0 : read_big(old, width);
    if (table->size < width || count > table->size / width - 1)
        return sc_error_set(err, SC_FAILED, "damaged symbol table of an archive");
    for (uint64_t i = 1; i <= count; i++) {
        const struct member *member = member_at(ar, read_big(old + i * width, width));

        if (!member)
            return sc_error_set(err, SC_FAILED, "damaged symbol table of an archive");
        write_big(words + i * width, width, member->new_at);
    }
    return 0;
}

/* Headers keep all but the size; contents of an odd size are padded as ar does it. */
static void *join_members(const struct ar_file *ar, size_t *size)
{
    char *out, *end;

    *size = SARMAG;
    for (size_t i = 0; i < ar->count; i++)
        *size += sizeof(struct ar_hdr) + ar->members[i].new_size + (ar->members[i].new_size & 1);
    out = malloc(*size + 1);
    if (!out)
        abort();
    end = mempcpy(out, ARMAG, SARMAG);
    for (size_t i = 0; i < ar->count; i++) {
        const struct member *member = &ar->members[i];
        const char *old = (const char *)(header_of(ar, member) + 1);
        struct ar_hdr *header = (struct ar_hdr *)end;
        char digits[24];

        end = mempcpy(end, header_of(ar, member), sizeof(*header));
        snprintf(digits, sizeof(digits), "%-10zu", member->new_size);
        memcpy(header->ar_size, digits, sizeof(header->ar_size));
        end = mempcpy(end, member->contents ? member->contents : old, member->new_size);
        if (member->new_size & 1)
            *end++ = '\n';
    }
    return out;
}

int unnote_archive(const void *bytes, size_t size, void **out, size_t *out_size,
                   struct sc_error **err)
{
    cleanup_ar struct ar_file ar = {.bytes = bytes, .size = size};
    int changed;

    if (size < SARMAG || memcmp(bytes, ARMAG, SARMAG) != 0)
        return 0;
    changed = change_members(&ar, err);
    if (changed <= 0)
        return changed;
    for (size_t i = 0; i < ar.count; i++) {
        const struct ar_hdr *header = header_of(&ar, &ar.members[i]);
        size_t width = has_name(header, "/") ? 4 : has_name(header, "/SYM64/") ? 8 : 0;

        if (width && !ar.members[i].contents && change_table(&ar, &ar.members[i], width, err) < 0)
            return -1;
    }
    *out = join_members(&ar, out_size);
    return 1;
}

/* --- files ----------------------------------------------------------------------------------- */

/* Objects and archives, by their first bytes; everything else is not even read. */
static bool may_have_record(const char *path)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    Elf64_Half type;
    char magic[SARMAG];

    if (fd < 0 || pread(fd, magic, sizeof(magic), 0) != sizeof(magic))
        return false;
    if (memcmp(magic, ARMAG, SARMAG) == 0)
        return true;
    return memcmp(magic, ELFMAG, SELFMAG) == 0 &&
           pread(fd, &type, sizeof(type), offsetof(Elf64_Ehdr, e_type)) == sizeof(type) &&
           (type == ET_REL || magic[EI_DATA] != ELFDATA2LSB);
}

/* In place: a file may have several names. Its times tell when the package made it. */
static int rewrite(const char *path, const void *bytes, size_t size, struct sc_error **err)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    struct timespec times[2];
    struct stat st;
    mode_t mode;

    if (fd < 0 && errno == EACCES && lstat(path, &st) == 0) { /* mode 0444, and not root */
        mode = st.st_mode & 07777;
        if (chmod(path, mode | S_IWUSR) == 0)
            fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && fchmod(fd, mode) < 0)
            return sc_error_errno(err, "cannot rewrite %s", path);
    }
    if (fd < 0 || fstat(fd, &st) < 0)
        return sc_error_errno(err, "cannot rewrite %s", path);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    if (ftruncate(fd, 0) < 0 || sc_write_all(fd, bytes, size) < 0 || futimens(fd, times) < 0)
        return sc_error_errno(err, "cannot rewrite %s", path);
    return 0;
}

static int visit(const char *path, const char *relative, void *data, struct sc_error **err)
{
    cleanup_free char *bytes = NULL;
    cleanup_free void *out = NULL;
    size_t size, out_size;
    int *count = data, changed;

    if (!may_have_record(path))
        return 0;
    if (sc_file_read(path, FILE_MAX, &bytes, &size, err) < 0)
        return -1;
    changed = unnote_archive(bytes, size, &out, &out_size, err);
    if (changed == 0)
        changed = unnote_object(bytes, size, &out, &out_size, err);
    if (changed < 0)
        return sc_error_wrap(err, "/%s", relative);
    *count += changed;
    return changed ? rewrite(path, out, out_size, err) : 0;
}

int unnote_tree(const char *root, struct sc_error **err)
{
    int count = 0;

    return sc_tree_walk(root, visit, &count, err) < 0 ? -1 : count;
}

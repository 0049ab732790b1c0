// SPDX-License-Identifier: GPL-2.0-or-later
// The BPF side of the daemon: links pinned in bpffs.
//
// The name of a pin says all that a later daemon needs: link-<slot>-<uuid>-<dev>-<inode>, numbers
// in hexadecimal. The link keeps the inode alive, so the pair is not reused while it exists. Where
// the kernel needs a link for each function, the pin is a directory with the links 0, 1, …: it gets
// its name when all are there, and loses 0 first.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/fd_closer.h"
#include "runtime/hold_P.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static void close_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}
#define cleanup_dir __attribute__((cleanup(close_dir)))

/* Reads a pin's name. 0, or -1 when it is not a link of ours. */
static int parse_pin(const char *name, struct hold_pin *pin)
{
    int end = 0;

    memset(pin, 0, sizeof(*pin));
    if (sscanf(name, "link-%" SCNx32 "-%36[0-9a-f-]-%" SCNx64 "-%" SCNx64 "%n", &pin->slot,
               pin->uuid, &pin->dev, &pin->ino, &end) != 4)
        return -1;
    return name[end] == '\0' && strlen(pin->uuid) == 36 ? 0 : -1;
}

/* bpffs takes no dots in names; hexadecimal digits and dashes are fine. */
static char *pin_path(const struct hold *hold, const struct hold_pin *pin)
{
    return sc_format("%s/link-%" PRIx32 "-%s-%" PRIx64 "-%" PRIx64, hold->pin_dir, pin->slot,
                     pin->uuid, pin->dev, pin->ino);
}

/*
 * Unpins a link. Its last descriptor is closed by us, because the kernel then detaches before
 * close(2) returns; after a mere unlink(2) it does so some time later. closer NULL: not in the
 * background.
 */
static void remove_link(const char *path, struct fd_closer *closer, uint32_t slot)
{
    int fd = bpf_obj_get(path);

    unlink(path);
    if (fd >= 0 && closer)
        fd_closer_add(closer, fd, slot);
    else if (fd >= 0)
        close(fd);
}

/* Unpins all links of a file. */
static void remove_links(const char *path, struct fd_closer *closer, uint32_t slot)
{
    cleanup_free char *first = sc_format("%s/0", path);
    cleanup_dir DIR *dir = opendir(path);
    struct dirent *entry;

    remove_link(first, closer, slot);
    while (dir && (entry = readdir(dir))) {
        cleanup_free char *link = sc_format("%s/%s", path, entry->d_name);

        if (entry->d_name[0] != '.')
            remove_link(link, closer, slot);
    }
    rmdir(path);
}

/* Removes whatever is pinned there. */
static void remove_pin(const char *path, struct fd_closer *closer, uint32_t slot)
{
    struct stat st;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        remove_links(path, closer, slot);
    else
        remove_link(path, NULL, slot);
}

int hold_pins(struct hold *hold, struct hold_pin **pins, struct sc_error **err)
{
    cleanup_dir DIR *dir = hold->pin_dir ? opendir(hold->pin_dir) : NULL;
    struct hold_pin pin, *list = NULL;
    struct dirent *entry;
    int count = 0;

    *pins = NULL;
    if (!hold->pin_dir)
        return 0;
    if (!dir)
        return sc_error_errno(err, "cannot read %s", hold->pin_dir);
    while ((entry = readdir(dir))) {
        if (parse_pin(entry->d_name, &pin) < 0)
            continue;
        list = reallocarray(list, (size_t)count + 1, sizeof(*list));
        if (!list)
            abort();
        list[count++] = pin;
    }
    *pins = list;
    return count;
}

bool hold_pin_exists(struct hold *hold, const struct hold_pin *pin)
{
    cleanup_free struct hold_pin *pins = NULL;
    int count = hold_pins(hold, &pins, NULL);

    for (int i = 0; i < count; i++)
        if (pins[i].slot == pin->slot && pins[i].dev == pin->dev && pins[i].ino == pin->ino)
            return true;
    return false;
}

int hold_pin_link(struct hold *hold, const struct hold_pin *pin, int link, struct sc_error **err)
{
    cleanup_free char *path = pin_path(hold, pin);

    if (bpf_obj_pin(link, path) < 0)
        return sc_error_errno(err, "cannot pin a link as %s", path);
    return 0;
}

/* Where a directory of links is until it is complete; there is one at a time. New string. */
static char *part_path(const struct hold *hold)
{
    return sc_format("%s/part", hold->pin_dir);
}

int hold_pin_links(struct hold *hold, const struct hold_pin *pin, const int *links, size_t count,
                   struct sc_error **err)
{
    cleanup_free char *path = pin_path(hold, pin), *part = part_path(hold);
    int failed = mkdir(part, 0700);

    for (size_t i = 0; !failed && i < count; i++) {
        cleanup_free char *name = sc_format("%s/%zu", part, i);

        failed = bpf_obj_pin(links[i], name);
    }
    if (!failed && rename(part, path) == 0)
        return 0;
    sc_error_errno(err, "cannot pin links as %s", path);
    remove_links(part, hold->closer, pin->slot);
    return -1;
}

void hold_pins_remove_slot(struct hold *hold, uint32_t slot)
{
    cleanup_free struct hold_pin *pins = NULL;
    int count = hold_pins(hold, &pins, NULL);

    for (int i = 0; i < count; i++) {
        cleanup_free char *path = pin_path(hold, &pins[i]);

        if (pins[i].slot == slot)
            remove_pin(path, hold->closer, slot);
    }
}

/* Removes every pin in a directory. */
static void empty_pin_dir(const char *pin_dir)
{
    cleanup_dir DIR *dir = opendir(pin_dir);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        cleanup_free char *path = sc_format("%s/%s", pin_dir, entry->d_name);

        if (entry->d_name[0] != '.')
            remove_pin(path, NULL, 0);
    }
}

void hold_pins_remove(struct hold *hold)
{
    if (hold->pin_dir)
        empty_pin_dir(hold->pin_dir);
}

void hold_pins_remove_others(const char *pin_dir, const struct hold *hold)
{
    cleanup_dir DIR *dir = opendir(pin_dir);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        cleanup_free char *path = sc_format("%s/%s", pin_dir, entry->d_name);

        if (entry->d_name[0] != 'v' || (hold && hold->pin_dir && strcmp(path, hold->pin_dir) == 0))
            continue;
        empty_pin_dir(path);
        rmdir(path);
    }
}

void hold_discard(struct hold *hold)
{
    if (!hold)
        return;
    hold_alive(hold, 0);
    hold_pins_remove(hold);
    if (hold->pin_dir)
        rmdir(hold->pin_dir);
    hold_close(hold);
}

/* The tag (a hash of its instructions) of a program. */
static int program_tag(int fd, uint8_t tag[BPF_TAG_SIZE])
{
    struct bpf_prog_info info;
    uint32_t size = sizeof(info);

    memset(&info, 0, sizeof(info));
    if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
        return -1;
    memcpy(tag, info.tag, BPF_TAG_SIZE);
    return 0;
}

/* True if the pinned link could be one of this daemon: made in its way, for its very program. */
static bool is_ours(const struct hold *hold, const char *path, const uint8_t tag[BPF_TAG_SIZE])
{
    cleanup_close int link = bpf_obj_get(path);
    cleanup_close int program = -1;
    uint8_t theirs[BPF_TAG_SIZE];
    struct bpf_link_info info;
    uint32_t size = sizeof(info);

    memset(&info, 0, sizeof(info));
    if (link < 0 || bpf_obj_get_info_by_fd(link, &info, &size) < 0 ||
        info.type != hold->backend->link_type)
        return false;
    program = bpf_prog_get_fd_by_id(info.prog_id);
    return program >= 0 && program_tag(program, theirs) == 0 &&
           memcmp(tag, theirs, BPF_TAG_SIZE) == 0;
}

void hold_pins_check(struct hold *hold)
{
    cleanup_free char *part = part_path(hold);
    cleanup_free struct hold_pin *pins = NULL;
    int count = hold_pins(hold, &pins, NULL);
    uint8_t tag[BPF_TAG_SIZE] = {0};

    remove_links(part, hold->closer, HOLD_SLOTS_MAX);
    program_tag(hold->program, tag);
    for (int i = 0; i < count; i++) {
        cleanup_free char *path = pin_path(hold, &pins[i]);
        cleanup_free char *first = sc_format("%s/0", path);
        struct stat st;
        bool is_dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

        if (!is_ours(hold, is_dir ? first : path, tag))
            remove_pin(path, hold->closer, pins[i].slot);
    }
}

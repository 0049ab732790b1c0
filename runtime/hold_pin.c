// SPDX-License-Identifier: GPL-2.0-or-later
// The BPF side of the daemon: links pinned in bpffs, one file each.
//
// The name of a pin says all that a later daemon needs: link-<slot>-<uuid>-<dev>-<inode>, numbers
// in hexadecimal. The link keeps the inode alive, so the pair is not reused while it exists.
#include "lib/cleanup.h"
#include "lib/file.h"
#include "runtime/bpf/hold.skel.h"
#include "runtime/hold_P.h"
#include "runtime/uprobe_link.h"

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
 * close(2) returns; after a mere unlink(2) it does so some time later.
 */
static void remove_pin(const char *path)
{
    cleanup_close int fd = bpf_obj_get(path);

    unlink(path);
}

int hold_pins(struct hold *hold, struct hold_pin **pins, struct sc_error **err)
{
    cleanup_dir DIR *dir = opendir(hold->pin_dir);
    struct hold_pin pin, *list = NULL;
    struct dirent *entry;
    int count = 0;

    *pins = NULL;
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

bool hold_linked(struct hold *hold, uint32_t slot, uint64_t dev, uint64_t ino)
{
    cleanup_free struct hold_pin *pins = NULL;
    int count = hold_pins(hold, &pins, NULL);

    for (int i = 0; i < count; i++)
        if (pins[i].slot == slot && pins[i].dev == dev && pins[i].ino == ino)
            return true;
    return false;
}

int hold_pin_link(struct hold *hold, uint32_t slot, const char *uuid, const uint64_t *offsets,
                  const uint64_t *cookies, size_t count, int fd, struct sc_error **err)
{
    int program = bpf_program__fd(hold->skeleton->progs.hold_caller);
    struct hold_pin pin = {.slot = slot};
    cleanup_free char *path = NULL;
    cleanup_close int link = -1;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return sc_error_errno(err, "cannot stat the target");
    snprintf(pin.uuid, sizeof(pin.uuid), "%s", uuid);
    pin.dev = st.st_dev;
    pin.ino = st.st_ino;
    path = pin_path(hold, &pin);
    if (sc_file_exists(path))
        return 0;
    link = uprobe_link_create(program, fd, offsets, cookies, count, err);
    if (link < 0)
        return -1;
    if (bpf_obj_pin(link, path) < 0)
        return sc_error_errno(err, "cannot pin a link as %s", path);
    return 0;
}

void hold_pins_remove_slot(struct hold *hold, uint32_t slot)
{
    cleanup_free struct hold_pin *pins = NULL;
    int count = hold_pins(hold, &pins, NULL);

    for (int i = 0; i < count; i++) {
        cleanup_free char *path = pin_path(hold, &pins[i]);

        if (pins[i].slot == slot)
            remove_pin(path);
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
            remove_pin(path);
    }
}

void hold_pins_remove(struct hold *hold)
{
    empty_pin_dir(hold->pin_dir);
}

void hold_pins_remove_others(const char *pin_dir, const struct hold *hold)
{
    cleanup_dir DIR *dir = opendir(pin_dir);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        cleanup_free char *path = sc_format("%s/%s", pin_dir, entry->d_name);

        if (entry->d_name[0] != 'v' || (hold && strcmp(path, hold->pin_dir) == 0))
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

/* The same of the program behind a pinned link. */
static int pin_tag(const char *path, uint8_t tag[BPF_TAG_SIZE])
{
    cleanup_close int link = bpf_obj_get(path);
    cleanup_close int program = -1;
    struct bpf_link_info info;
    uint32_t size = sizeof(info);

    memset(&info, 0, sizeof(info));
    if (link < 0 || bpf_obj_get_info_by_fd(link, &info, &size) < 0)
        return -1;
    program = bpf_prog_get_fd_by_id(info.prog_id);
    return program < 0 ? -1 : program_tag(program, tag);
}

void hold_pins_check(struct hold *hold)
{
    cleanup_free struct hold_pin *pins = NULL;
    int count = hold_pins(hold, &pins, NULL);
    uint8_t ours[BPF_TAG_SIZE], theirs[BPF_TAG_SIZE];

    if (program_tag(bpf_program__fd(hold->skeleton->progs.hold_caller), ours) < 0)
        memset(ours, 0, sizeof(ours));
    for (int i = 0; i < count; i++) {
        cleanup_free char *path = pin_path(hold, &pins[i]);

        if (pin_tag(path, theirs) < 0 || memcmp(ours, theirs, BPF_TAG_SIZE) != 0)
            remove_pin(path);
    }
}

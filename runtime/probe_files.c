// SPDX-License-Identifier: GPL-2.0-or-later
// Files that are probed by descriptors of this process.
#include "runtime/probe_files.h"

#include <stdlib.h>

void probe_file_add(struct probe_file *file, const struct probe_fd *probe)
{
    file->probes = reallocarray(file->probes, file->count + 1, sizeof(*file->probes));
    if (!file->probes)
        abort();
    file->probes[file->count++] = *probe;
}

void probe_file_close(struct probe_file *file, struct fd_closer *closer)
{
    for (size_t i = 0; i < file->count; i++)
        fd_closer_add(closer, file->probes[i].fd, file->pin.slot);
    free(file->probes);
    file->probes = NULL;
    file->count = 0;
}

void probe_files_add(struct probe_files *files, const struct probe_file *file)
{
    files->items = reallocarray(files->items, files->count + 1, sizeof(*files->items));
    if (!files->items)
        abort();
    files->items[files->count++] = *file;
}

bool probe_files_has(const struct probe_files *files, const struct hold_pin *pin)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->items[i].pin.slot == pin->slot && files->items[i].pin.dev == pin->dev &&
            files->items[i].pin.ino == pin->ino)
            return true;
    return false;
}

static int compare_ids(const void *key, const void *item)
{
    const uint64_t id = *(const uint64_t *)key;
    const struct probe_fd *probe = item;

    return id < probe->id ? -1 : id > probe->id;
}

bool probe_files_cookie(const struct probe_files *files, uint64_t id, uint64_t *cookie)
{
    for (size_t i = 0; i < files->count; i++) {
        const struct probe_file *file = &files->items[i];
        const struct probe_fd *found =
            bsearch(&id, file->probes, file->count, sizeof(*file->probes), compare_ids);

        if (found) {
            *cookie = found->cookie;
            return true;
        }
    }
    return false;
}

void probe_files_remove(struct probe_files *files, uint32_t slot, struct fd_closer *closer)
{
    for (size_t i = files->count; i-- > 0;) {
        if (files->items[i].pin.slot != slot)
            continue;
        probe_file_close(&files->items[i], closer);
        files->items[i] = files->items[--files->count];
    }
}

void probe_files_clear(struct probe_files *files, struct fd_closer *closer)
{
    while (files->count)
        probe_file_close(&files->items[--files->count], closer);
    free(files->items);
    files->items = NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are probed by descriptors of this process: which ones, and by which descriptors. */
#ifndef SYSCARE_RUNTIME_PROBE_FILES_H
#define SYSCARE_RUNTIME_PROBE_FILES_H

#include "runtime/fd_closer.h"
#include "runtime/hold.h"

/* A descriptor that is a probe. */
struct probe_fd {
    int fd;
    uint64_t id;     /* that its samples carry; 0 where BPF reports */
    uint64_t cookie; /* of the function */
};

/* The probes of one file for one slot. */
struct probe_file {
    struct hold_pin pin;
    struct probe_fd *probes; /* ids ascend: the kernel counts them up */
    size_t count;
};

struct probe_files {
    struct probe_file *items;
    size_t count;
};

/* Adds one more probe to a file. */
void probe_file_add(struct probe_file *file, const struct probe_fd *probe);

/* Gives all its probes to closer. */
void probe_file_close(struct probe_file *file, struct fd_closer *closer);

/* Adds a file, whose probes belong to the list from then on. */
void probe_files_add(struct probe_files *files, const struct probe_file *file);

/* True if the file is in the list, for that slot. */
bool probe_files_has(const struct probe_files *files, const struct hold_pin *pin);

/* The cookie of the probe whose samples carry id. False: there is none any more. */
bool probe_files_cookie(const struct probe_files *files, uint64_t id, uint64_t *cookie);

/* Removes the files of a slot, and gives their probes to closer. */
void probe_files_remove(struct probe_files *files, uint32_t slot, struct fd_closer *closer);

/* Removes all. */
void probe_files_clear(struct probe_files *files, struct fd_closer *closer);

#endif

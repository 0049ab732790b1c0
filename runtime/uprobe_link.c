// SPDX-License-Identifier: GPL-2.0-or-later
// Attaches a BPF program to many offsets of one file by a single link.
//
// libbpf before 1.3 and the kernel headers of older distributions do not know the link type, so
// the attributes of BPF_LINK_CREATE are laid out here (include/uapi/linux/bpf.h, Linux 6.6).
#include "runtime/uprobe_link.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The part of union bpf_attr for BPF_LINK_CREATE with this attach type. */
struct link_create_attr {
    uint32_t prog_fd;
    uint32_t target_fd; /* 0 */
    uint32_t attach_type;
    uint32_t flags;           /* 0 */
    uint64_t path;            /* const char *, resolved as open(2) would */
    uint64_t offsets;         /* const u64[count] */
    uint64_t ref_ctr_offsets; /* 0 */
    uint64_t cookies;         /* const u64[count] */
    uint32_t count;
    uint32_t multi_flags; /* 0: at the instruction, not at the return */
    uint32_t pid;         /* 0: every process */
    uint32_t pad;
};

void uprobe_pages_read(int fd, const uint64_t *offsets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char byte;

        /* A failure shows when the kernel reads the same page to attach. */
        if (pread(fd, &byte, 1, (off_t)offsets[i]) < 0)
            return;
    }
}

int uprobe_link_create(int prog_fd, int file_fd, const uint64_t *offsets, const uint64_t *cookies,
                       size_t count, struct sc_error **err)
{
    /* The magic link leads to the very file that was verified, in any mount namespace. */
    cleanup_free char *path = sc_format("/proc/self/fd/%d", file_fd);
    struct link_create_attr attr;
    long fd;

    uprobe_pages_read(file_fd, offsets, count);
    memset(&attr, 0, sizeof(attr));
    attr.prog_fd = (uint32_t)prog_fd;
    attr.attach_type = UPROBE_MULTI_ATTACH_TYPE;
    attr.path = (uintptr_t)path;
    attr.offsets = (uintptr_t)offsets;
    attr.cookies = (uintptr_t)cookies;
    attr.count = (uint32_t)count;
    do
        fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return sc_error_errno(err, "cannot attach uprobes");
    return (int)fd;
}

// SPDX-License-Identifier: GPL-2.0-or-later
// Gives up what root may do and the daemon does not need.
#include "runtime/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CAP_PERFMON
#define CAP_PERFMON 38 /* Linux 5.8 */
#define CAP_BPF 39
#endif
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40 /* Linux 5.9 */
#endif

static const unsigned char needed[] = {
    CAP_SYS_PTRACE,         /* stop and change processes, read their memory */
    CAP_DAC_OVERRIDE,       /* /proc/PID/mem belongs to the owner of the process */
    CAP_DAC_READ_SEARCH,    /* map_files, and executables that only their owner can read */
    CAP_CHECKPOINT_RESTORE, /* follow /proc/PID/map_files */
    CAP_BPF,                /* load the program and make its maps */
    CAP_PERFMON,            /* attach it, watch what is mapped */
    CAP_SYS_ADMIN,          /* PTRACE_O_SUSPEND_SECCOMP; the three above before Linux 5.9; mount */
    CAP_SYS_RESOURCE,       /* oom_score_adj; limits of processes; BPF maps before Linux 5.11 */
    CAP_SYS_NICE,           /* real-time priority while callers are held */
    CAP_CHOWN,              /* the socket's group */
};

/* The capabilities as the two words of capset(2). */
static void fill(bool keep_kill, struct __user_cap_data_struct data[2])
{
    memset(data, 0, 2 * sizeof(*data));
    for (size_t i = 0; i < sizeof(needed); i++)
        data[needed[i] / 32].permitted |= 1u << needed[i] % 32;
    if (keep_kill)
        data[CAP_KILL / 32].permitted |= 1u << CAP_KILL % 32;
}

static bool is_wanted(const struct __user_cap_data_struct data[2], unsigned capability)
{
    return capability < 64 && (data[capability / 32].permitted >> capability % 32 & 1);
}

int capabilities_drop(bool keep_kill, struct sc_error **err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct have[2], data[2];

    fill(keep_kill, data);
    /* EINVAL: the kernel knows no more. What is not in this set, no program that we run can get. */
    for (unsigned capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
        if (!is_wanted(data, capability) && prctl(PR_CAPBSET_DROP, capability) < 0 &&
            errno != EPERM)
            return sc_error_errno(err, "cannot give up capability %u", capability);
    if (syscall(SYS_capget, &header, have) < 0)
        return sc_error_errno(err, "cannot read the capabilities");
    for (size_t i = 0; i < 2; i++) {
        data[i].permitted &= have[i].permitted;
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, data) < 0)
        return sc_error_errno(err, "cannot give up capabilities");
    return 0;
}

bool capabilities_have_kill(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct have[2] = {{0}};

    return syscall(SYS_capget, &header, have) == 0 &&
           (have[CAP_KILL / 32].effective >> CAP_KILL % 32 & 1);
}

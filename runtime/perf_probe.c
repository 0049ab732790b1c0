// SPDX-License-Identifier: GPL-2.0-or-later
// One uprobe as a perf event.
#include "runtime/perf_probe.h"

#include "lib/cleanup.h"
#include "lib/file.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#define PMU_TYPE "/sys/bus/event_source/devices/uprobe/type"

int perf_probe_type(struct sc_error **err)
{
    cleanup_file FILE *file = fopen(PMU_TYPE, "re");
    int type;

    if (!file)
        return sc_error_errno(err, "cannot open %s", PMU_TYPE);
    if (fscanf(file, "%d", &type) != 1 || type < 0)
        return sc_error_set(err, SC_FAILED, "%s is not a number", PMU_TYPE);
    return type;
}

int perf_probe_open(const struct perf_probe *probe, struct sc_error **err)
{
    /* The magic link leads to the very file that was verified, in any mount namespace. */
    cleanup_free char *path = sc_format("/proc/self/fd/%d", probe->file_fd);
    struct perf_event_attr attr;
    int type = perf_probe_type(err);
    long fd;

    if (type < 0)
        return -1;
    memset(&attr, 0, sizeof(attr));
    attr.size = sizeof(attr);
    attr.type = (uint32_t)type;
    attr.uprobe_path = (uintptr_t)path;
    attr.probe_offset = probe->offset;
    attr.sample_period = probe->sample_type ? 1 : 0;
    attr.sample_type = probe->sample_type;
    attr.wakeup_events = 1;
    attr.use_clockid = 1;
    attr.clockid = CLOCK_MONOTONIC;
    do
        fd = syscall(SYS_perf_event_open, &attr, -1, probe->cpu, -1, PERF_FLAG_FD_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return sc_error_errno(err, "cannot attach a uprobe");
    return (int)fd;
}

void perf_probe_raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* if not, attaching will say so */
}

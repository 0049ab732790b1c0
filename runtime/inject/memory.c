// SPDX-License-Identifier: GPL-2.0-or-later
// Writes to the memory of a stopped process, with a second way for kernels that forbid the first.
#include "runtime/inject/memory.h"
#include "runtime/inject/fault.h"
#include "runtime/inject/stop.h"

#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

/* One word at an aligned address, of which only some bytes are to change. */
static int word_poke(struct job *job, pid_t tid, uint64_t aligned, const uint8_t *data,
                     size_t offset, size_t size)
{
    long word;

    errno = 0;
    word = ptrace(PTRACE_PEEKDATA, tid, (void *)aligned, NULL);
    if (errno)
        return -1;
    memcpy((uint8_t *)&word + offset, data, size);
    return trace(job->injector, PTRACE_POKEDATA, tid, (void *)aligned, (void *)word) < 0 ? -1 : 0;
}

static int memory_poke(struct job *job, pid_t tid, uint64_t address, const uint8_t *data,
                       size_t size)
{
    while (size) {
        size_t offset = address % sizeof(long);
        size_t part = sizeof(long) - offset < size ? sizeof(long) - offset : size;

        if (word_poke(job, tid, address - offset, data, offset, part) < 0)
            return -1;
        address += part;
        data += part;
        size -= part;
    }
    return 0;
}

int memory_write(struct job *job, pid_t tid, uint64_t address, const void *data, size_t size)
{
    const uint8_t *from = data;

    while (size) {
        ssize_t n;

        fault_point(job->injector);
        n = pwrite(job->process->mem, from, size, (off_t)address);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return memory_poke(job, tid, address, from, size);
        address += (uint64_t)n;
        from += n;
        size -= (size_t)n;
    }
    return 0;
}

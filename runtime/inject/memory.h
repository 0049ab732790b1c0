/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes to the memory of a stopped process. */
#ifndef SYSCARE_INJECT_MEMORY_H
#define SYSCARE_INJECT_MEMORY_H

#include "runtime/inject/injector.h"

/*
 * Writes through /proc/PID/mem, which also reaches text and read-only data (copy on write); where
 * the kernel forbids that (CONFIG_PROC_MEM_NO_FORCE), by PTRACE_POKEDATA of the stopped thread
 * tid. 0, or -1 with errno set; then any part may have been written.
 */
int memory_write(struct job *job, pid_t tid, uint64_t address, const void *data, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds out what an indirect function (STT_GNU_IFUNC) is, when no slot in the process holds it. */
#ifndef SYSCARE_INJECT_RESOLVER_H
#define SYSCARE_INJECT_RESOLVER_H

#include "runtime/process_symbol.h"

/*
 * Calls the resolver that match names in a process of ours, which has copies of the defining
 * library and of the dynamic linker at the same addresses, and in which a seccomp filter leaves no
 * system call but write(2) to us. The target is only read. 0 and what was returned, not
 * checked in any way; or -1 with err set.
 */
int resolver_run(const struct process_modules *modules, const struct symbol_match *match,
                 uint64_t *address, struct sc_error **err);

#endif
